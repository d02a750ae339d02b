"""What the client does in the fault cases of single venues: each is a function of a `Stage`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from faults.stage import MARK, RECOVERY, Stage, place, read, wait_until

from venuesdk import ConnectionLost, RequestRejected, VenueError, VenueUnavailable
from venuesdk.venues.loopring.topics import Ticker

__all__ = ["VENUE_SCENARIOS"]

SETTLED = 0.5
"""Seconds in which a client that tries again and again would have done so several times."""


def call(client: Any, note: str = "", timeout: float | None = None) -> None:
    """Make a call with `note` in it, which some of the venues answer with a no."""
    if client.venue == "onyx":
        client.request("unsubscribe", {"channel": note or "nothing"}, timeout=timeout)
    elif client.venue == "fuze":
        client.request("__listMethods", {"note": note}, timeout=timeout)
    elif client.venue == "loopring":
        client.subscribe({"topic": note or "nothing"}, timeout=timeout)
    else:
        read(client, note, timeout)


def ask(client: Any, note: str = "", timeout: float | None = None) -> None:
    """Make a call that the venue answers; a no is an answer."""
    with contextlib.suppress(RequestRejected):
        call(client, note, timeout)


def recover(stage: Stage, client: Any) -> None:
    """Note whether the next call works, once the client is connected."""
    wait_until(lambda: client.state.value == "connected")
    with stage.watched("next_"):
        ask(client, "afterwards", timeout=RECOVERY)
    stage.slots(client)


def signal(client: Any) -> None:
    """Give the venue its cue, whatever it does then."""
    with contextlib.suppress(ConnectionLost):
        ask(client, MARK, timeout=5.0)


def start(client: Any, index: int, callback: Any = None, **options: Any) -> Any:
    """Start one of two streams of the venue."""
    if client.venue == "onyx":
        products = [["ebob"], ["brt"]][index]
        return client.subscribe_tickers(callback, products=products, **options)
    if client.venue == "fuze":
        symbol = ["BTC_USD", "ETH_USD"][index]
        return client.subscribe_quotes(symbol, callback=callback, **options)
    if client.venue == "loopring":
        topic = Ticker(["LRC-ETH", "ETH-USDT"][index])
        return client.subscribe(topic, callback=callback, **options)[0]
    return client.subscribe_raw_order_book(["ETHAUDT", "BTCUSDT"][index], callback, **options)


# ---- logging in --------------------------------------------------------------------------------


def login_refused(stage: Stage) -> None:
    """Be cut off, and find the login refused on coming back: no call waits, nothing is tried."""
    client = stage.client().connect(RECOVERY)
    subscription = start(client, 0, lambda event: None)
    signal(client)
    stage.report["failed"] = wait_until(lambda: client.state.value == "failed", 4.0)
    slowest = 0.0
    for _ in range(3):
        with stage.watched():
            call(client, timeout=20.0)
        slowest = max(slowest, stage.report["seconds"])
    stage.report["seconds"] = slowest
    time.sleep(SETTLED)
    stage.report["state_then"] = client.state.value
    stage.report["stream_error"] = type(subscription.error).__name__
    stage.slots(client)


def replay_refused(stage: Stage) -> None:
    """Be cut off, and find one of two streams refused on coming back."""
    client = stage.client().connect(RECOVERY)
    other: list[object] = []
    called = start(client, 0, lambda event: None)
    asked = start(client, 0)
    start(client, 1, other.append)
    signal(client)
    wait_until(lambda: called.error is not None, 4.0)
    stage.report["stream_error"] = type(called.error).__name__
    with stage.watched():
        while True:
            asked.get(4.0)
    stage.report["state_then"] = client.state.value
    count = len(other)
    stage.report["flows"] = wait_until(lambda: len(other) > count + 3)
    recover(stage, client)


# ---- heartbeats --------------------------------------------------------------------------------


def muted(stage: Stage) -> None:
    """Be connected to a venue that falls silent for good; note when that is found out."""
    moments: list[tuple[float, str, str]] = []

    def note(change: Any) -> None:
        moments.append((time.monotonic(), change.state.value, type(change.error).__name__))

    client = stage.client(on_state=note).connect(RECOVERY)
    with stage.weighed():
        signal(client)
        begun = time.monotonic()
        wait_until(lambda: moments[-1][1] != "connected" or len(moments) > 2, 25.0)
    ended, state, error = moments[2] if len(moments) > 2 else (begun, "", "")
    stage.report.update(seconds=ended - begun, error=error, state_then=state)
    recover(stage, client)


def idle(stage: Stage) -> None:
    """Do nothing for longer than the heartbeat's rest."""
    client = stage.client().connect(RECOVERY)
    ask(client)
    time.sleep(16.0)
    stage.report["epoch"] = client.stats().epoch
    recover(stage, client)


