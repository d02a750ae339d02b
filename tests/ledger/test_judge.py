"""The judge finds every kind of lie: a ledger whose judge is blind would always be clean."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judge import CUT_SHORT, SPAN, Verdict, judge_calls, judge_feed, judge_gaps  # noqa: E402
from records import (  # noqa: E402
    ACKNOWLEDGED,
    INTERRUPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNTYPED,
    Call,
    Executions,
    Feed,
)

WRONG = ("lost", "doubled", "misreported", "late", "silent_gaps", "false_gaps", "disorder")


def found(verdict: Verdict) -> list[str]:
    """Name what the verdict says is wrong."""
    return [name for name in WRONG if verdict.counts[name]]


def judged(call: Call, *done: tuple[float, int], replayed: str = "") -> list[str]:
    """Judge one call that the venue executed at these moments, on these connections."""
    executions, verdict = Executions(), Verdict()
    for moment, connection in done:
        executions.note(call.kind, call.marker, moment, connection)
    judge_calls([call], executions, verdict, frozenset([replayed]))
    assert len(verdict.problems) == len(found(verdict))
    return found(verdict)


def call(outcome: str, **facts: object) -> Call:
    """Return a call that ended at second 10."""
    return Call(1, "order", 1.0, outcome, ended=10.0, **facts)  # type: ignore[arg-type]


ONCE = (5.0, 1)


@pytest.mark.parametrize(
    ("told", "done", "wrong"),
    [
        (call(ACKNOWLEDGED), [ONCE], []),
        (call(ACKNOWLEDGED), [], ["lost"]),
        (call(ACKNOWLEDGED), [(11.0, 1)], ["lost"]),
        (call(ACKNOWLEDGED), [ONCE, ONCE], ["doubled"]),
        (call(ACKNOWLEDGED, answers_another="2"), [ONCE], ["misreported"]),
        (call(ACKNOWLEDGED, seconds=1.6), [ONCE], ["late"]),
        (call(ACKNOWLEDGED, seconds=1.4), [ONCE], []),
        (call(ACKNOWLEDGED, writes=False), [], []),
        (call(NOT_SENT), [], []),
        (call(NOT_SENT), [ONCE], ["misreported"]),
        (call(NOT_SENT), [(99.0, 1)], ["misreported"]),
        (call(NOT_SENT, tidied=50.0), [(99.0, 1)], []),
        (call(REFUSED), [ONCE], ["misreported"]),
        (call(UNKNOWN), [ONCE], []),
        (call(UNKNOWN), [], []),
        (call(UNKNOWN), [ONCE, (99.0, 2)], ["doubled"]),
        (call(INTERRUPTED, seconds=9.0), [ONCE], []),
        (call(UNTYPED), [], ["misreported"]),
    ],
)
def test_each_lie_about_a_call_is_found(
    told: Call, done: list[tuple[float, int]], wrong: list[str]
) -> None:
    """What a caller was told is held against what the venue did, and by when."""
    assert judged(told, *done) == wrong


def test_a_subscription_may_be_replayed_once_per_connection() -> None:
    """Executed once on each of two connections is a replay, twice on one is double."""
    assert judged(call(ACKNOWLEDGED), (5.0, 1), (6.0, 2), replayed="order") == []
    assert judged(call(ACKNOWLEDGED), (5.0, 1), (6.0, 1), replayed="order") == ["doubled"]


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ([SPAN + 1, SPAN + 2, SPAN + 3], []),
        ([SPAN + 4, SPAN + 5], []),
        ([SPAN + 1, SPAN + 3], ["silent_gaps"]),
        ([SPAN + 1, "gap", SPAN + 3], []),
        ([SPAN + 1, "gap", SPAN + 3, SPAN + 5], ["silent_gaps"]),
        (["gap", SPAN + 1, SPAN + 3], ["silent_gaps"]),
        ([SPAN + 1, 2 * SPAN + 1], ["silent_gaps"]),
        ([SPAN + 1, "gap", 2 * SPAN + 1], []),
        ([SPAN + 1, "reconnected", 2 * SPAN + 1], []),
        ([SPAN + 1, "reconnected", "reconnected", 3 * SPAN + 1], []),
        (["reconnected", SPAN + 1, SPAN + 2, "reconnected"], []),
        ([SPAN + 1, "reconnected", SPAN + 2], ["false_gaps"]),
        ([SPAN + 1, "reconnected", "reconnected", 2 * SPAN + 1], ["false_gaps"]),
        ([SPAN + 2, SPAN + 2], ["disorder"]),
        ([2 * SPAN + 1, "gap", SPAN + 9], ["disorder"]),
    ],
)
def test_each_lie_of_a_stream_is_found(seen: list[int | str], wrong: list[str]) -> None:
    """What is missing without a gap is found, and so is what came twice or late."""
    verdict = Verdict()
    judge_feed(Feed("a stream", list(seen)), verdict)
    assert found(verdict) == wrong


def test_gaps_beyond_their_reasons_are_found() -> None:
    """Three gaps of one consumer need three reasons, in however many feeds they were told."""
    feeds = [Feed("first", [SPAN + 1, "overflow"]), Feed("second", ["reconnected", "undecodable"])]
    for reasons, wrong in ((3, []), (2, ["false_gaps"])):
        verdict = Verdict()
        judge_gaps("a consumer", feeds, reasons, verdict)
        assert found(verdict) == wrong


def test_a_call_that_was_cut_short_is_counted() -> None:
    """Only the call counts whose own frame was begun, and not what waited behind it."""
    verdict = Verdict()
    told = [f"{CUT_SHORT} until the time was up", "NotSent: the peer took only a part of a frame"]
    calls = [call(UNKNOWN, error=error) for error in told]
    judge_calls(calls, Executions(), verdict, frozenset())
    assert verdict.counts["cut_short"] == 1
