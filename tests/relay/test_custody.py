"""Custody: every entry once, and what may be missing; without any engine."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as some

from venuesdk.relay import Position
from venuesdk.relay.custody import Custody, Emptied, Entry, Hole, Item, Trimmed
from venuesdk.relay.engine import START, Stored

STREAM = "venuesdk:{onyx}:tickers"


def stored(*seqs: int, term: int = 7) -> list[Stored]:
    """Return entries as they are read."""
    return [Stored(Position(term, seq), {b"kind": b"event"}) for seq in seqs]


def begun(given: Position = START, owing: bool = False) -> Custody:
    """Return a custody that has begun with one stream."""
    custody = Custody()
    custody.begin(STREAM, given, owing)
    return custody


def work_off(custody: Custody) -> list[Item]:
    """See to everything that waits."""
    items: list[Item] = []
    while (item := custody.next()) is not None:
        items.append(item)
        custody.done(item)
    return items


def entries(items: list[Item]) -> list[int]:
    """Return the numbers of the entries."""
    return [item.position.seq for item in items if isinstance(item, Entry)]


def acknowledged(custody: Custody) -> list[Position]:
    """Let an engine confirm everything; return what that was."""
    done: list[Position] = []
    for stream, positions in custody.to_acknowledge(2):
        assert len(positions) <= 2
        done += positions
        custody.confirm(stream, positions)
    return done


def test_what_was_seen_to_is_to_be_acknowledged_and_nothing_else() -> None:
    """What is in hand is not; the counters say how much of each there is."""
    custody = begun(Position(7, 0))
    custody.take(STREAM, stored(1, 2, 3))
    first = custody.next()
    assert isinstance(first, Entry)
    custody.done(first)
    assert (custody.entries, custody.unsettled, custody.unacknowledged) == (2, 1, 3)
    assert acknowledged(custody) == [Position(7, 1)]
    assert (custody.acknowledged, custody.unacknowledged) == (1, 2)


def test_what_is_done_twice_takes_nothing_else_away() -> None:
    """Ctrl-C may come between the end of one and the note that it is over."""
    custody = begun(Position(7, 0))
    custody.take(STREAM, stored(1, 2))
    first = custody.next()
    assert first is not None
    custody.done(first)
    custody.done(first)
    custody.again(first)
    assert [item.redelivered for item in work_off(custody) if isinstance(item, Entry)] == [False]


def test_what_comes_again_is_not_handed_on_and_is_acknowledged_again() -> None:
    """Whether it is in hand, seen to, or confirmed: the engine may have forgotten."""
    custody = begun(Position(7, 0))
    custody.take(STREAM, stored(1, 2))
    custody.take_again(STREAM, stored(1, 2), own=True)
    assert entries(work_off(custody)) == [1, 2]
    custody.take_again(STREAM, stored(1), own=True)
    assert custody.next() is None
    assert acknowledged(custody) == [Position(7, 1), Position(7, 2)]
    custody.take_again(STREAM, stored(2), own=True)
    assert custody.next() is None
    assert acknowledged(custody) == [Position(7, 2)]
    assert (custody.received, custody.duplicates) == (2, 4)


def test_what_was_handed_on_and_perhaps_not_seen_to_is_next_again() -> None:
    """And marked; it is acknowledged only when it is done."""
    custody = begun(Position(7, 0))
    custody.take(STREAM, stored(1, 2))
    first = custody.next()
    assert isinstance(first, Entry)
    custody.again(first)
    assert custody.next() == first._replace(redelivered=True)
    assert (custody.entries, custody.unsettled) == (2, 0)
    assert entries(work_off(custody)) == [1, 2]


@given(some.lists(some.lists(some.integers(1, 30), max_size=8), max_size=8), some.randoms())
def test_nothing_is_handed_on_twice(batches: list[list[int]], chance: random.Random) -> None:
    """Whatever the engine hands out again, at whatever time, with whatever acknowledged."""
    custody, handed = begun(), []
    for batch in batches:
        if chance.random() < 0.5:
            custody.take(STREAM, stored(*batch))
        else:
            custody.take_again(STREAM, stored(*batch), own=chance.random() < 0.5)
        handed += entries(work_off(custody))
        if chance.random() < 0.5:
            acknowledged(custody)
    assert sorted(handed) == sorted({seq for batch in batches for seq in batch})
    acknowledged(custody)
    assert (custody.unsettled, custody.unacknowledged) == (0, 0)


def test_holes_stand_before_what_they_were_found_by() -> None:
    """In one term they are exact; a new term may have lost its beginning."""
    custody = begun(Position(7, 3))
    custody.take(STREAM, stored(4, 6, 7, 10))
    custody.take(STREAM, stored(3, term=8))
    items = [item if isinstance(item, Hole) else item.position.seq for item in work_off(custody)]
    assert items == [
        4, Hole(STREAM, 1, True, Position(7, 6)), 6, 7, Hole(STREAM, 2, True, Position(7, 10)), 10,
        Hole(STREAM, 2, False, Position(8, 3)), 3,
    ]  # fmt: skip


def test_what_another_had_is_no_hole_and_closes_none_behind_it() -> None:
    """The next new entry follows the last of those that were handed out before."""
    custody = begun()
    custody.take_again(STREAM, stored(4, 9), own=False)
    custody.take(STREAM, stored(10, 12))
    items = work_off(custody)
    holes = [item for item in items if isinstance(item, Hole)]
    assert holes == [Hole(STREAM, 1, True, Position(7, 12))]
    assert entries(items) == [4, 9, 10, 12]


def test_what_this_consumer_did_not_hear_of_may_have_a_hole_before_it() -> None:
    """The answer was lost, and comes again as what it has not seen to."""
    custody = begun(Position(7, 2))
    custody.take_again(STREAM, stored(5, 6), own=True)
    assert work_off(custody)[0] == Hole(STREAM, 2, True, Position(7, 5))
    custody.take_again(STREAM, stored(5, 6), own=True)
    assert work_off(custody) == []


def test_what_a_reader_before_did_not_tell_is_weighed_before_the_first_new_entry() -> None:
    """Once; where there is a hole together with that, for nobody can say where it was."""
    custody = begun(Position(7, 2), owing=True)
    custody.take_again(STREAM, stored(1, 2), own=True)
    assert entries(work_off(custody)) == [1, 2]
    custody.take(STREAM, stored(3, 4))
    hole, *others = work_off(custody)
    assert hole == Hole(STREAM, 0, False, Position(7, 3))
    assert [type(one) for one in others] == [Entry, Entry]
    custody = begun(Position(7, 2), owing=True)
    custody.take(STREAM, stored(5))
    assert work_off(custody)[0] == Hole(STREAM, 2, False, Position(7, 5))


def test_what_was_trimmed_is_one_item() -> None:
    """As long as nothing stands between."""
    custody = begun()
    gone = [Stored(Position(7, seq), None) for seq in (1, 2, 3)]
    custody.take_again(STREAM, [*gone[:2], *stored(5), gone[2]], own=True)
    items = work_off(custody)
    assert [len(item.positions) for item in items if isinstance(item, Trimmed)] == [2, 1]
    assert len(acknowledged(custody)) == 4


def test_a_group_that_begins_anew_expects_nothing() -> None:
    """That it was emptied is told; a hole on top of it would count the same again."""
    custody = begun(Position(7, 5))
    custody.tell(STREAM, 3)
    custody.begin_anew(STREAM)
    assert custody.told == {}
    custody.take(STREAM, stored(9))
    found, hole, entry = work_off(custody)
    assert found == Emptied(STREAM)
    assert isinstance(hole, Hole) and isinstance(entry, Entry)
    assert custody.losses(hole, 0, 0, True) == (0, 0)


def losses(custody: Custody, lost: int, alone: bool, told: int = 0) -> tuple[int, int]:
    """Return what the next hole says."""
    hole = next(item for item in work_off(custody) if isinstance(item, Hole))
    return custody.losses(hole, lost, told, alone)


def test_what_was_cut_off_explains_a_hole() -> None:
    """Of others in the group only what was cut off, and not told of, concerns this consumer."""
    for alone, expected in ((True, (3, 0)), (False, (4, 0))):
        custody = begun(Position(7, 1))
        custody.take(STREAM, stored(2))
        custody.take(STREAM, stored(6))
        assert losses(custody, 14, alone, told=10) == expected


def test_what_was_told_of_is_to_be_kept_and_not_told_again() -> None:
    """Though the engine has not kept it yet."""
    custody = begun(Position(7, 1))
    custody.take(STREAM, stored(2, 6))
    assert losses(custody, 14, True, told=10) == (3, 0)
    custody.tell(STREAM, 3)
    assert custody.told == {STREAM: 13}
    custody.take(STREAM, stored(12))
    assert losses(custody, 14, True, told=10) == (1, 0)


def test_a_hole_that_nothing_explains_is_lost_where_nobody_else_can_have_it() -> None:
    """Else it is another consumer's."""
    for alone, expected in ((True, (0, 3)), (False, (0, 0))):
        custody = begun(Position(7, 1))
        custody.take(STREAM, stored(2))
        custody.take(STREAM, stored(6))
        assert losses(custody, 0, alone) == expected


