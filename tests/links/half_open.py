"""Scenes of links that die without a word: what a client comes to know, and when.

All times that a scene returns are seconds since just before the cut.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from links.network import Link
from links.program import Program
from links.stage import Seen, Stage

from venuesdk.timing import Deadline

__all__ = [
    "LIMIT",
    "address_taken",
    "busy_link",
    "closed_under_a_cut",
    "connect",
    "end",
    "heal",
    "idle_link",
    "inward_cut",
    "order_id",
    "outward_cut",
    "read",
    "short_unplugging",
    "stopped_venue",
    "unanswered_request",
    "unplugged",
]

Playing = Generator[None, None, Seen]

LIMIT = 30.0
"""Seconds that are waited for what must come, before a scene fails: more than is promised."""
LONG = 60.0
"""The time that a caller gives to its request: far more than it takes to notice the loss."""

_orders = itertools.count(1)


def order_id() -> str:
    """Return what no other order is called."""
    return f"order-{next(_orders)}"


def connect(near: Program, *, subscribed: bool = True) -> None:
    """Connect, and subscribe to a book."""
    for do in ("connect", "subscribe")[: 1 + subscribed]:
        done = near.ask(do, LIMIT, timeout=LIMIT)
        assert done["error"] is None, done


def read(near: Program, timeout: float = LIMIT) -> dict[str, Any]:
    """Ask for something now: its answer is the last byte that is heard."""
    return near.ask("read", LIMIT, timeout=timeout)


def stream(near: Program) -> None:
    """Wait until events come in."""
    near.await_line("event", LIMIT, near.find("subscribe")[-1]["at"])
    last = near.find("event")[-1]
    near.await_line("event", LIMIT, last["at"] + 0.05)


def ask_both(near: Program) -> str:
    """Send a read and an order, both with plenty of time; return what the order is called."""
    order = order_id()
    near.tell("write", id=order, timeout=LONG)
    near.tell("read", id=order, timeout=LONG)
    return order


def both_outcomes(near: Program, order: str, cut: float) -> Seen:
    """Wait for the outcomes of `ask_both`."""
    seen: Seen = {}
    for do in ("write", "read"):
        outcome = near.await_line(do, LONG + LIMIT, cut, id=order)
        seen[do] = {**outcome, "after": outcome["at"] - cut}
    return seen


def loss(near: Program, cut: float) -> float:
    """Wait until the client knows of the loss; return how long after the cut that is."""
    at: float = near.await_line("state", LIMIT, cut, state="reconnecting")["at"]
    return at - cut


def recovery(near: Program, healed: float) -> Seen:
    """Wait until the client is back and a call works; return what happened meanwhile."""
    connected = near.await_line("state", LIMIT, healed, state="connected")
    gap = near.await_line("gap", LIMIT, connected["at"] - 0.5)
    again = read(near)
    return {
        "recovered": connected["at"] - healed,
        "gap": gap["reason"],
        "read_again": again["error"],
        "gap_at": gap["at"],
    }


def heal(mend: Callable[[], None]) -> float:
    """Let everything through again; return when, by the monotonic clock that all programs share.

    That is before it is done: on a slow machine the client is back before one could look after it.
    """
    at = time.monotonic()
    mend()
    return at


def end(near: Program, *, close: bool = True) -> Seen:
    """Close the client, and let its program come to the end of its main function."""
    seen: Seen = {"close": near.ask("close", LIMIT)} if close else {}
    near.tell("end")
    ended = near.await_line("end", LIMIT)
    return {**seen, "exit": near.exit_within(LIMIT) - ended["at"]}


def idle_link(stage: Stage) -> Playing:
    """Cut both ways while nothing is said."""
    link, venues, near = stage.desk("quiet")
    yield
    connect(near)
    read(near)
    cut = link.cut()
    seen = {"lost": loss(near, cut)}
    return {**seen, **recovery(near, heal(link.heal))}


def unanswered_request(stage: Stage) -> Playing:
    """Cut both ways, and send a read and an order at once, each with a minute."""
    link, venues, near = stage.desk("quiet")
    yield
    connect(near)
    read(near)
    cut = link.cut()
    order = ask_both(near)
    seen = {"lost": loss(near, cut), **both_outcomes(near, order, cut)}
    seen["executed"] = order in venues.orders("timex")
    return {**seen, **recovery(near, heal(link.heal))}


def busy_link(stage: Stage) -> Playing:
    """Cut both ways while a stream comes in."""
    link, venues, near = stage.desk("busy")
    yield
    connect(near)
    stream(near)
    cut = link.cut()
    seen = {"lost": loss(near, cut)}
    late = near.find("event", cut + 1.0)
    again = recovery(near, heal(link.heal))
    after = near.await_line("event", LIMIT, cut + 1.0)
    return {**seen, **again, "late_events": len(late), "event_at": after["at"]}


def _one_way(
    stage: Stage, cut_link: Callable[[Link], float], after: Callable[[Link, Program], Seen]
) -> Playing:
    link, venues, near = stage.desk("busy")
    silent = stage.link()
    idle = stage.trader(silent, stage.venues("quiet"))
    yield
    for one in (near, idle):
        connect(one)
    stream(near)
    read(idle)
    idle_cut = cut_link(silent)
    cut = cut_link(link)
    order = ask_both(near)
    seen = {"idle_lost": loss(idle, idle_cut), **both_outcomes(near, order, cut)}
    seen["lost"] = loss(near, cut)
    seen["executed"] = order in venues.orders("timex")
    return {**seen, **after(link, near)}


def outward_cut(stage: Stage) -> Playing:
    """Lose only what the client sends; at last close the client under the cut."""

    def close(link: Link, near: Program) -> Seen:
        return end(near)

    seen: Seen = yield from _one_way(stage, lambda link: link.cut(inward=False), close)
    return seen


def closed_under_a_cut(stage: Stage) -> Playing:
    """Close a client whose link was cut just now, while a stream came in."""
    link, venues, near = stage.desk("busy")
    yield
    connect(near)
    stream(near)
    link.cut()
    frames = near.ask("stats")["frames_out"]
    order = ask_both(near)
    # What is not on its way when the client is closed was certainly not sent.
    deadline = Deadline(LIMIT)
    while near.ask("stats")["frames_out"] < frames + 2:
        assert not deadline.expired()
    # Before its program ends, for that waits for no thread that has still to say what it came to.
    seen = {"close": near.ask("close", LIMIT), "write": near.await_line("write", LIMIT, id=order)}
    return {**seen, **end(near, close=False)}


def inward_cut(stage: Stage) -> Playing:
    """Lose only what the venue sends."""

    def again(link: Link, near: Program) -> Seen:
        return recovery(near, heal(link.heal))

    seen: Seen = yield from _one_way(stage, lambda link: link.cut(outward=False), again)
    return seen


def stopped_venue(stage: Stage) -> Playing:
    """Stop the venue's process: its kernel goes on acknowledging, and nobody answers."""
    link, venues, near = stage.desk("stopped")
    yield
    connect(near)
    read(near)
    cut = venues.program.stop()
    order = ask_both(near)
    seen = {"lost": loss(near, cut), **both_outcomes(near, order, cut)}
    # An attempt to connect is under way by then, which the kernel has taken for the process.
    near.tell("read", id="while stopped", timeout=1.0)
    seen["while_stopped"] = near.await_line("read", LIMIT, id="while stopped")
    seen |= recovery(near, venues.program.go_on())
    seen["executed"] = order in venues.orders("timex")
    return seen


