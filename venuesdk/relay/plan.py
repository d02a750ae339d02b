"""Plan: what a reader was asked to read, as whom and how; checked before any engine is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

from ..timing import Backoff
from ..venues import load
from .keys import Wanted, office_of, wanted_of

__all__ = ["Plan", "plan_of"]


@frozen
class Plan:
    """What a reader asks for, as which consumer of which group, and how."""

    wanted: tuple[Wanted, ...]
    group: str
    consumer: str
    prefix: str
    oldest: bool
    batch: int
    adopt_after: float | None
    reconnect: Backoff
    stale_after: float | None = None


def plan_of(
    streams: str | Sequence[str],
    group: str,
    consumer: str,
    prefix: str,
    oldest: bool,
    batch: int,
    adopt_after: float | None,
    reconnect: Backoff,
    stale_after: float | None = None,
) -> Plan:
    """Return the plan of what a user asked for; raise `ValueError` or `TypeError` for what is none.

    Loads the venues, so that nothing need be imported while events come.
    """
    names = (streams,) if isinstance(streams, str) else tuple(streams)
    if not names:
        raise ValueError("a reader reads at least one stream, such as 'onyx:tickers'")
    wanted = tuple(map(wanted_of, names))
    for one in wanted:
        load(one.venue)
        office_of(prefix, one.venue, one.shard)
    for what, name in {"group": group, "consumer": consumer}.items():
        if not isinstance(name, str):
            raise TypeError(f"{what} is text, not {name!r}")
        if not name:
            raise ValueError(f"{what} cannot be empty")
    if not isinstance(oldest, bool):
        raise TypeError(f"oldest is True or False, not {oldest!r}")
    if type(batch) is not int:
        raise TypeError(f"batch is an int, not {batch!r}")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    _check_time("adopt_after", adopt_after)
    _check_time("stale_after", stale_after)
    if not isinstance(reconnect, Backoff):
        raise TypeError(f"reconnect is a Backoff, not {reconnect!r}")
    return Plan(
        wanted, group, consumer, prefix, oldest, batch, adopt_after, reconnect, stale_after
    )


def _check_time(what: str, seconds: float | None) -> None:
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what} is a number of seconds or None, not {seconds!r}")
    if not 0 < seconds < math.inf:
        raise ValueError(f"{what} must be more than 0 seconds, not {seconds}")
