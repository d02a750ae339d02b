"""What the client of a fault case does: each scenario is a function of a `Stage`."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from canaries import CANARIES

import venuesdk
from venuesdk import Backoff, VenueError

__all__ = ["SCENARIOS", "Stage"]

MARK = "strike-now"
FAST = Backoff(initial=0.02, maximum=0.1)
RECOVERY = 8.0
EXPIRES = "2030-01-01T00:00:00Z"


class Stage:
    """One client, and what was seen of it."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = orders
        self.timeout = float(orders["timeout"])
        self.report: dict[str, Any] = {}
        self.leaks: set[str] = set()
        self.states: list[str] = []
        self.told: list[str] = []
        self.gaps: list[str] = []
        self.clients: list[Any] = []

    def client(self, **options: Any) -> Any:
        """Return a client of the case's venue, with the case's options."""
        orders = self.orders
        given = {
            "timeout": self.timeout,
            "reconnect": FAST,
            "url": orders["url"],
            "on_state": lambda change: self.states.append(change.state.value),
            "on_error": self.noted,
            **orders["credentials"],
            **orders["options"],
            **options,
        }
        if "http_url" in orders:
            given["http_url"] = orders["http_url"]
        elif orders["client"] in ("InfinexClient", "LoopringClient"):
            raise RuntimeError("the case has no HTTP side: the client would ask the real venue's")
        if orders.get("ca_file"):
            given["ca_file"] = orders["ca_file"]
        client = getattr(venuesdk, orders["client"])(**given)
        self.clients.append(client)
        return client

    def noted(self, error: BaseException) -> None:
        """Keep an error that no caller waited for."""
        self.told.append(type(error).__name__)
        self.leaks.update(CANARIES.found_in(error))

    @contextlib.contextmanager
    def watched(self, prefix: str = "") -> Iterator[None]:
        """Measure what the block takes in time and memory, and keep how it ends."""
        report = self.report
        rss, begun = resident(), time.monotonic()
        report[f"{prefix}error"] = None
        try:
            yield
        except Exception as error:
            report[f"{prefix}seconds"] = time.monotonic() - begun
            report[f"{prefix}error"] = type(error).__name__
            report[f"{prefix}families"] = [kind.__name__ for kind in type(error).__mro__]
            report[f"{prefix}text"] = str(error)
            for name in ("outcome_unknown", "code", "retry_after"):
                report[f"{prefix}{name}"] = getattr(error, name, None)
            self.leaks.update(CANARIES.found_in(error))
        else:
            report[f"{prefix}seconds"] = time.monotonic() - begun
        report[f"{prefix}growth"] = resident() - rss

    def recover(self, client: Any) -> None:
        """Note whether the next call works, within the time that a reconnection may take."""
        with self.watched("next_"):
            read(client, timeout=RECOVERY)
        self.slots(client)

    def slots(self, client: Any) -> None:
        """Note how many requests still wait for an answer."""
        self.report["slots"] = client.stats().waiting_requests

    def close(self) -> None:
        """Close every client, and note how long the slowest took."""
        slowest = 0.0
        for client in self.clients:
            begun = time.monotonic()
            client.close()
            slowest = max(slowest, time.monotonic() - begun)
        self.report.setdefault("close_seconds", slowest)
        self.report.update(states=self.states, told=self.told, gaps=self.gaps)


def resident() -> int:
    """Return the process's resident memory, in bytes."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def read(client: Any, note: str = "", timeout: float | None = None) -> Any:
    """Make a harmless call; `note` is seen by the peer."""
    if isinstance(client, venuesdk.InfinexClient):
        params = {"asset": "USDT", "note": note}
        return client.request("/wallet/networks", params, timeout=timeout)
    return client.rest("/get/public/markets", {"note": note}, timeout=timeout)


def place(client: Any, note: str = MARK, padding: int = 0, timeout: float | None = None) -> Any:
    """Place an order that the peer takes for its cue."""
    if isinstance(client, venuesdk.InfinexClient):
        params = {
            "pair": "BTC/USDT",
            "side": "BUY",
            "type": "LIMIT",
            "time_in_force": "GTC",
            "price": Decimal("100"),
            "amount": Decimal("0.0125"),
            "resp_type": "ACK",
            "note": note + "x" * padding,
        }
        return client.request("/spot/open_orders/new", params, timeout=timeout)
    return client.place_order(
        "ETHAUDT",
        "BUY",
        Decimal("0.1"),
        Decimal("100"),
        expire_time=EXPIRES,
        client_order_id=note + "x" * padding,
        timeout=timeout,
    )


def wait_until(condition: Callable[[], object], seconds: float = RECOVERY) -> bool:
    """Wait for what another thread does; return whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


# ---- connecting --------------------------------------------------------------------------------


def connect(stage: Stage) -> None:
    """Connect to the peer, which goes wrong; then connect once more, and call."""
    client = stage.client()
    with stage.watched():
        client.connect(stage.timeout)
    if stage.orders["recovers"]:
        client.connect(RECOVERY)
        stage.recover(client)


