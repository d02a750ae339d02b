"""The reader on a real Redis, which is killed, emptied, frozen, or refuses the password."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from entries import STREAM, Publisher, seen
from redis_server import RedisServer

from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineRefused, EngineUnavailable, RelayReader
from venuesdk.relay.engine import Engine
from venuesdk.relay.redis import RedisEngine
from venuesdk.timing import Backoff

PATIENCE = 10.0
SOON = Backoff(initial=0.02, maximum=0.05)
PASSWORD = "a-password-of-the-tests-91be"


class Setting:
    """What was told by the readers of a test, and what is to be closed after it."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.errors: list[BaseException] = []
        self.closing: list[Any] = []

    def reader(self, url: str, consumer: str = "one", **options: Any) -> RelayReader:
        """Return a reader of tickers."""
        told = {"on_gap": self.gaps.append, "on_error": self.errors.append, "reconnect": SOON}
        reader = RelayReader(url, "books", consumer, "onyx:tickers", **(told | options))
        self.closing.append(reader)
        return reader

    def publisher(self, server: RedisServer, **options: Any) -> Publisher:
        """Return what writes to that server."""
        engine: Engine = RedisEngine(server.url, **options)
        self.closing.append(engine)
        return Publisher(engine)


@pytest.fixture
def setting() -> Iterator[Setting]:
    """Return a setting, and close in the end what was opened in it."""
    made = Setting()
    yield made
    for one in made.closing:
        one.close()


def take(reader: RelayReader, count: int) -> list[int]:
    """Return the numbers of the next ticker events."""
    return seen(reader.get(PATIENCE) for _ in range(count))


def drained(reader: RelayReader) -> None:
    """Let a reader acknowledge all; nothing more may come."""
    with pytest.raises(TimeoutError):
        reader.get(0)


def test_two_consumers_and_a_restart_see_everything_once(
    setting: Setting, redis_server: RedisServer
) -> None:
    """Shared while both are there, and taken over when one is gone."""
    publisher = setting.publisher(redis_server)
    one = setting.reader(redis_server.url, "one", batch=5).start()
    two = setting.reader(redis_server.url, "two", batch=5, adopt_after=0.05).start()
    publisher.tick(1, 20)
    assert take(one, 5) + take(two, 5) == list(range(1, 11))
    one.close()
    rest = take(two, 11)
    assert sorted(rest) == [5, *range(11, 21)]
    drained(two)
    assert two.stats.redelivered == 1
    assert (setting.gaps, setting.errors) == ([], [])
    assert [lag.unacknowledged for lag in two.lag()] == [0]
    again = setting.reader(redis_server.url, "one").start()
    publisher.tick(21)
    assert take(again, 1) == [21]


def test_what_was_cut_off_is_counted(setting: Setting, redis_server: RedisServer) -> None:
    """By Redis, exactly; also while nobody read, and what was in hand."""
    publisher = setting.publisher(redis_server)
    reader = setting.reader(redis_server.url).start()
    publisher.tick(1, 3)
    assert take(reader, 1) == [1]
    publisher.tick(4, 20)
    publisher.engine.cut(STREAM, 5)
    assert take(reader, 7) == [2, 3, 16, 17, 18, 19, 20]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 12, 1)]
    reader.close()
    publisher.tick(21, 40)
    publisher.engine.cut(STREAM, 2)
    again = setting.reader(redis_server.url).start()
    assert take(again, 2) == [39, 40]
    assert setting.gaps[1:] == [Gap(GapReason.OVERFLOW, 1, 0), Gap(GapReason.OVERFLOW, 18, 1)]


def test_a_redis_that_was_emptied_is_joined_again(
    setting: Setting, redis_server: RedisServer
) -> None:
    """With a gap of unknown size, and all that was written since."""
    publisher = setting.publisher(redis_server)
    reader = setting.reader(redis_server.url).start()
    publisher.tick(1, 2)
    take(reader, 2)
    redis_server.ask("FLUSHALL")
    publisher.tick(3, 4)
    assert take(reader, 2) == [3, 4]
    drained(reader)
    assert setting.gaps == [Gap(GapReason.LOST, None, 1)]
    assert setting.errors == []


def test_a_redis_that_is_killed_costs_nothing(setting: Setting, server: RedisServer) -> None:
    """Whatever was under way; one error tells of it, and each event is handed on once."""
    got: list[int] = []
    done = threading.Event()

    def callback(event: Any) -> None:
        got.extend(seen([event]))
        if len(got) >= 3000:
            done.set()

    publisher = setting.publisher(server)
    reader = setting.reader(server.url, callback=callback, batch=100).start()
    publisher.tick(1, 1500)
    while len(got) < 300:
        threading.Event().wait(0.002)
    server.kill()
    while not setting.errors:
        threading.Event().wait(0.01)
    server.start()
    publisher.tick(1501, 3000)
    assert done.wait(PATIENCE)
    reader.close()
    assert got == list(range(1, 3001))
    assert setting.gaps == []
    assert {type(error) for error in setting.errors} == {EngineUnavailable}
    assert reader.stats.unacknowledged == 0


def test_a_frozen_redis_delays_a_close_no_longer_than_it_may(
    setting: Setting, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Two seconds; what is in doubt is said, and comes again."""
    publisher = setting.publisher(server)
    publisher.tick(1, 2)
    reader = setting.reader(server.url, timeout=1.0)
    take(reader, 2)
    server.freeze()
    started = time.monotonic()
    reader.close()
    assert time.monotonic() - started < 2.2
    assert reader.wait(PATIENCE)
    assert "has not confirmed 1 acknowledgements" in caplog.text
    server.thaw()
    again = setting.reader(server.url)
    first = again.get(PATIENCE)
    assert seen([first])[0] in (1, 2)
    assert again.origin is not None and again.origin.redelivered


def test_a_password_that_is_wrong_later_is_told_and_tried_again(
    setting: Setting, server: RedisServer
) -> None:
    """A callable is asked for each connection; the first start raises."""
    server.ask("CONFIG", "SET", "requirepass", PASSWORD)
    publisher = setting.publisher(server, password=PASSWORD)
    given = ["wrong-" + PASSWORD[:4]]
    reader = setting.reader(server.url, password=lambda: given[0])
    with pytest.raises(EngineRefused):
        reader.start()
    given[0] = PASSWORD
    reader.start()
    publisher.tick(1)
    assert take(reader, 1) == [1]
    given[0] = "wrong-" + PASSWORD[:4]
    with server.client(password=PASSWORD) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    deadline = time.monotonic() + PATIENCE
    while not any(isinstance(error, EngineRefused) for error in setting.errors):
        assert time.monotonic() < deadline
        with pytest.raises(TimeoutError):
            reader.get(0.05)
    given[0] = PASSWORD
    again = setting.publisher(server, password=PASSWORD)
    again.seq = 1
    again.tick(2)
    assert take(reader, 1) == [2]
    shown = "".join(map(str, setting.errors)) + repr(reader)
    assert PASSWORD not in shown
