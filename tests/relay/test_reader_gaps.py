"""What a reader says is missing: cut off, lost, or handed to somebody else."""

from __future__ import annotations

import pytest
from consuming import Setting, take
from entries import STREAM, Publisher
from faulty import FaultyEngine

from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineUnavailable, MemoryEngine
from venuesdk.relay.entry import Head, Kind, gap_text
from venuesdk.timing import Deadline


def test_what_was_cut_off_is_counted_before_the_next_event(setting: Setting) -> None:
    """Exactly, by the engine; and the reader's origin is the event before which it stands."""
    reader = setting.reader()
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    assert take(reader, 4) == [8, 9, 10, 11]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 6, 1)]


def test_every_cut_is_counted_once_though_two_come_in_one_wait(setting: Setting) -> None:
    """What grew beyond one hole belongs to the next."""
    reader = setting.reader(batch=2)
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    assert take(reader, 1) == [8]
    setting.publisher.tick(12, 21)
    setting.publisher.engine.cut(STREAM, 2)
    assert take(reader, 3) == [9, 20, 21]
    assert [gap.count for gap in setting.gaps] == [6, 10]


def test_what_the_engine_lost_is_counted_where_nobody_else_can_have_it(setting: Setting) -> None:
    """By the numbers of the entries, within one term and at the beginning of the next."""
    reader = setting.reader()
    setting.publisher.tick(1)
    setting.publisher.skip(3)
    setting.publisher.tick(5)
    assert take(reader, 2) == [1, 5]
    assert setting.gaps == [Gap(GapReason.LOST, 3, 1)]
    later = Publisher(setting.store, term=8)
    later.skip(2)
    later.tick(6)
    assert take(reader, 1) == [6]
    assert setting.gaps[1:] == [Gap(GapReason.LOST, 2, 1)]
    last = Publisher(setting.store, term=9)
    last.tick(7)
    assert take(reader, 1) == [7]
    assert len(setting.gaps) == 2


def test_two_readers_of_one_name_are_told_of_each_other_and_of_no_loss(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is handed what the other is not; a warning of each, once, says what is wrong."""
    one, two = setting.reader(batch=2), setting.reader(batch=2)
    for reader in (one, two):
        reader.start()
        with pytest.raises(TimeoutError):
            reader.get(0)
    setting.publisher.tick(1, 12)
    numbers = [take(reader, 2) for reader in (one, two) * 3]
    assert numbers == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    assert setting.gaps == []
    text = "another reader is called 'one' in group 'books' too: names are for one process each"
    assert [said for said in caplog.messages if "called" in said] == [text, text]


def test_the_first_read_of_a_group_has_no_hole(setting: Setting) -> None:
    """It begins with the oldest entry that is kept, whatever its number."""
    setting.publisher.tick(1, 10)
    setting.publisher.engine.cut(STREAM, 3)
    reader = setting.reader()
    assert take(reader, 3) == [8, 9, 10]
    assert setting.gaps == []


def test_what_was_cut_off_before_the_first_read_is_counted(setting: Setting) -> None:
    """A group that was made, and was given nothing yet, can lose all the same."""
    setting.reader(consumer="early").start().close()
    setting.publisher.tick(1, 10)
    setting.publisher.engine.cut(STREAM, 3)
    reader = setting.reader()
    assert take(reader, 3) == [8, 9, 10]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 7, 1)]


def test_what_was_cut_off_while_nobody_read_is_counted(setting: Setting) -> None:
    """The group's place is known, though this reader is new."""
    setting.publisher.tick(1, 2)
    first = setting.reader()
    take(first, 2)
    with pytest.raises(TimeoutError):
        first.get(0)
    first.close()
    setting.publisher.tick(3, 12)
    setting.publisher.engine.cut(STREAM, 3)
    again = setting.reader()
    assert take(again, 3) == [10, 11, 12]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 7, 1)]


