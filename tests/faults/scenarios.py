"""What the client of a fault case does: each scenario is a function of a `Stage`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from canaries import CANARIES
from faults.ending_scenarios import ENDING
from faults.stage import MARK, RECOVERY, SPAN, Stage, place, read, wait_until

from venuesdk import VenueError

__all__ = ["SCENARIOS"]


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
    with stage.weighed():
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
    )
    stage.recover(client)


# ---- streaming ---------------------------------------------------------------------------------


def stream(stage: Stage) -> None:
    """Stream a book while the peer goes wrong; note what the subscriber was told, in its order."""
    seen: list[int | str] = []
    client = stage.client().connect(RECOVERY)
    subscription = client.subscribe_raw_order_book(
        "ETHAUDT",
        lambda event: seen.append(event.update_id),
        on_gap=lambda gap: seen.append(f"gap:{gap.reason.value}"),
        **stage.orders.get("subscribe", {}),
    )
    stage.report["flowed"] = wait_until(lambda: len(seen) > 3)
    with stage.watched():
        place(client, timeout=stage.timeout)
    stage.report["state_then"] = client.state.value
    wait_until(lambda: any(isinstance(one, str) for one in seen), 4.0)
    after = len(seen)
    stage.report["flows"] = wait_until(lambda: len(seen) > after + 3, 4.0)
    told = list(seen)
    stage.gaps = [one for one in told if isinstance(one, str)]
    stage.report["misplaced"] = misplaced(told)
    stage.report["event_after_gap"] = bool(stage.gaps) and isinstance(told[-1], int)
    stage.report["subscription"] = repr(subscription)
    stage.recover(client)


def misplaced(seen: list[int | str]) -> list[str]:
    """Return where a stream changed its connection without a gap between, or had one without."""
    found = []
    last: int | None = None
    gaps: list[str] = []
    for one in seen:
        if isinstance(one, str):
            gaps.append(one)
            continue
        changed = last is not None and last // SPAN != one // SPAN
        if changed != bool(gaps):
            found.append(f"{one} behind {last}, told {gaps}")
        last, gaps = one, []
    return found


def callbacks(stage: Stage) -> None:
    """Let one callback raise, its hook too if asked, and one call back; the reader goes on."""
    hooked: list[BaseException] = []

    def hook(error: BaseException) -> None:
        hooked.append(error)
        raise ValueError("a mistake in the hook")

    options = {"on_error": hook} if stage.orders.get("raising_hook") else {}
    client = stage.client(**options).connect(RECOVERY)
    seen = {"raising": 0, "calling": 0}
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
    # Each event raises, and with it the hook: the stream comes through both, and so does a call.
    stage.report["hooked"] = len(hooked) > 3
    after = seen["raising"]
    stage.report["flows"] = wait_until(lambda: seen["raising"] > after + 3)
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
        pending,
        stream,
        callbacks,
        slow_consumer,
    )
} | ENDING