def _interrupted(
    stage: Stage, begin: Callable[[Link], float], end: Callable[[Link], None]
) -> Playing:
    link, venues, near = stage.desk("busy")
    yield
    connect(near)
    stream(near)
    cut = begin(link)
    order = ask_both(near)
    seen = {"lost": loss(near, cut), **both_outcomes(near, order, cut)}
    return {**seen, **recovery(near, heal(partial(end, link)))}


def address_taken(stage: Stage) -> Playing:
    """Take the venue's address away, and give it back."""
    seen: Seen = yield from _interrupted(stage, Link.take_address, Link.give_address)
    return seen


def unplugged(stage: Stage) -> Playing:
    """Take the client's interface down for long, and up again."""
    seen: Seen = yield from _interrupted(stage, Link.unplug, Link.plug)
    return seen


def short_unplugging(stage: Stage) -> Playing:
    """Take the client's interface down for three seconds, which TCP outlives."""
    link, venues, near = stage.desk("busy")
    yield
    connect(near)
    stream(near)
    cut = link.unplug()
    order = order_id()
    near.tell("write", id=order, timeout=LONG)
    paused = near.ask("read", LIMIT, timeout=3.0)
    link.plug()
    written = near.await_line("write", LIMIT, cut, id=order)
    event = near.await_line("event", LIMIT, near.ask("stats")["at"])
    return {
        "paused": paused,
        "write": written,
        "executed": venues.orders("timex").count(order),
        "flows_after": event["at"] - cut,
        "states": near.find("state", cut),
        "gaps": near.find("gap", cut),
    }