def test_a_gap_that_a_killed_program_had_no_time_to_tell_is_told_by_the_next(
    setting: Setting,
) -> None:
    """Once: what was told of is kept by the engine."""
    setting.publisher.tick(1)
    first = setting.reader(batch=10)
    take(first, 1)
    with pytest.raises(TimeoutError):
        first.get(0)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    first._intake.bring(Deadline(0))
    setting.crash(first)
    setting.publisher.tick(12)
    second = setting.reader()
    assert take(second, 5) == [8, 9, 10, 11, 12]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 6, 1)]
    setting.crash(second)
    setting.publisher.tick(13)
    assert take(setting.reader(), 2) == [12, 13]
    assert len(setting.gaps) == 1


def test_what_was_told_of_long_ago_is_no_gap_of_who_comes_back(setting: Setting) -> None:
    """Though another of the group went on meanwhile."""
    setting.publisher.tick(1, 9)
    one = setting.reader(consumer="one", batch=3).start()
    setting.publisher.engine.cut(STREAM, 3)
    assert take(one, 3) == [7, 8, 9]
    assert [gap.count for gap in setting.gaps] == [6]
    two = setting.reader(consumer="two", batch=3).start()
    setting.publisher.tick(10, 15)
    assert take(one, 3) == [10, 11, 12]
    assert take(two, 3) == [13, 14, 15]
    assert len(setting.gaps) == 1


def test_a_lost_answer_hides_no_gap(setting: Setting) -> None:
    """What was cut off before the entries of which the reader did not hear."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    setting.publisher.tick(1)
    reader = setting.reader(engine)
    take(reader, 1)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    engine.fail("read", EngineUnavailable("no answer"), done=True)
    assert take(reader, 1) == [8]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 6, 1)]


def test_a_loss_of_which_its_publisher_tells_is_told_once(setting: Setting) -> None:
    """It counts what it had confirmed; the numbers say the same."""
    reader = setting.reader()
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.skip(3)
    lost = gap_text(Gap(GapReason.LOST, 3))
    setting.publisher.write(lost, head=Head(Kind.GAP, "tickers", epoch=1))
    setting.publisher.tick(5)
    assert take(reader, 1) == [5]
    assert setting.gaps == [Gap(GapReason.LOST, 3, 1)]


def test_what_was_trimmed_in_hand_is_one_gap(setting: Setting) -> None:
    """Handed out, not acknowledged, and forgotten by the engine meanwhile."""
    setting.publisher.tick(1, 4)
    first = setting.reader()
    take(first, 1)
    setting.crash(first)
    setting.publisher.engine.cut(STREAM, 1)
    again = setting.reader()
    assert take(again, 1) == [4]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 3, 1)]
    with pytest.raises(TimeoutError):
        again.get(0)
    assert setting.held() == set()


def test_an_engine_that_was_emptied_is_joined_again_and_told_of(setting: Setting) -> None:
    """What it holds is handed on; how much is gone nobody knows."""
    setting.publisher.tick(1, 2)
    reader = setting.reader()
    take(reader, 2)
    setting.store.streams.clear()
    setting.publisher.tick(3, 4)
    assert take(reader, 2) == [3, 4]
    assert setting.gaps == [Gap(GapReason.LOST, None, 1)]
    assert setting.errors == []
    with pytest.raises(TimeoutError):
        reader.get(0)
    assert setting.held() == set()


def test_a_group_that_was_forgotten_doubles_nothing(setting: Setting) -> None:
    """It begins with the oldest entry again; what was seen to here is not handed on."""
    setting.publisher.tick(1, 3)
    reader = setting.reader()
    take(reader, 3)
    setting.store.streams[STREAM].groups.clear()
    setting.publisher.tick(4)
    assert take(reader, 1) == [4]
    assert setting.gaps == [Gap(GapReason.LOST, None, 1)]
    assert reader.stats.duplicates == 3
    with pytest.raises(TimeoutError):
        reader.get(0)
    assert setting.held() == set()


def test_a_hole_waits_for_the_engine_to_be_judged(setting: Setting) -> None:
    """An event is not handed on before what is missing before it was told of."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine).start()
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.skip(2)
    setting.publisher.tick(4)
    engine.fail("lost", *[EngineUnavailable("no answer")] * 2)
    engine.fail("alone", EngineUnavailable("no answer"))
    assert take(reader, 1) == [4]
    assert setting.gaps == [Gap(GapReason.LOST, 2, 1)]
