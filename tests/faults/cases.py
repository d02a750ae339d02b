"""Every case of the fault table, each against a client in a process of its own."""

from __future__ import annotations

from faults.call_cases import CALLS
from faults.link_cases import LINK
from faults.table import Case
from faults.venue_cases import VENUES
from faults.web_cases import WEB

__all__ = ["CASES"]

CASES: tuple[Case, ...] = (*LINK, *CALLS, *WEB, *VENUES)
"""All of them; their ids differ."""

assert len({case.id for case in CASES}) == len(CASES), "two cases have the same id"