def construct(stage: Stage) -> None:
    """Give the client what it cannot take."""
    with stage.watched():
        stage.client().connect(stage.timeout)


def reconnect(stage: Stage) -> None:
    """Lose a good connection; the peer goes wrong when the client comes back."""
    client = stage.client().connect(RECOVERY)
    with stage.watched("cut_"):
        place(client)
    with stage.watched():
        wait_until(lambda: client.state.value == "failed" or "epoch 2" in repr(stage.states), 3.0)
        read(client, timeout=stage.timeout)
    stage.slots(client)


# ---- calling -----------------------------------------------------------------------------------


def write(stage: Stage) -> None:
    """Place an order; the peer goes wrong as it arrives."""
    client = stage.client().connect(RECOVERY)
    read(client)
    with stage.watched():
        place(client, padding=stage.orders.get("padding", 0), timeout=stage.timeout)
    stage.recover(client)


def first_write(stage: Stage) -> None:
    """Place an order before anything else was said; the peer goes wrong while it is reached."""
    client = stage.client().connect(RECOVERY)
    with stage.watched():
        place(client, timeout=stage.timeout)
    if stage.orders["recovers"]:
        stage.recover(client)


def write_after_rest(stage: Stage) -> None:
    """Place an order a while after another call, in which the peer has gone."""
    client = stage.client().connect(RECOVERY)
    read(client)
    time.sleep(0.3)  # The peer's end is what is waited for here, and nobody tells of it.
    with stage.watched():
        place(client, timeout=stage.timeout)
    stage.recover(client)


def read_marked(stage: Stage) -> None:
    """Ask for something; the peer goes wrong as the question arrives."""
    client = stage.client().connect(RECOVERY)
    read(client)
    with stage.watched():
        stage.report["result"] = bool(read(client, note=MARK, timeout=stage.timeout))
    stage.recover(client)


def two_calls(stage: Stage) -> None:
    """Let a call run out of time, and make another before the late answer comes."""
    client = stage.client().connect(RECOVERY)
    with stage.watched():
        place(client, timeout=stage.timeout)
    wrong: list[Any] = []
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        body = client.raw_order_book("ETHAUDT", timeout=5.0)
        if type(body).__name__ != "RawOrderBook":
            wrong.append(body)
    stage.report["wrong_answers"] = len(wrong)
    stage.report["late"] = client.stats().late_responses
    stage.recover(client)


def many_writes(stage: Stage) -> None:
    """Send what a peer that reads nothing cannot take; then let it come back."""
    client = stage.client().connect(RECOVERY)
    outcomes: list[dict[str, Any]] = []
    place_once = f"{MARK}-first"
    with stage.watched("first_"):
        place(client, note=place_once, timeout=0.2)
    for index in range(20):
        with stage.watched():
            padding = stage.orders["padding"]
            place(client, note=f"order-{index}-", padding=padding, timeout=stage.timeout)
        outcomes.append({key: stage.report[key] for key in ("error", "outcome_unknown", "seconds")})
        if stage.report["error"] != "RequestTimeout":
            break
    stage.report["outcomes"] = outcomes
    stage.report["seconds"] = max(one["seconds"] for one in outcomes)
    stage.recover(client)


