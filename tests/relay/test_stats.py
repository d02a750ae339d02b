"""The counters of a relay: of all its streams, and of each."""

from __future__ import annotations

from sources import event, source_of

from venuesdk import OnyxClient
from venuesdk.models import State, StateChange
from venuesdk.relay import MemoryEngine, MemoryStore
from venuesdk.relay.flusher import Flusher
from venuesdk.relay.lane import Lane
from venuesdk.relay.stats import stats_of
from venuesdk.timing import Backoff


def test_the_counters_of_a_relay_are_those_of_its_streams(client: OnyxClient) -> None:
    """What is under way is queued too, until the engine has confirmed it."""
    source = source_of(client)
    state = StateChange(State.CONNECTED, State.CONNECTED, "", 0, 1)
    one, other = (Lane(name, 3, 1 << 20, "oldest") for name in ("one", "other"))
    for lane, term in ((one, 7), (other, 8)):
        lane.add(source)
        lane.begin(term, state, False, 1)
        lane.settle()
    one.put(source, [event(number) for number in range(5)], 1, 1)
    one.take(1, 1, lambda error: None)
    one.kept, other.kept, other.forgotten = 10, 20, 4
    other.put(source, [event(1)], 1, 1)
    other.stand_by()
    flusher = Flusher(
        MemoryEngine(MemoryStore()), [], batch=1, linger=0.0, max_length=None, reconnect=Backoff()
    )
    flusher.undecodable, flusher.trouble.outages, flusher.unpublished = 1, 2, 3
    stats = stats_of(["onyx", "fuze"], [one, other], flusher)
    assert (stats.publishing, stats.down) == (("fuze", "onyx"), False)
    assert (stats.undecodable, stats.outages, stats.unpublished) == (1, 2, 3)
    assert (stats.published, stats.kept, stats.forgotten, stats.skipped) == (2, 30, 4, 1)
    first, second = stats.streams
    assert (first.stream, first.term, second.stream, second.term) == ("one", 7, "other", 8)
    assert (first.dropped, first.queued, second.queued) == (stats.dropped, stats.queued, 0)
    assert first.dropped >= 2
    assert first.queued_bytes == one.size > 0
