"""One ledger run: a client behind a fault proxy, faults at random, and the judgement at the end.

    python tests/ledger/run.py --venue timex --link wss --delivery pump --seed 7 --seconds 10

The last line of its output is the verdict, as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT)]

import naive  # noqa: E402, F401 - it adds its desk
from callers import Callers  # noqa: E402
from desks import DESKS, Desk  # noqa: E402
from judge import Verdict, judge_calls, judge_feed, judge_gaps  # noqa: E402
from listeners import CALLBACK, ITERATION, Listener  # noqa: E402
from records import ACKNOWLEDGED, INTERRUPTED, REFUSED  # noqa: E402
from ways import DELIVERIES, LINKS, Deliveries, contexts  # noqa: E402
from weather import SPOILED, Weather  # noqa: E402

from venuesdk import Backoff, State  # noqa: E402
from venuesdk.errors import VenueError  # noqa: E402
from venuesdk.testing.faults import FaultProxy  # noqa: E402

CALLERS = 4
INTERVAL = 0.02
RECONNECT = Backoff(initial=0.02, maximum=0.2)
TIMEOUT = 0.6
SETTLES_WITHIN = 5.0
FULL, SILENCE = 1.2, 0.4
LONGEST = 300.0
CLOSES_WITHIN = 2.0
BUFFER = 16384


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venue", choices=sorted(DESKS), required=True)
    parser.add_argument("--link", choices=LINKS, default="ws")
    parser.add_argument("--delivery", choices=DELIVERIES, default="thread")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="at least so long")
    parser.add_argument("--faults", type=int, default=0, help="and until so many have fallen")
    return parser.parse_args()


class Run:
    """The parts of one run, and its course."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        server, self.client_options = contexts(options.link)
        self.desk: Desk = DESKS[options.venue](server, options.seed, INTERVAL)
        self.verdict = Verdict()
        self.errors: list[BaseException] = []
        self.listeners: list[Listener] = []

    def course(self) -> Verdict:
        """Run it all."""
        with contextlib.ExitStack() as stack:
            venue = stack.enter_context(self.desk.venue)
            self.proxies = [
                stack.enter_context(FaultProxy.for_url(url, seed=self.options.seed, buffer=BUFFER))
                for url in (venue.url, venue.http_url)
                if url
            ]
            urls = [
                proxy.url(url)
                for proxy, url in zip(self.proxies, (venue.url, venue.http_url), strict=False)
            ]
            self.under_faults(*urls)
            self.judge()
        return self.verdict

    def under_faults(self, url: str, http_url: str | None = None) -> None:
        """Connect, listen, ask while faults fall, and let it all settle."""
        deliveries = Deliveries(self.options.delivery)
        client = self.desk.client(
            url,
            http_url,
            timeout=TIMEOUT,
            reconnect=RECONNECT,
            delivery=deliveries.choice,
            on_error=self.errors.append,
            **self.client_options,
        )
        client.connect(timeout=5)
        deliveries.start(client)
        self.listeners = [Listener(name, self.desk, client) for name in (CALLBACK, ITERATION)]
        if not all(listener.listen() for listener in self.listeners):
            self.listeners = []
        self.weather = Weather(self.desk, self.proxies, self.options.seed)
        self.weather.after.append(lambda: self.log_in_again(client))
        self.callers = Callers(self.desk, client, self.weather, self.options.seed, CALLERS)
        director = threading.Thread(target=self.direct, name="ledger-director")
        director.start()
        self.callers.run(lambda: not director.is_alive())
        self.settle(client)
        self.close(client, deliveries)

    def direct(self) -> None:
        """Let the faults fall, and then let the callers ask a while without new ones.

        What goes wrong now is not swept away by a lost connection any more: the venue reads
        nothing until the send buffers are full, goes on reading, and then is silent for a moment.
        """
        until = time.monotonic() + self.options.seconds - FULL
        self.weather.start()
        _until(
            lambda: time.monotonic() > until and self.weather.fallen >= self.options.faults,
            until + LONGEST,
        )
        self.weather.stop()
        self.works_again()
        with self.weather.full_buffers():
            _until(lambda: False, time.monotonic() + FULL)
        self.works_again()
        self.desk.venue.mute(True, http=self.desk.venue.has_http)
        _until(lambda: False, time.monotonic() + SILENCE)
        self.desk.venue.mute(False)

    def works_again(self) -> None:
        """Wait until the callers' calls are acknowledged."""
        calls = self.callers.calls
        since = len(calls)
        if not _until(
            lambda: any(call.outcome == ACKNOWLEDGED for call in calls[since:]),
            time.monotonic() + SETTLES_WITHIN,
        ):
            self.verdict.wrong("dead", f"no call works after all faults: {calls[-1]}")

    def log_in_again(self, client: Any) -> None:
        """Do the program's part where a login was refused: connect, and subscribe anew."""
        with contextlib.suppress(VenueError):
            if client.state is State.FAILED:
                client.connect()
            for listener in self.listeners:
                listener.listen()

    # -- the end

    def settle(self, client: Any) -> None:
        """Wait until the client works again, and every stream is up with the venue."""
        end = time.monotonic() + SETTLES_WITHIN
        self.log_in_again(client)
        while not client.connected and time.monotonic() < end:
            self.log_in_again(client)
            time.sleep(0.01)
        if not client.connected:
            self.verdict.wrong("dead", f"not connected after all faults: {client!r}")
        newest = self.desk.newest
        for one in self.listeners:
            if not _until(lambda one=one: one.last > newest, end):  # type: ignore[misc]
                self.verdict.wrong("dead", f"{one.name} stands at {one.last}, not {newest}")
        interrupted = {call.marker for call in self.callers.calls if call.outcome == INTERRUPTED}
        if not _until(lambda: self.desk.leftovers() <= interrupted, end):
            left = self.desk.leftovers() - interrupted
            self.verdict.wrong("dead", f"still subscribed at the venue: {sorted(left)}")
        stats = client.stats()
        if stats.waiting_requests:
            self.verdict.wrong("dead", f"{stats.waiting_requests} slots were left")
        self.verdict.counts["reconnects"] = stats.reconnects

    def close(self, client: Any, deliveries: Deliveries) -> None:
        """Close the client, and look for what is left of it."""
        start = time.monotonic()
        client.close()
        took = time.monotonic() - start
        if took > CLOSES_WITHIN:
            self.verdict.wrong("dead", f"close() took {took:.2f} s")
        stuck = self.callers.stuck()
        stuck += [] if deliveries.stop() else ["the delivery"]
        for listener in self.listeners:
            stuck += listener.stuck()
        ours = f"venuesdk-{self.options.venue}-"
        _until(lambda: not _threads(ours), time.monotonic() + 2)
        stuck += _threads(ours)
        if stuck:
            self.verdict.wrong("dead", f"threads left: {stuck}")

    def judge(self) -> None:
        """Judge, when the last byte on its way has arrived."""
        _until(lambda: not any(proxy.connections for proxy in self.proxies), time.monotonic() + 3)
        judge_calls(self.callers.calls, self.desk.executions, self.verdict, self.desk.replayed)
        reasons = self.verdict.counts["reconnects"] + sum(
            self.weather.counts[kind] for kind in SPOILED
        )
        for listener in self.listeners:
            for feed in listener.feeds:
                judge_feed(feed, self.verdict)
            judge_gaps(listener.name, listener.feeds, reasons, self.verdict)
            for end in listener.silent_ends:
                self.verdict.wrong("silent_gaps", f"ended without a word: {end}")
        counts = self.verdict.counts
        counts["interrupts"] = sum(self.callers.interrupts.values())
        counts["faults"] = self.weather.fallen + counts["interrupts"]
        for corrupted in self.desk.corrupted:
            self.verdict.wrong("corrupted", corrupted)

    def report(self) -> dict[str, Any]:
        """Return what there is to tell."""
        return {
            **{name: getattr(self.options, name) for name in ("venue", "link", "delivery", "seed")},
            "counts": dict(self.verdict.counts),
            "worst_overrun_ms": round(1000 * self.verdict.worst_overrun),
            "problems": self.verdict.problems[:20],
            "kinds": {**self.weather.counts, **self.callers.interrupts},
            "told": Counter(
                call.error[:100] for call in self.callers.calls if call.outcome != REFUSED
            ),
        }


def _threads(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def _until(condition: Callable[[], object], end: float) -> bool:
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def main() -> int:
    """Run, print the verdict, and say by the exit code whether it is clean."""
    options = arguments()
    logging.disable(logging.CRITICAL)
    patience = max(options.seconds, options.faults / 2) + 45
    faulthandler.dump_traceback_later(patience, exit=True)
    run = Run(options)
    verdict = run.course()
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(run.report()), flush=True)
    if verdict.counts["dead"]:
        # A thread that is stuck would hold the process: tell where it stands, and leave it.
        faulthandler.dump_traceback(all_threads=True)
        os._exit(1)
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