def pending(stage: Stage) -> None:
    """Have eight calls pending when the peer goes wrong: each fails at once, with its own error."""
    client = stage.client().connect(RECOVERY)
    errors: list[BaseException] = []
    seconds: list[float] = []

    def call(index: int) -> None:
        begun = time.monotonic()
        try:
            place(client, note=f"{MARK}-{index}", timeout=20.0)
        except VenueError as error:
            errors.append(error)
            stage.leaks.update(CANARIES.found_in(error))
        seconds.append(time.monotonic() - begun)

    threads = [threading.Thread(target=call, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stage.report.update(
        error=type(errors[0]).__name__ if errors else None,
        outcome_unknown=all(error.outcome_unknown for error in errors),
        kinds=sorted({type(error).__name__ for error in errors}),
        failed=len(errors),
        distinct=len({id(error) for error in errors}),
        seconds=max(seconds),
        growth=0,
    )
    stage.recover(client)


# ---- streaming ---------------------------------------------------------------------------------


def stream(stage: Stage) -> None:
    """Stream a book while the peer goes wrong; note what the subscriber was told, in its order."""
    seen: list[str] = []
    client = stage.client().connect(RECOVERY)
    subscription = client.subscribe_raw_order_book(
        "ETHAUDT",
        lambda event: seen.append("event"),
        on_gap=lambda gap: seen.append(f"gap:{gap.reason.value}"),
        **stage.orders.get("subscribe", {}),
    )
    stage.report["flowed"] = wait_until(lambda: len(seen) > 3)
    with stage.watched():
        place(client, timeout=stage.timeout)
    stage.report["state_then"] = client.state.value
    wait_until(lambda: any(one.startswith("gap") for one in seen), 4.0)
    after = len(seen)
    stage.report["flows"] = wait_until(lambda: len(seen) > after + 3, 4.0)
    first_gap = next((n for n, one in enumerate(seen) if one.startswith("gap")), None)
    stage.gaps = [one for one in seen if one.startswith("gap")]
    stage.report["event_after_gap"] = first_gap is not None and "event" in seen[first_gap:]
    stage.report["subscription"] = repr(subscription)
    stage.recover(client)


def callbacks(stage: Stage) -> None:
    """Let one callback raise, one call back, and one be slow; the reader does not mind."""
    client = stage.client().connect(RECOVERY)
    seen: dict[str, int] = {"raising": 0, "calling": 0, "slow": 0}
    answers: list[Any] = []

    def raising(event: object) -> None:
        seen["raising"] += 1
        raise KeyError("a mistake of the user's")

    def calling(event: object) -> None:
        seen["calling"] += 1
        if seen["calling"] <= 3:
            answers.append(read(client, timeout=5.0))

    client.subscribe_raw_order_book("ETHAUDT", raising)
    client.subscribe_raw_order_book("BTCUSDT", calling)
    with stage.watched():
        stage.report["ran"] = wait_until(lambda: seen["raising"] > 3 and seen["calling"] > 3)
    stage.report["answers"] = len(answers)
    stage.recover(client)


def slow_consumer(stage: Stage) -> None:
    """Block in a callback until its small queue has run over; count what was lost, exactly."""
    client = stage.client().connect(RECOVERY)
    go, gaps = threading.Event(), []
    got: list[object] = []

    def slow(event: object) -> None:
        go.wait(RECOVERY)
        got.append(event)

    one = client.subscribe_raw_order_book("ETHAUDT", slow, max_queue=5, on_gap=gaps.append)
    with stage.watched():
        wait_until(lambda: one.stats.dropped > 20)
        read(client, timeout=stage.timeout)
    go.set()
    wait_until(lambda: gaps and gaps[0].count)
    one.close()
    wait_until(lambda: len(got) + one.stats.dropped >= one.stats.received)
    stage.report["gap_count_exact"] = sum(gap.count or 0 for gap in gaps) == one.stats.dropped
    stage.gaps = [f"gap:{gap.reason.value}" for gap in gaps]
    stage.recover(client)


# ---- closing -----------------------------------------------------------------------------------


def close(stage: Stage) -> None:
    """Close from another thread while a call is pending and the peer does what it does."""
    client = stage.client().connect(RECOVERY)
    pending_one = threading.Event()

    def call() -> None:
        pending_one.set()
        with stage.watched("pending_"):
            place(client, padding=stage.orders.get("padding", 0), timeout=20.0)

    caller = threading.Thread(target=call)
    caller.start()
    pending_one.wait()
    wait_until(lambda: client.stats().requests > 0)
    time.sleep(0.3)  # The peer's state is what is asked for here, and nobody tells of it.
    begun = time.monotonic()
    client.close()
    client.close()
    stage.report["close_seconds"] = time.monotonic() - begun
    caller.join(5.0)
    stage.report["woken"] = not caller.is_alive()
    with stage.watched():
        read(client)
    stage.slots(client)


def close_in_callback(stage: Stage) -> None:
    """Close from a callback, twice."""
    client = stage.client().connect(RECOVERY)
    done = threading.Event()

    def closing(event: object) -> None:
        client.close()
        client.close()
        done.set()

    client.subscribe_raw_order_book("ETHAUDT", closing)
    stage.report["done"] = done.wait(5.0)
    with stage.watched():
        read(client)
    stage.slots(client)


def exit_without_close(stage: Stage) -> None:
    """Leave the interpreter with everything open."""
    client = stage.client().connect(RECOVERY)
    client.subscribe_raw_order_book("ETHAUDT", lambda event: None)
    read(client)
    stage.clients.clear()
    stage.report["left_open"] = True


def fork(stage: Stage) -> None:
    """Fork with a connection open: the child is refused, the parent goes on."""
    client = stage.client().connect(RECOVERY)
    read(client)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            read(client)
            said = b"worked"
        except BaseException as error:
            said = type(error).__name__.encode()
        os.write(writer, said)
        os._exit(0)
    os.waitpid(child, 0)
    stage.report["in_child"] = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    with stage.watched():
        read(client)
    stage.recover(client)


def interrupt(stage: Stage) -> None:
    """Press Ctrl-C while a call waits for its answer."""
    client = stage.client().connect(RECOVERY)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    try:
        place(client, timeout=20.0)
        stage.report["error"] = None
    except KeyboardInterrupt:
        stage.report["error"] = "KeyboardInterrupt"
    stage.report.update(seconds=time.monotonic() - begun - 0.3, growth=0)
    timer.join()
    stage.recover(client)


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    scenario.__name__: scenario
    for scenario in (
        connect,
        construct,
        reconnect,
        write,
        first_write,
        write_after_rest,
        read_marked,
        two_calls,
        many_writes,
        pending,
        stream,
        callbacks,
        slow_consumer,
        close,
        close_in_callback,
        exit_without_close,
        fork,
        interrupt,
    )
}
