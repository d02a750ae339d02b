"""Runs: a set of positions in little memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from venuesdk.relay import Position
from venuesdk.relay.runs import Runs

POSITIONS = some.builds(Position, some.integers(1, 3), some.integers(1, 12))


@given(some.lists(POSITIONS))
def test_it_is_a_set(added: list[Position]) -> None:
    """Whatever is put in, in any order, twice too; and nothing else is in it."""
    runs = Runs()
    for position in added:
        runs.add(position)
    every = [Position(term, seq) for term in range(5) for seq in range(15)]
    assert {one for one in every if one in runs} == set(added)
    starts = {one for one in added if Position(one.term, one.seq - 1) not in added}
    assert len(runs) == len(starts)


def test_what_follows_one_another_takes_no_memory() -> None:
    """A hundred thousand positions of one consumer that shares with nobody are one run."""
    runs = Runs()
    for seq in range(1, 100_001):
        runs.add(Position(7, seq))
    assert len(runs) == 1
    assert Position(7, 100_000) in runs


def test_the_oldest_runs_are_forgotten() -> None:
    """Beyond a bound, so that memory is bounded however a group shares its entries."""
    runs = Runs(most=3)
    for seq in (2, 4, 6, 8):
        runs.add(Position(7, seq))
    assert [seq for seq in range(10) if Position(7, seq) in runs] == [4, 6, 8]
