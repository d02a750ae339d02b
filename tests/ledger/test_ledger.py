"""The ledger: calls under faults, and what the venue's own books say about them afterwards.

Each run is a process of its own. In it a simulated venue stands behind a TCP fault proxy, several
threads ask, faults of every kind fall at random, and at the end every call and every stream is
held against what the venue did and sent. A run that fails shows the command that repeats it; its
seed fixes the faults, not the moments at which threads run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).with_name("run.py")
VENUES = ("infinex", "timex", "loopring", "fuze", "onyx")
LINKS = ("ws", "wss")
DELIVERIES = ("thread", "inline", "pump", "post")
AT_A_TIME = 2
SECONDS = 10.0
FAULTS = 100
"""How many fall in each run at least, where the suite is to run in full."""
WRONG = ("lost", "doubled", "misreported", "late", "silent_gaps", "false_gaps", "disorder",
         "corrupted", "dead")  # fmt: skip
QUEUED = ("loopring",)
"""Whose requests are queued: no caller's time ends a frame of theirs that was begun."""
MANY_RUNS = len(LINKS) * len(DELIVERIES)


def run(venue: str, link: str, delivery: str, seed: int, *more: str) -> dict[str, Any]:
    """Run one combination in a process of its own; a verdict, or why there is none."""
    command = [
        *(sys.executable, str(RUN), "--venue", venue, "--link", link),
        *("--delivery", delivery, "--seed", str(seed), *more),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as hung:
        verdict = _none(f"it hung: {hung.stderr!r}")
    except (IndexError, ValueError):
        verdict = _none(f"it ended with {done.returncode}: {done.stdout}{done.stderr}")
    else:
        verdict["problems"] += [f"on stderr: {done.stderr[-4000:]}"] if done.stderr else []
    verdict["command"] = " ".join(command)
    return verdict


def _none(why: str) -> dict[str, Any]:
    return {"counts": {"dead": 1}, "problems": [f"no verdict: {why}"], "kinds": {}}


def complaints(verdicts: list[dict[str, Any]]) -> str:
    """Return what went wrong, each with the command that repeats it."""
    return "\n".join(
        f"{verdict['command']}\n    " + "\n    ".join(verdict["problems"])
        for verdict in verdicts
        if verdict["problems"]
    )


def together(verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one row for all runs of a client."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        counts.update(verdict["counts"])
    return {
        **{name: counts[name] for name in ("faults", "calls", "acknowledged", "unknown")},
        **{name: counts[name] for name in ("not_sent", "refused", *WRONG)},
        "worst_overrun_ms": max(verdict.get("worst_overrun_ms", 0) for verdict in verdicts),
        **{name: counts[name] for name in ("cut_short", "reconnects", "events", "gaps_told")},
    }


@pytest.mark.parametrize("venue", ["infinex"])
def test_a_few_seconds_of_faults(venue: str) -> None:
    """In three seconds of faults nothing is lost, doubled, misreported, late, silently missed."""
    number = VENUES.index(venue)
    verdict = run(
        *(venue, LINKS[number % 2], DELIVERIES[number % 4]), 11 + number, "--seconds", "3"
    )
    assert not verdict["problems"], complaints([verdict])
    assert verdict["counts"]["acknowledged"]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("venue", VENUES)
def test_the_ledger(venue: str, full: bool, figures: Any) -> None:
    """Over both links, by all four deliveries: 0 lost, doubled, misreported, late, silent gaps.

    Every kind of fault fell at least once, and a request was cut short by a peer that read nothing.
    """
    more = ["--seconds", f"{SECONDS}", "--faults", str(FAULTS if full else 0)]
    combinations = [(venue, link, delivery) for link in LINKS for delivery in DELIVERIES]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        verdicts = list(
            pool.map(lambda pair: run(*pair[1], 100 + pair[0], *more), enumerate(combinations))
        )
    row = together(verdicts)
    figures.add("Ledger", client=venue, runs=len(verdicts), **row)
    assert not any(verdict["problems"] for verdict in verdicts), complaints(verdicts)
    fallen = Counter[str]()
    for verdict in verdicts:
        fallen.update(verdict["kinds"])
    assert not [kind for kind, times in fallen.items() if not times]
    assert row["acknowledged"] > row["unknown"]
    assert row["cut_short"] or venue in QUEUED


@pytest.mark.long
def test_what_a_plain_program_gets_wrong(full: bool, figures: Any) -> None:
    """The same ledger finds fault with a reader thread that re-sends what had no answer."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        more = ("--seconds", f"{SECONDS}", "--faults", str(FAULTS if full else 0))
        verdicts = list(
            pool.map(
                lambda seed: run("websocket-client", "ws", "thread", seed, *more),
                range(100, 100 + MANY_RUNS),
            )
        )
    row = together(verdicts)
    figures.add("Ledger", client="plain websocket-client", runs=len(verdicts), **row)
    assert sum(row[name] for name in WRONG), complaints(verdicts)
