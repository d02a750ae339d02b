"""The judgement: what the callers were told, against what the venue did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from records import (
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

__all__ = ["CUT_SHORT", "GRACE", "SPAN", "Verdict", "judge_calls", "judge_feed", "judge_gaps"]

GRACE = 0.5
"""How many seconds later than its timeout a call may end."""
RECONNECTED = "reconnected"
"""A gap of which its reason is kept: the connection was lost."""
CUT_SHORT = "ConnectionLost: the peer took only a part of a frame"
"""What a call says whose frame was begun when its time ran out."""
SPAN = 1_000_000
"""The numbers of a stream's events: this, times the connection's number, and a count from 1."""


@dataclass
class Verdict:
    """Counts of what happened and of what went wrong, and the worst of it in words."""

    counts: Counter[str] = field(default_factory=Counter)
    worst_overrun: float = 0.0
    problems: list[str] = field(default_factory=list)

    def wrong(self, count: str, text: str) -> None:
        """Count one fault of the client."""
        self.counts[count] += 1
        self.problems.append(f"{count}: {text}")


def judge_calls(
    calls: Iterable[Call], executions: Executions, verdict: Verdict, replayed: frozenset[str]
) -> None:
    """Hold every call against the venue's books.

    Kinds in `replayed` are subscriptions: they are made anew on each connection, once.
    """
    for call in calls:
        verdict.counts["calls"] += 1
        verdict.counts[call.outcome] += 1
        verdict.counts["cut_short"] += call.error.startswith(CUT_SHORT)
        if call.writes:
            _judge_execution(call, executions, verdict, call.kind in replayed)
        if call.answers_another:
            verdict.wrong("misreported", f"{call} got the answer {call.answers_another}")
        if call.outcome == UNTYPED:
            verdict.wrong("misreported", f"{call} raised what is no error of the product")
        if call.outcome != INTERRUPTED:
            overrun = call.seconds - call.timeout
            verdict.worst_overrun = max(verdict.worst_overrun, overrun)
            if overrun > GRACE:
                verdict.wrong("late", f"{call} took {call.seconds:.3f} s")
    verdict.counts[UNKNOWN] += verdict.counts[INTERRUPTED]


def _judge_execution(call: Call, executions: Executions, verdict: Verdict, replayed: bool) -> None:
    done = executions.of(call)
    most = Counter(connection for _, connection in done) if replayed else {0: len(done)}
    if done and max(most.values()) > 1:
        verdict.wrong("doubled", f"{call} was executed {len(done)} times: {done[:4]}")
    if call.outcome == ACKNOWLEDGED and not any(moment <= call.ended for moment, _ in done):
        verdict.wrong("lost", f"{call} was not executed when it was acknowledged: {done}")
    if call.outcome in (NOT_SENT, REFUSED) and done:
        verdict.wrong("misreported", f"{call} was executed: {done}")
    if call.outcome in (UNKNOWN, INTERRUPTED):
        verdict.counts["unknown_executed"] += bool(done)


def judge_feed(feed: Feed, verdict: Verdict) -> None:
    """Find what is missing without a gap, came twice or too late, and gaps where nothing was lost.

    Between two events there are no more gaps of a lost connection than there were connections.
    """
    last = 0
    told: list[str] = []
    for one in feed.seen:
        if isinstance(one, str):
            told.append(one)
            verdict.counts["gaps_told"] += 1
            continue
        verdict.counts["events"] += 1
        if one <= last:
            verdict.wrong("disorder", f"{feed.name}: {one} after {last}")
        # The first event of all may be any; what came before the stream began is not missed.
        elif last and one != last + 1:
            missed = one - last - 1 if one // SPAN == last // SPAN else None
            verdict.counts["missed_in_gaps"] += (missed or 0) if told else 0
            if not told:
                verdict.wrong("silent_gaps", f"{feed.name}: {one} after {last} without a word")
        if last and told.count(RECONNECTED) > max(0, one // SPAN - last // SPAN):
            verdict.wrong("false_gaps", f"{feed.name}: {told} between {last} and {one}")
        last, told = one, []


def judge_gaps(name: str, feeds: Iterable[Feed], reasons: int, verdict: Verdict) -> None:
    """See that one consumer was told of no more gaps, in all its feeds, than there were reasons.

    These are the connections that came after a lost one, and what was sent to it on purpose that
    it could not read, or not as fast.
    """
    told = Counter(one for feed in feeds for one in feed.seen if isinstance(one, str))
    if told.total() > reasons:
        verdict.wrong("false_gaps", f"{name}: {dict(told)} for {reasons} reasons")
