"""A window under load: it shows every event of a stream, and is closed in the middle of it.

Two clients bring the same stream, one each event and the other the newest. Reports what came, on
which threads, how long the window's thread was ever away from its timer, and how the end went.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import attrs
from toolkits import TOOLKITS

from venuesdk import OnyxClient, State, Subscription
from venuesdk.desktop import call_in_background
from venuesdk.venues.onyx import Tickers

TIMER = 5
"""Milliseconds between two looks at the clock."""
TOO_LONG = 30.0


class Busy:
    """The program: its clients, its window, and what it saw."""

    def __init__(self, kind: str, url: str, token: str, wanted: int) -> None:
        self.window = TOOLKITS[kind]()
        self.wanted, self.started = wanted, time.monotonic()
        self.main = threading.get_ident()
        self.numbers: list[int] = []
        self.newest: list[int] = []
        self.errors: list[str] = []
        self.streams: dict[bool, Subscription[Tickers]] = {}
        self.gaps = self.elsewhere = self.late = 0
        self.worst, self.looked, self.closed_at = 0.0, 0.0, 0.0
        self.clients = [
            OnyxClient(url=url, token=token, delivery=self.window.delivery) for _ in range(2)
        ]
        for client, see in zip(self.clients, (self.see, self.see_newest), strict=True):
            client.on_error(lambda error: self.errors.append(repr(error)))
            post = self.window.attach(client)
            call_in_background(
                post, lambda client=client, see=see: self.connect(client, see), None, self.fail
            )
        self.window.every(TIMER, self.look)

    def connect(self, client, see):
        """Connect and subscribe, on a thread of its own."""
        client.connect()
        conflate = see == self.see_newest
        stream = client.subscribe_tickers(
            see, products=["ebob"], conflate=conflate, on_gap=self.miss
        )
        self.streams[conflate] = stream

    def see(self, event):
        """Take an event of the client that brings all of them, and show it."""
        self.check()
        self.numbers.append(event.tickers[0].timestamp_millis)
        self.window.show(str(self.numbers[-1]))
        if len(self.numbers) == self.wanted:
            self.close()

    def see_newest(self, event):
        """Take an event of the client that conflates."""
        self.check()
        self.newest.append(event.tickers[0].timestamp_millis)

    def miss(self, _):
        """Count a gap."""
        self.gaps += 1

    def fail(self, error):
        """Note what went wrong in the background, and end."""
        self.errors.append(repr(error))
        self.close()

    def check(self):
        """See to it that callbacks run here, and only while there is a window."""
        self.elsewhere += threading.get_ident() != self.main
        self.late += bool(self.closed_at)

    def look(self):
        """Measure how long ago the last look was; it counts while the stream flows."""
        now = time.monotonic()
        if self.looked and self.numbers:
            self.worst = max(self.worst, now - self.looked - TIMER / 1000)
        self.looked = now
        if now - self.started > TOO_LONG:
            self.fail(TimeoutError(f"{len(self.numbers)} of {self.wanted} events came"))

    def close(self):
        """Close the window, as its user would."""
        if not self.closed_at:
            self.closed_at = time.monotonic()
            self.window.close()

    def report(self):
        """Return all that, when the clients are closed."""
        ends = [client.wait(5) for client in self.clients]
        while any(thread.name.startswith("venuesdk-") for thread in threading.enumerate()):
            if time.monotonic() > self.closed_at + 5:
                break
            time.sleep(0.01)
        return {
            "count": len(self.numbers),
            "lost": sum(b - a - 1 for a, b in zip(self.numbers, self.numbers[1:], strict=False)),
            "gaps": self.gaps,
            "newest": len(self.newest),
            "newest_sorted": self.newest == sorted(set(self.newest)),
            "conflating": attrs.asdict(self.streams[True].stats),
            "elsewhere": self.elsewhere,
            "late": self.late,
            "errors": self.errors[:5],
            "worst_gap_ms": self.worst * 1000,
            "closed": all(ends) and {one.state for one in self.clients} == {State.CLOSED},
            "closing_s": time.monotonic() - self.closed_at,
            "threads": sorted(
                thread.name
                for thread in threading.enumerate()
                if thread.name.startswith("venuesdk-")
            ),
        }


def main() -> None:
    """Run the venue, and the window until it has seen `--events`; the venue has more of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=sorted(TOOLKITS))
    parser.add_argument("--rate", type=int, default=3_000)
    parser.add_argument("--events", type=int, required=True)
    options = parser.parse_args()
    program = str(Path(__file__).parent / "streaming.py")
    numbers = [f"--rate={options.rate}", f"--count={options.events * 3}"]
    with subprocess.Popen(
        [sys.executable, program, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as venue:
        assert venue.stdin is not None
        assert venue.stdout is not None
        url, token = venue.stdout.readline().split()
        busy = Busy(options.kind, url, token, options.events)
        busy.window.run()
        report = busy.report()
        venue.stdin.close()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
