"""Finding: what one check found, in words for whoever is on call.

A finding never holds a credential, and nothing that would move a terminal's cursor.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

__all__ = ["Finding", "Verdict", "failed", "ok", "printable", "skipped", "warning"]

LONGEST = 400
"""How many characters of a text are kept: what a venue says may be of any length."""


class Verdict(enum.Enum):
    """What a check comes to."""

    OK = "ok"
    WARNING = "warning"
    """It works, and something should be done about it."""
    FAILED = "failed"
    """A client cannot work like this."""
    SKIPPED = "skipped"
    """It was not looked at, and the text says why."""


def printable(text: str) -> str:
    """Return `text` without what a terminal would obey: peers choose some of these words."""
    clean = "".join(one if one.isprintable() else " " for one in text)
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 1]}…"


@frozen
class Finding:
    """One line: `said` is what was found, `advice` what to do about it.

    `check` names the check, `seconds` is how long it took, `facts` is the same for programs.
    """

    verdict: Verdict
    said: str = field(converter=printable)
    advice: str = ""
    check: str = ""
    venue: str = ""
    seconds: float | None = None
    facts: Mapping[str, Any] = field(factory=dict)


def ok(said: str, **facts: Any) -> Finding:
    """Return that something is as it must be."""
    return Finding(Verdict.OK, said, facts=facts)


def warning(said: str, advice: str, **facts: Any) -> Finding:
    """Return that something works, but should not stay so."""
    return Finding(Verdict.WARNING, said, advice, facts=facts)


def failed(said: str, advice: str, **facts: Any) -> Finding:
    """Return that something is wrong, and what to do."""
    return Finding(Verdict.FAILED, said, advice, facts=facts)


def skipped(said: str, **facts: Any) -> Finding:
    """Return why something was not looked at."""
    return Finding(Verdict.SKIPPED, said, facts=facts)
