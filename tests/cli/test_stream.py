"""Everything that happens to a client's topics, in one order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from venuesdk import AuthenticationError, OnyxClient, RequestRejected
from venuesdk.cli.stream import Ending, Entry, Stream
from venuesdk.cli.topics import find
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.protocol.convert import encode_json, to_plain
from venuesdk.testing import simulate
from venuesdk.timing import Backoff, Deadline

QUICK = Backoff(initial=0.01, maximum=0.02)


def take_until(stream: Stream, found: Callable[[list[Entry]], object]) -> list[Entry]:
    """Take entries until what is looked for is among them."""
    entries: list[Entry] = []
    deadline = Deadline(8)
    while not found(entries):
        assert not deadline.expired(), entries
        entries += stream.take(0.25)
    return entries


def test_a_reconnection_is_in_line_with_the_events() -> None:
    """Lost, connected again, the gap of the topic, and events again: each of its own kind."""
    with simulate("onyx") as venue, OnyxClient(
        url=venue.url, delivery="pump", reconnect=QUICK, **venue.credentials
    ) as client:
        stream = Stream(client)
        stream.subscribe([find("onyx", "tickers:dub")], conflate=False)
        take_until(stream, lambda entries: any(one.kind == "event" for one in entries))
        venue.drop()
        entries = take_until(
            stream,
            lambda entries: "gap" in [one.kind for one in entries] and entries[-1].kind == "event",
        )
        kinds = [(one.kind, getattr(one.value, "state", None)) for one in entries]
        lost = kinds.index(("state", State.RECONNECTING))
        back = kinds.index(("state", State.CONNECTED))
        gap = kinds.index(("gap", None))
        assert lost < back < gap
        assert entries[gap].topic == "tickers:dub"
        assert entries[gap].value.reason is GapReason.RECONNECTED
        assert ("event", None) in kinds[gap:]


def test_a_login_that_is_refused_later_ends_it_when_all_was_taken() -> None:
    """The change of state is told first, and then the refusal is raised."""
    with simulate("onyx", interval=None) as venue, OnyxClient(
        url=venue.url, delivery="pump", reconnect=QUICK, **venue.credentials
    ) as client:
        stream = Stream(client)
        stream.subscribe([find("onyx", "server_info")], conflate=False)
        venue.refuse_login()
        venue.drop()
        with pytest.raises(AuthenticationError):
            take_until(stream, lambda entries: False)


def test_a_topic_that_is_refused_is_raised() -> None:
    """There is nothing to watch then."""
    with simulate("onyx") as venue, OnyxClient(
        url=venue.url, delivery="pump", **venue.credentials
    ) as client, pytest.raises(RequestRejected):
        Stream(client).subscribe([find("onyx", "tickers:unobtainium")], conflate=False)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry("event", Gap(GapReason.STALE), "t"), {"topic": "t", "type": "Gap"}),
        (
            Entry("gap", Gap(GapReason.OVERFLOW, 3, 2), "t"),
            {"topic": "t", "gap": {"reason": "overflow", "count": 3, "epoch": 2}},
        ),
        (
            Entry("state", StateChange(State.RECONNECTING, State.CONNECTED, "gone", 1, 2)),
            {"state": "reconnecting", "previous": "connected", "reason": "gone", "attempt": 1,
             "epoch": 2},
        ),
        (Entry("error", ValueError("no")), {"error": "ValueError", "message": "no"}),
    ],
)  # fmt: skip
def test_each_kind_has_a_record_of_its_own(entry: Entry, said: dict[str, object]) -> None:
    """What it is, when and where stand in front of what it says."""
    record = json.loads(encode_json(to_plain(entry.record("onyx"))))
    assert record["kind"] == entry.kind
    assert record["venue"] == "onyx"
    assert record["at"].endswith("+00:00")
    assert said.items() <= record.items()


def test_an_end_counts_events_alone() -> None:
    """What is not an event passes until the last event did; without a count all passes."""
    event, state = Entry("event", 1, "t"), Entry("state", 2)
    ending = Ending(count=2)
    assert ending.admit([state, event, state]) == [state, event, state]
    assert not ending.come
    assert ending.admit([event, state, event]) == [event]
    assert ending.come
    assert Ending().admit([event] * 9) == [event] * 9
    assert not Ending().come
    assert Ending(seconds=0).come
