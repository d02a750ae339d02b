"""What the tests of the relay share: a Redis of their own, and engines to try everything on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from redis_server import RedisServer, has_redis  # noqa: E402


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a Redis that lives as long as the test run, and that nobody may harm."""
    if not has_redis():
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """Return a Redis with nothing in it."""
    shared_redis.ask("FLUSHALL")
    return shared_redis
