"""MemoryEngine: what is its own; what it promises as an engine is shown by `test_engine`."""

from __future__ import annotations

import pytest

from venuesdk.relay import EngineUnavailable, MemoryEngine, MemoryStore, Position
from venuesdk.relay import memory as memory_module
from venuesdk.relay.entry import Draft, Head


def test_engines_share_a_store_and_only_a_store() -> None:
    """As programs share a server."""
    store = MemoryStore()
    one, two, stranger = MemoryEngine(store), MemoryEngine(store), MemoryEngine(MemoryStore())
    one.enlist("o", "s")
    assert (two.listed("o"), stranger.listed("o")) == (["s"], [])


def test_a_closed_engine_answers_nothing_and_the_store_stays() -> None:
    """The others go on."""
    store = MemoryStore()
    engine = MemoryEngine(store)
    engine.append("s", Position(1, 1), [Draft(Head("event"), 1, None, b"")])
    engine.close()
    engine.close()
    with pytest.raises(EngineUnavailable, match="was closed"):
        engine.top("s")
    assert MemoryEngine(store).top("s") == Position(1, 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return what the engine takes for the time; a test may change it."""
    now = [100.0]
    monkeypatch.setattr(memory_module, "monotonic", lambda: now[0])
    return now


def test_a_lease_ends_by_itself(clock: list[float]) -> None:
    """Its former holder is told so; another's term is above."""
    engine = MemoryEngine(MemoryStore())
    first = engine.claim("o", "a", 10, 0)
    assert first is not None
    clock[0] += 9
    assert engine.claim("o", "b", 10, 0) is None
    clock[0] += 2
    second = engine.claim("o", "b", 10, 0)
    assert second is not None and second > first
    assert engine.claim("o", "a", 10, first) is None


def test_a_holder_that_was_late_goes_on_where_nobody_came(clock: list[float]) -> None:
    """It has the same term: nobody has written since."""
    engine = MemoryEngine(MemoryStore())
    first = engine.claim("o", "a", 10, 0)
    assert first is not None
    clock[0] += 20
    assert engine.claim("o", "a", 10, first) == first