def pinged(stage: Stage) -> None:
    """Be pinged often; the event that follows tells that it is over."""
    got = threading.Event()
    client = stage.client().connect(RECOVERY)
    start(client, 0, lambda event: got.set())
    signal(client)
    stage.report["flowed"] = got.wait(RECOVERY)
    recover(stage, client)
    stage.report["epoch"] = client.stats().epoch


# ---- one venue's own ---------------------------------------------------------------------------


def unknown_method(stage: Stage) -> None:
    """Ask for a method that the venue hangs up on."""
    client = stage.client().connect(RECOVERY)
    ask(client)
    with stage.watched():
        client.request("no_such_method", timeout=20.0)
    recover(stage, client)


def numbered(stage: Stage) -> None:
    """Make a few calls, and subscribe, so that the venue sees their ids."""
    client = stage.client().connect(RECOVERY)
    with stage.watched():
        for index in range(3):
            ask(client, f"call-{index}", timeout=stage.timeout)
        start(client, 0, lambda event: None)
    recover(stage, client)


def gateway(stage: Stage) -> None:
    """Order, or ask, while the API behind the socket is gone; then wait until it is back."""
    client = stage.client().connect(RECOVERY)
    asking = place if stage.orders["ask"] == "order" else read
    with stage.watched():
        asking(client, MARK, timeout=stage.timeout)

    def back() -> bool:
        try:
            read(client)
        except VenueUnavailable:
            return False
        return True

    wait_until(back)
    stage.recover(client)


def renumbered(stage: Stage) -> None:
    """Lose the connection under a stream, then end the stream by the id it has by then."""
    seen: list[str] = []
    client = stage.client().connect(RECOVERY)
    subscription = start(
        client,
        0,
        lambda event: seen.append("event"),
        on_gap=lambda gap: seen.append(f"gap:{gap.reason.value}"),
    )
    stage.report["flowed"] = wait_until(lambda: len(seen) > 3)
    signal(client)
    wait_until(lambda: any(one.startswith("gap") for one in seen))
    after = len(seen)
    stage.report["flows"] = wait_until(lambda: len(seen) > after + 3)
    stage.gaps = [one for one in seen if one.startswith("gap")]
    with stage.watched():
        client.unsubscribe(subscription, timeout=stage.timeout)
    recover(stage, client)


def disordered(stage: Stage) -> None:
    """Ask four things at a time; each caller gets the answer to what it asked."""
    client = stage.client().connect(RECOVERY)
    wrong: list[str] = []

    def compare(asset: str, wanted: tuple[str, ...]) -> None:
        try:
            names = ANSWERS[client.venue](client, asset)
        except VenueError as error:
            names = (type(error).__name__,)
        if names != wanted:
            wrong.append(f"{asset}: {names}, not {wanted}")

    threads = [threading.Thread(target=compare, args=pair) for pair in ASKED[client.venue].items()]
    with stage.watched():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stage.report["wrong_answers"] = wrong
    recover(stage, client)


def _told_not_subscribed(client: Any, product: str) -> tuple[str, ...]:
    channel = {"tickers": {"products": [product]}}
    try:
        client.request("unsubscribe", {"channel": channel})
    except RequestRejected as error:
        return (error.message,)
    return ()


ASKED: dict[str, dict[str, tuple[str, ...]]] = {
    "infinex": {"USDT": ("ETH", "TRX"), "ETH": ("ETH",), "BTC": ("BTC",), "BPX": ()},
    "onyx": {name: (f"not subscribed to {name}",) for name in ("ebob", "brt", "dub", "gasarb")},
    "timex": {name: (name,) for name in ("ETHAUDT", "BTCUSDT", "ETHBTC", "LTCUSDT")},
}
ANSWERS: dict[str, Callable[[Any, str], tuple[str, ...]]] = {
    "infinex": lambda client, asset: tuple(one.name for one in client.networks(asset)),
    "onyx": _told_not_subscribed,
    "timex": lambda client, symbol: (client.raw_order_book(symbol).market,),
}

VENUE_SCENARIOS: dict[str, Callable[[Stage], None]] = {
    scenario.__name__: scenario
    for scenario in (
        login_refused,
        replay_refused,
        muted,
        idle,
        pinged,
        unknown_method,
        numbered,
        gateway,
        renumbered,
        disordered,
    )
}
