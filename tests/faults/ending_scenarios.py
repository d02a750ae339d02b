"""What the client of a fault case does whose peer reads nothing, and one that is to be closed.

Here are also the program's own ends: an exit, a fork and a Ctrl-C. Each scenario is a function of
a `Stage`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from faults.stage import MARK, RECOVERY, Stage, place, read, wait_until

from venuesdk import RequestTimeout

__all__ = ["ENDING"]

FILLER = bytes(65536)
"""What no frame and no TLS record begins with, so that the peer can tell where the next one is."""
SETTLED = 0.2
"""Seconds in which a kernel that still has room for a byte somewhere would have found it."""


# ---- full buffers ------------------------------------------------------------------------------


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


def nothing_written(stage: Stage) -> None:
    """Order while the kernel takes not a byte; once the peer reads again, go on as before."""
    client = stage.client().connect(RECOVERY)
    fill_buffers(stage, client)
    with stage.watched():
        place(client, note="in-vain", timeout=stage.timeout)
    stage.report["state_then"] = client.state.value
    stage.recover(client)
    stage.report["epoch"] = client.stats().epoch


def close_stuffed(stage: Stage) -> None:
    """Close while the kernel takes not a byte, and nobody waits for anything."""
    client = stage.client().connect(RECOVERY)
    fill_buffers(stage, client)
    shut(stage, client)


def fill_buffers(stage: Stage, client: Any) -> None:
    """Make the call after which the peer reads nothing more, and leave no room to write in.

    Where the peer pings then, the client's pong waits to be written too.
    """
    with contextlib.suppress(RequestTimeout):
        place(client, note=f"{MARK}-first", timeout=0.2)
    stuff(stage.orders["url"])
    before = client.stats().frames_out
    if stage.orders.get("pings") and not wait_until(lambda: client.stats().frames_out > before):
        raise RuntimeError("the client had no pong to send")


def stuff(url: str) -> None:
    """Fill the buffers of the connection to `url`, beneath the client, to the last byte.

    A client's own frames cannot do that: the last of them would be written in part, which ends
    the connection. The peer knows the filler, and throws it away.
    """
    sock = connected_to(urlsplit(url).port)
    with sock:
        last = time.monotonic()
        while time.monotonic() - last < SETTLED:
            try:
                sock.send(FILLER, socket.MSG_DONTWAIT)
            except BlockingIOError:
                time.sleep(0.005)
            else:
                last = time.monotonic()
        # The peer's kernel may take a little more yet, when asked whether it does; with so small
        # a buffer that makes no room here.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)


def connected_to(port: int | None) -> socket.socket:
    """Return a second handle of this process's connection to that port."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            copy = os.dup(int(entry.name))
            try:
                sock = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)  # what is no socket
                continue
            if sock.family == socket.AF_INET and sock.getpeername()[1] == port:
                return sock
            sock.close()
    raise RuntimeError(f"no connection to port {port}")


# ---- closing -----------------------------------------------------------------------------------


def close(stage: Stage) -> None:
    """Close from another thread while a call is pending and the peer does what it does."""
    client = stage.client().connect(RECOVERY)
    woken = threading.Event()
    padding = stage.orders.get("padding", 0)
    before = client.stats().bytes_out

    def call() -> None:
        with stage.watched("pending_"):
            try:
                place(client, padding=padding, timeout=20.0)
            finally:
                woken.set()

    caller = threading.Thread(target=call)
    caller.start()
    # Some of it has left then: of a large order as much as a socket takes at once.
    wait_until(lambda: client.stats().bytes_out > before)
    time.sleep(0.3)  # The peer's state is what is asked for here, and nobody tells of it.
    shut(stage, client, woken)
    caller.join()  # It still looks for credentials in its error, which a large order makes long.


def close_idle(stage: Stage) -> None:
    """Close while nobody asks for anything."""
    client = stage.client().connect(RECOVERY)
    read(client)
    shut(stage, client)


def shut(stage: Stage, client: Any, woken: threading.Event | None = None) -> None:
    """Close twice, and note how long that took and, when the caller is back, what a call says."""
    begun = time.monotonic()
    client.close()
    client.close()
    stage.report["close_seconds"] = time.monotonic() - begun
    if woken is not None:
        stage.report["woken"] = woken.wait(2.0)
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
    with stage.weighed():
        try:
            place(client, timeout=20.0)
            stage.report["error"] = None
        except KeyboardInterrupt:
            stage.report["error"] = "KeyboardInterrupt"
    stage.report["seconds"] = time.monotonic() - begun - 0.3
    timer.join()
    stage.recover(client)


ENDING: dict[str, Callable[[Stage], None]] = {
    scenario.__name__: scenario
    for scenario in (
        many_writes,
        nothing_written,
        close,
        close_idle,
        close_stuffed,
        close_in_callback,
        exit_without_close,
        fork,
        interrupt,
    )
}
