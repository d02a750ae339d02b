"""Whatever is killed, nothing is lost: publishers, consumers and Redis, in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis_server import RedisServer, has_redis

PROGRAMS = Path(__file__).parent / "programs"
STREAM = "venuesdk:{onyx}:tickers"
BATCH = 200
"""What a consumer is handed at once: as many may come again when it is killed."""

pytestmark = pytest.mark.skipif(not has_redis(), reason="redis-server is not installed")


class Program:
    """A process that can be killed and started again."""

    def __init__(self, name: str, *arguments: object) -> None:
        self._command = [sys.executable, str(PROGRAMS / name), *map(str, arguments)]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.await_line("ready")

    def await_line(self, wanted: str) -> None:
        """Wait until it says so."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == wanted:
                return
        raise AssertionError(f"{self._command[1]} ended without {wanted!r}")

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self._wait()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def finish(self) -> int:
        """Tell it to end, and return its status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self._wait()

    def _wait(self) -> int:
        status = self.process.wait(60)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return status


@pytest.fixture
def run() -> Iterator[Callable[..., Program]]:
    """Return what starts programs, which are killed at the end where they have not ended."""
    started: list[Program] = []

    def start(name: str, *arguments: object) -> Program:
        started.append(Program(name, *arguments))
        return started[-1]

    yield start
    for program in started:
        if program.process.poll() is None:
            program.kill()


class Log:
    """What a consumer wrote down."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def lines(self) -> list[list[str]]:
        """Return all of it, word by word."""
        text = self._path.read_text(encoding="utf-8")
        return [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]

    def events(self) -> list[tuple[int, str, str]]:
        """Return the events alone: number, how it was handed out, and to which process."""
        return [(int(one[0]), one[1], one[2]) for one in self.lines() if one[0].isdecimal()]

    def await_events(self, count: int, timeout: float = 60.0) -> None:
        """Wait until so many different events stand in it."""
        until = time.monotonic() + timeout
        while len({number for number, _, _ in self.events()}) < count:
            assert time.monotonic() < until, f"{len(self.events())} of {count}"
            time.sleep(0.02)  # another process writes the file: there is nothing to wait on

    def check(self, count: int, kills: int) -> None:
        """Nothing is missing; what came twice came to another process, which was told so."""
        events = self.events()
        numbers = [number for number, _, _ in events]
        assert set(numbers) == set(range(1, count + 1))
        doubled = len(numbers) - count
        assert doubled <= kills * BATCH
        by_process = Counter((number, process) for number, _, process in events)
        assert max(by_process.values()) == 1
        seen: set[int] = set()
        for number, how, _ in events:
            assert number not in seen or how == "again"
            seen.add(number)


def entries_of(server: RedisServer) -> int:
    """Return how many entries were ever added to the stream."""
    with server.client() as client:
        added: int = client.xinfo_stream(STREAM)["entries-added"]
        return added


def kill_all(
    server: RedisServer, run: Callable[..., Program], tmp_path: Path, count: int
) -> None:
    """Publish and consume so many events while each part is killed; check what came of it."""
    log = Log(tmp_path / "log")
    consumer = run("consume.py", server.url, "g", tmp_path / "log")
    publisher = run("publish.py", server.url, count)
    log.await_events(count // 10)
    publisher.kill()
    publisher.start()
    log.await_events(count * 3 // 10)
    consumer.kill()
    consumer.start()
    log.await_events(count // 2)
    server.kill()
    server.start()
    log.await_events(count * 7 // 10)
    consumer.kill()
    publisher.kill()
    consumer.start()
    publisher.start()
    log.await_events(count)
    assert publisher.finish() == 0
    assert consumer.finish() == 0
    log.check(count, kills=2)
    gaps = [one for one in log.lines() if one[0] == "gap"]
    # A publisher that begins where another has published says so; nothing else was missing.
    assert {one[1] for one in gaps} <= {"taken_over"}
    # Every number stands in the stream once, beside the states and gaps of three terms.
    assert entries_of(server) <= count + 10


def test_each_part_is_killed_and_nothing_is_lost(
    server: RedisServer, run: Callable[..., Program], tmp_path: Path
) -> None:
    """Publisher, consumer and Redis die in the middle of it, and all events arrive."""
    kill_all(server, run, tmp_path, 6_000)


@pytest.mark.long
def test_a_hundred_thousand_events_while_each_part_is_killed(
    server: RedisServer, run: Callable[..., Program], tmp_path: Path
) -> None:
    """The same with as many as a day of a quiet market has."""
    kill_all(server, run, tmp_path, 100_000)


def run_two(
    server: RedisServer, run: Callable[..., Program], tmp_path: Path
) -> tuple[Log, Program, Program]:
    """Run a consumer, a publisher with a lease of 0.6 s, and one that stands by."""
    log = Log(tmp_path / "log")
    run("consume.py", server.url, "g", tmp_path / "log")
    first = run("stand_by.py", server.url, 0.6)
    first.await_line("in office")
    return log, first, run("stand_by.py", server.url, 0.6)


def test_a_publisher_that_dies_is_followed_by_the_one_that_stands_by(
    server: RedisServer, run: Callable[..., Program], tmp_path: Path
) -> None:
    """Within its lease, with one gap, and with no event that both have published."""
    log, first, second = run_two(server, run, tmp_path)
    log.await_events(200)
    first.kill()
    killed = int(time.time() * 1000)
    second.await_line("in office")
    taken = int(time.time() * 1000)
    log.await_events(len(log.events()) + 200)
    # The lease, a third of it until the next look, and the machine's own time.
    assert taken - killed < 600 + 200 + 1500
    _check_order(log, publishers=2)


def test_a_publisher_that_only_stood_still_never_doubles_an_event(
    server: RedisServer, run: Callable[..., Program], tmp_path: Path
) -> None:
    """It wakes in the belief to be in office, with events that the other one published too."""
    log, first, second = run_two(server, run, tmp_path)
    for one, other in ((first, second), (second, first), (first, second)):
        log.await_events(len(log.events()) + 200)
        one.signal(signal.SIGSTOP)
        other.await_line("in office")
        log.await_events(len(log.events()) + 200)
        one.signal(signal.SIGCONT)
        one.await_line("standing by")
        log.await_events(len(log.events()) + 200)
    _check_order(log, publishers=4)


def _check_order(log: Log, publishers: int) -> None:
    """No number comes twice or late; where some are missing there is a gap, for each publisher."""
    gaps = 0
    last = 0
    missing = False
    for line in log.lines():
        if line[0] == "gap":
            assert line[1] == "taken_over"
            gaps += 1
            missing = True
            continue
        number = int(line[0])
        assert number > last
        assert number == last + 1 or missing or not last
        last, missing = number, False
    assert gaps == publishers - 1
