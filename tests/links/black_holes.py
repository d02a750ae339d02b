"""Scenes of connections that cannot be made, of a lossy link, and of HTTP into a dead one."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from pathlib import Path
from typing import Any

from links.half_open import LIMIT, connect, end, heal, order_id, read
from links.network import Link
from links.stage import NAME, Seen, Stage

__all__ = [
    "deaf_http",
    "lossy_link",
    "refusing_host",
    "silent_host",
    "silent_names",
    "silent_names_later",
    "silent_proxy",
    "unreachable_http",
]

Playing = Generator[None, None, Seen]

SHORT = 1.0
"""The time that a caller gives, where it is to run out."""
LOSSY_TIMEOUT = 2.0
CALLS = 24
SHARE = 0.2

_prices = itertools.count(10001)


def price() -> str:
    """Return a price that no other order has, by which Infinex's orders are told apart."""
    return f"{next(_prices) / 100:.2f}"


def silent_host(stage: Stage) -> Playing:
    """Lose every packet from the beginning."""
    link, venues, near = stage.desk("quiet")
    yield
    link.cut()
    connected = near.ask("connect", LIMIT, timeout=SHORT)
    return {"connect": connected, **end(near)}


def silent_proxy(stage: Stage) -> Playing:
    """Go through a proxy, and lose every packet to it."""
    link, venues = stage.link(), stage.venues("quiet")
    near = stage.trader(link, venues, proxy=f"http://{link.address}:3128")
    yield
    link.cut()
    connected = near.ask("connect", LIMIT, timeout=SHORT)
    return {"connect": connected, **end(near)}


def refusing_host(stage: Stage) -> Playing:
    """Answer every attempt with a reset."""
    link, venues, near = stage.desk("quiet")
    yield
    link.reject()
    connected = near.ask("connect", LIMIT, timeout=LIMIT)
    return {"connect": connected, **end(near)}


def _named_link(stage: Stage) -> tuple[Link, Path]:
    """Return a link whose near host asks the far one for names, and its own list of names."""
    names, resolver = stage.file(""), stage.file("")
    order = stage.file("hosts: files dns\n")
    files = {"/etc/hosts": names, "/etc/resolv.conf": resolver, "/etc/nsswitch.conf": order}
    link = stage.link(files)
    resolver.write_text(f"nameserver {link.address}\n")
    return link, names


def silent_names(stage: Stage) -> Playing:
    """Connect to a host by its name, while no question to the name server arrives."""
    link, _ = _named_link(stage)
    near = stage.trader(link, stage.venues("quiet"), named=True)
    unclosed = stage.trader(link, stage.venues("quiet"), named=True)
    yield
    link.silence_names()
    connected = near.ask("connect", LIMIT, timeout=SHORT)
    seen = {"connect": connected, **end(near)}
    assert unclosed.ask("connect", LIMIT, timeout=SHORT)["error"] is not None
    return {**seen, "exit_unclosed": end(unclosed, close=False)["exit"]}


def silent_names_later(stage: Stage) -> Playing:
    """Lose the connection, and the name server with it; after some attempts both come back."""
    link, names = _named_link(stage)
    near = stage.trader(link, stage.venues("quiet"), named=True, timeout=LOSSY_TIMEOUT)
    closed = stage.trader(link, stage.venues("quiet"), named=True, timeout=LIMIT)
    known = f"{link.address} {NAME}\n"
    names.write_text(known)
    yield
    for one in (near, closed):
        connect(one)
    names.write_text("")
    link.silence_names()
    link.reject()
    for one in (near, closed):
        # The reset that answers it ends the connection.
        one.tell("read", id="the last", timeout=LIMIT)
        one.await_line("state", LIMIT, state="reconnecting", attempt=0)
    seen: Seen = {}
    near.await_line("state", LIMIT, state="reconnecting", attempt=1)
    for do in ("write", "read"):
        seen[do] = near.ask(do, LIMIT, id=order_id(), timeout=SHORT)
    near.await_line("state", LIMIT, state="reconnecting", attempt=2)
    seen["attempts"] = near.find("state", state="reconnecting")
    seen |= end(closed)
    names.write_text(known)
    healed = heal(link.heal)
    connected = near.await_line("state", LIMIT, healed, state="connected")
    seen["recovered"] = connected["at"] - healed
    seen["read_again"] = read(near)
    return seen


def lossy_link(stage: Stage) -> Playing:
    """Lose a fifth of all packets, both ways, while four threads call and a stream comes in."""
    link, venues, near = stage.desk("busy")
    yield
    connect(near)
    link.lose(SHARE)
    name = order_id()
    since = near.tell("trade", id=name, calls=CALLS, timeout=LOSSY_TIMEOUT)
    near.await_line("trade", CALLS * LOSSY_TIMEOUT + LIMIT, since)
    link.heal()
    near.await_line("state", LIMIT, state=near.ask("stats")["state"])
    calls: list[dict[str, Any]] = [
        line
        for do in ("read", "write")
        for line in near.find(do, since)
        if str(line["id"]).startswith(f"{name}-")
    ]
    # What was lost on the way has been sent again by then, if it ever will be.
    again = read(near)
    orders = [order for order in venues.orders("timex") if order.startswith(f"{name}-")]
    return {"calls": calls, "orders": orders, "read_again": again, "stats": near.ask("stats")}


def unreachable_http(stage: Stage) -> Playing:
    """Send an order over HTTP, where no connection can be made."""
    link, venues = stage.link(), stage.venues("quiet")
    near = stage.trader(link, venues, "infinex", route="http")
    yield
    link.cut()
    order = price()
    written = near.ask("write", LIMIT, id=order, timeout=SHORT)
    link.heal()
    return {"write": written, "executed": order in venues.orders("infinex"), **end(near)}


def deaf_http(stage: Stage) -> Playing:
    """Send orders over HTTP on connections that are there, and dead: one in no haste."""
    link, venues = stage.link(), stage.venues("quiet")
    hasty = stage.trader(link, venues, "infinex", route="http")
    patient = stage.trader(link, venues, "infinex", route="http")
    yield
    for near in (hasty, patient):
        assert read(near)["error"] is None
    orders = price(), price()
    cut = link.cut()
    patient.tell("write", id=orders[0], timeout=2 * LIMIT)
    written = hasty.ask("write", LIMIT, id=orders[1], timeout=SHORT)
    lost = patient.await_line("write", 2 * LIMIT, cut)
    taken = venues.orders("infinex")
    link.heal()
    again = read(patient)
    return {
        "write": written,
        "patient": {**lost, "after": lost["at"] - cut},
        "executed": [order in taken for order in orders],
        "read_again": again["error"],
    }
