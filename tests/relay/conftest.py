"""What the tests of the relay share: relays to try things on, and Redis servers to harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import consuming
import pytest
from publishing import Setting
from redis_server import RedisServer, has_redis
from sources import onyx

from venuesdk import OnyxClient
from venuesdk.relay.redis import RedisEngine


@pytest.fixture
def client() -> Iterator[OnyxClient]:
    """Return a client that is never connected."""
    one = onyx()
    yield one
    one.close()


@pytest.fixture
def make() -> Iterator[Callable[..., Setting]]:
    """Return what makes settings, all of which are closed at the end."""
    made: list[Setting] = []

    def make_one(**options: Any) -> Setting:
        made.append(Setting(**options))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Return what starts a Redis that a test may harm."""
    if not has_redis():
        pytest.skip("redis-server is not installed")
    started: list[RedisServer] = []

    def start(**options: Any) -> RedisServer:
        started.append(RedisServer(tmp_path, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def server(start_redis: Callable[..., RedisServer]) -> RedisServer:
    """Return a Redis that writes down what it is told before it answers, and may be killed.

    With ``everysec`` it may answer up to two seconds before it writes, while the disk is busy.
    """
    return start_redis(appendonly="yes", appendfsync="always")


@pytest.fixture
def engines() -> Iterator[Callable[..., RedisEngine]]:
    """Return what makes engines, which are closed at the end."""
    made: list[RedisEngine] = []

    def make(*arguments: Any, **options: Any) -> RedisEngine:
        made.append(RedisEngine(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def setting() -> Iterator[consuming.Setting]:
    """Return a new store, and close in the end all readers that were made on it."""
    made = consuming.Setting()
    yield made
    for reader in made.readers:
        reader.close()
