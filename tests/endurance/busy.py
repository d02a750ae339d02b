"""Two threads that ask all the time beside a busy stream over wss: does the connection survive?

CPython lets one thread read and another write the same TLS socket, and loses the connection when
they meet; `plain` shows it, with websocket-client as it is normally used.

A program: ``python tests/endurance/busy.py --seconds 600``, or with ``--plain``. It prints one
line of JSON, and ends with 1 where a connection was lost or an answer or an event went astray.
"""

from __future__ import annotations

import argparse
import faulthandler
import itertools
import json
import random
import ssl
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import desk
from simulators import Simulators
from verdict import tell

from venuesdk.errors import VenueError

PATTERN = "/orderbook.raw/ETHAUDT"
SENDERS = 2
BATCH = 100
WINDOW = 2_000
"""How many events may be on their way: the far side must not run ahead of the near one."""
RATE = 5_000.0
"""The most events in a second; a slow machine has fewer."""
PATIENCE = 30.0


class Stream:
    """What pours events through the connection, numbered without a gap, and counts what comes.

    Where it must be `whole`, no event may be missing, and the next ones wait for the last.
    """

    def __init__(self, sims: Simulators, whole: bool) -> None:
        self._sims = sims
        self._whole = whole
        self._arrived = threading.Condition()
        self._sent = self._last = 0
        self.count = 0
        self.astray: list[str] = []
        self.ended = threading.Event()
        self.lost: list[str] = []
        self._thread = threading.Thread(target=self._pour, name="pour")

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._thread.join()

    def take(self, number: int) -> None:
        """Note an event; it must be the one after the last."""
        with self._arrived:
            if self._whole and number != self._last + 1:
                self.astray.append(f"event {number} came behind {self._last}")
            self._last = number
            self.count += 1
            self._arrived.notify()

    def _pour(self) -> None:
        began = time.monotonic()
        while not self.ended.is_set():
            self._sims.tell("timex", "publish", PATTERN, self._sent + 1, BATCH)
            self._sent += BATCH
            with self._arrived:
                if self._whole and not self._arrived.wait_for(
                    lambda: self._sent - self._last < WINDOW, PATIENCE
                ):
                    self.lost.append(f"{self._sent} were sent, and {self._last} have come")
                    return
            self.ended.wait(max(0.0, began + self._sent / RATE - time.monotonic()))


def race(seconds: float, sims: Simulators, ca_file: Path) -> dict[str, Any]:
    """Let a client of ours do it; whatever is lost or astray is wrong."""
    wrong: list[str] = []
    answers: Counter[str] = Counter()
    slowest = [0.0] * SENDERS
    stream = Stream(sims, whole=True)
    client = desk.make("timex", sims.sites["timex"], ca_file, timeout=PATIENCE)
    until = time.monotonic() + seconds

    def send(number: int) -> None:
        dice = random.Random(number)
        while time.monotonic() < until:
            faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
            began = time.monotonic()
            try:
                desk.call(client, dice)
                answers["answered"] += 1
            except (VenueError, desk.Mismatch) as error:
                wrong.append(f"a call raised {error!r}")
                if len(wrong) > 100:
                    return
            slowest[number] = max(slowest[number], time.monotonic() - began)

    with client:
        subscription = client.subscribe(  # type: ignore[attr-defined]
            PATTERN, callback=lambda update: stream.take(update.id)
        )
        with stream:
            senders = [threading.Thread(target=send, args=(n,)) for n in range(SENDERS)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
        faulthandler.cancel_dump_traceback_later()
        stats = client.stats()
        gaps = subscription.stats.gaps
    accepted = sims.tell("timex", "accepted")
    wrong += [*stream.astray[:10], *stream.lost]
    if stats.reconnects or accepted != 1 or gaps:
        wrong.append(f"{stats.reconnects} reconnects, {accepted} connections, {gaps} gaps")
    if stats.rejections or stats.garbage or stats.late_responses or stats.undecodable:
        wrong.append(f"not all answers and events were matched: {stats}")
    return {
        "client": "venuesdk",
        "seconds": seconds,
        "events": stream.count,
        "answers": answers["answered"],
        "connections": accepted,
        "lost": stats.reconnects,
        "slowest": max(slowest),
        "wrong": wrong,
    }


class Plain:
    """websocket-client as it is normally used: a timeout, a reader thread, and senders."""

    def __init__(self, url: str, ca_file: Path, stream: Stream) -> None:
        import websocket

        context = ssl.create_default_context(cafile=str(ca_file))
        self._socket = websocket.create_connection(url, timeout=5, sslopt={"context": context})
        self._stream = stream
        self._answers: dict[str, SimpleQueue[Any]] = {}
        self._ids = itertools.count(1)
        self.ended = ""
        self._reader = threading.Thread(target=self._read, name="plain-reader")
        self._reader.start()

    def ask(self, **fields: Any) -> Any:
        number = str(next(self._ids))
        answer = self._answers[number] = SimpleQueue()
        self._socket.send(json.dumps({"requestId": number, **fields}))
        return answer.get(timeout=5)

    def close(self) -> None:
        self._socket.abort()
        self._socket.shutdown()
        self._reader.join()

    def _read(self) -> None:
        import websocket

        while not self.ended:
            try:
                message = json.loads(self._socket.recv())
            except websocket.WebSocketTimeoutException:
                continue
            except Exception as error:
                self.ended = f"{type(error).__name__}: {error}"
                for answer in list(self._answers.values()):
                    answer.put(None)
                return
            if message.get("type") == "MESSAGE":
                self._stream.take(message["message"]["id"])
            elif message.get("requestId") in self._answers:
                self._answers.pop(message["requestId"]).put(message)


def plain(seconds: float, sims: Simulators, ca_file: Path) -> dict[str, Any]:
    """Let websocket-client do it, connecting anew whenever it lost its connection."""
    until = time.monotonic() + seconds
    answered: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    stream = Stream(sims, whole=False)
    lost = connections = 0

    def send(one: Plain) -> None:
        while time.monotonic() < until and not one.ended:
            try:
                one.ask(
                    type="REST", stream="/get/public/orderbook/raw", payload={"market": "ETHAUDT"}
                )
                answered["answered"] += 1
            except Empty:
                continue
            except Exception as error:
                one.ended = one.ended or f"{type(error).__name__}: {error}"

    with stream:
        while time.monotonic() < until:
            one = Plain(sims.sites["timex"].url, ca_file, stream)
            connections += 1
            one.ask(type="SUBSCRIBE", pattern=PATTERN)
            senders = [threading.Thread(target=send, args=(one,)) for _ in range(SENDERS)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            if one.ended:
                lost += 1
                reasons[one.ended] += 1
            one.ended = one.ended or "over"
            one.close()
    return {
        "client": "websocket-client",
        "seconds": seconds,
        "events": stream.count,
        "answers": answered["answered"],
        "connections": connections,
        "lost": lost,
        "reasons": dict(reasons),
        "wrong": [],
    }


def main() -> int:
    """Read the command line, run, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--plain", action="store_true", help="websocket-client as it is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ca_file = Path(folder, "ca.pem")
        with Simulators("timex", ca_file=ca_file) as sims:
            run = plain if options.plain else race
            result = run(options.seconds, sims, ca_file)
    return tell(result)


if __name__ == "__main__":
    sys.exit(main())