def test_what_was_told_before_its_own_hole_was_reached_is_not_told_again() -> None:
    """How many are behind a hole between two terms nobody knows; the next one may be of those."""
    custody = begun(Position(7, 1))
    custody.take(STREAM, stored(1, term=8))
    assert losses(custody, 6, True) == (6, 0)
    custody.tell(STREAM, 6)
    custody.take(STREAM, stored(10, term=8))
    assert losses(custody, 6, True) == (0, 2)
    custody.take(STREAM, stored(13, term=8))
    assert losses(custody, 6, True) == (0, 2)


def test_a_counter_that_was_set_back_is_counted_from_there() -> None:
    """The engine was emptied, and cut since."""
    custody = begun(Position(7, 1))
    custody.tell(STREAM, 10)
    custody.take(STREAM, stored(2, 5))
    assert losses(custody, 0, True) == (0, 2)
    custody.take(STREAM, stored(8))
    assert losses(custody, 2, True) == (2, 0)


def test_what_ctrl_c_left_half_done_is_mended() -> None:
    """An entry that was noted and not queued, or queued and not noted, is neither lost nor two."""
    custody = begun(Position(7, 0))
    custody.take(STREAM, stored(1))
    state = custody._streams[STREAM]
    state.held.add(Position(7, 2))
    state.held.discard(Position(7, 1))
    custody.mend()
    custody.take_again(STREAM, stored(1, 2), own=True)
    assert entries(work_off(custody)) == [1, 2]
    assert custody.entries == 0
