"""The scenes of `half_open`, played beside them with plain websocket-client."""

from __future__ import annotations

from collections.abc import Callable, Generator

from links.half_open import LIMIT
from links.network import Link
from links.stage import Seen, Stage, Venues

__all__ = ["busy_link", "idle_link", "outward_cut", "stopped_venue", "unanswered_request"]

Playing = Generator[None, None, Seen]

BOTH = ("ping 10/5", "no ping")


def _plain(
    stage: Stage,
    kind: str,
    begin: Callable[[Link, Venues], float],
    *before: str,
    after: str = "",
) -> Playing:
    link, venues = stage.link(), stage.venues(kind)
    plain = stage.plain(link, venues)
    yield
    plain.tell("connect")
    for id in BOTH:
        plain.await_line("open", LIMIT, id=id)
    for do in before:
        since = plain.tell(do)
        for id in BOTH:
            plain.await_line("message", LIMIT, since, id=id)
    cut = begin(link, venues)
    if after:
        plain.tell(after)
    seen: Seen = {}
    for id in BOTH:
        left = stage.horizon - (plain.tell("nothing") - cut)
        line = plain.look_for("lost", left, cut, id=id)
        seen[id] = None if line is None else line["at"] - cut
    return seen


def idle_link(stage: Stage) -> Playing:
    """As `half_open.idle_link`."""
    seen: Seen = yield from _plain(stage, "quiet", lambda link, _: link.cut(), "read")
    return seen


def unanswered_request(stage: Stage) -> Playing:
    """As `half_open.unanswered_request`."""
    seen: Seen = yield from _plain(stage, "quiet", lambda link, _: link.cut(), "read", after="read")
    return seen


def busy_link(stage: Stage) -> Playing:
    """As `half_open.busy_link`."""
    seen: Seen = yield from _plain(stage, "busy", lambda link, _: link.cut(), "subscribe")
    return seen


def outward_cut(stage: Stage) -> Playing:
    """As `half_open.outward_cut`."""
    seen: Seen = yield from _plain(
        stage, "busy", lambda link, _: link.cut(inward=False), "subscribe", after="read"
    )
    return seen


def stopped_venue(stage: Stage) -> Playing:
    """As `half_open.stopped_venue`."""
    seen: Seen = yield from _plain(
        stage, "stopped for plain", lambda _, venues: venues.program.stop(), "read", after="read"
    )
    return seen
