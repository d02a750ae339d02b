"""What a relay says of entries that its engine had confirmed and no longer has."""

from __future__ import annotations

from collections.abc import Callable

from publishing import Setting
from sources import STREAM

from venuesdk.relay import EngineUnavailable

LOST_4 = ["lost 4", "state", "taken_over"]
"""How a term begins that follows a loss."""


def test_what_the_engine_lost_after_it_had_confirmed_it_is_told(
    make: Callable[..., Setting],
) -> None:
    """After a failure the top is looked at: what is missing there is a gap with its count."""
    one = make()
    with one.relay:
        one.publish(10)
        with one.store.lock:
            kept = one.store.streams[STREAM]
            for _ in range(4):
                kept.entries.popitem()
            kept.top = max(kept.entries)
        one.engine.fail("append", EngineUnavailable("restarted"))
        one.publish(2)
    assert one.entries() == ["state", "1", "2", "3", "4", "5", "6", *LOST_4, "11", "12"]
    assert any("lost 4 entries" in str(error) for error in one.errors)


def test_a_batch_that_was_read_before_the_engine_lost_it_hides_nothing(
    make: Callable[..., Setting],
) -> None:
    """Its answer was lost, a reader had it: what tells of the loss stands where nobody has read."""
    one = make()
    with one.relay:
        one.publish(4)
        with one.store.lock:
            before = dict(one.store.streams[STREAM].entries)
        one.engine.fail("append", EngineUnavailable("no answer"), done=True)
        held = one.engine.hold("top")
        one.feed.give(2)
        assert one.engine.reached.wait(5)
        with one.store.lock:
            kept = one.store.streams[STREAM]
            seen = set(kept.entries)
            kept.entries = dict(list(before.items())[:3])
            kept.top = max(kept.entries)
        held.set()
        assert one.relay.flush(5)
        with one.store.lock:
            came = [position for position in kept.entries if position not in seen]
    assert one.entries() == ["state", "1", "2", "lost 2", "state", "taken_over", "5", "6"]
    assert len(came) == 5
    assert [str(error) for error in one.errors].count(
        f"the engine lost 2 entries of {STREAM} that it had confirmed"
    ) == 1


def test_a_loss_is_told_once_though_the_engine_fails_again(make: Callable[..., Setting]) -> None:
    """What tells of it is under way itself until the engine has confirmed it."""
    one = make()
    with one.relay:
        one.publish(3)
        with one.store.lock:
            one.store.streams.clear()
        one.engine.fail("append", *[EngineUnavailable("gone")] * 3)
        one.publish(1)
    assert one.entries() == [*LOST_4, "4"]


def test_an_engine_that_forgot_everything_is_told_of(make: Callable[..., Setting]) -> None:
    """Its streams begin anew, in a higher term, and say how much is missing."""
    one = make()
    with one.relay:
        one.publish(10)
        with one.store.lock:
            for kept in (one.store.streams, one.store.offices, one.store.terms):
                kept.clear()
        one.look_again()
        one.publish(1)
        one.publish(1)
    assert one.entries() == ["lost 11", "state", "taken_over", "11", "12"]
    assert any("lost 11 entries" in str(error) for error in one.errors)


def test_a_loss_is_noticed_though_nothing_comes_and_nothing_fails(
    make: Callable[..., Setting],
) -> None:
    """A stream that is silent is looked at each time that it is trimmed."""
    one = make()
    with one.relay:
        one.publish(3)
        with one.store.lock:
            one.store.streams.clear()
            one.relay._flusher._trim_at = 0.0
            one.relay._flusher._signal.put(None)
            assert one.store.changed.wait_for(lambda: one.entries() == LOST_4, 5)
