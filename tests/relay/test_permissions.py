"""What the relay is allowed to do: the users that its documentation shows, on a real Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import redis
from redis_server import RedisServer
from sides import DRAFTS, STREAM, consume, publish

import venuesdk.relay
from venuesdk.relay import EngineRefused, Position
from venuesdk.relay.redis import RedisEngine

PASSWORD = "a-password-of-the-tests-51c2"
RULE = re.compile(r"ACL SETUSER (\w+) (on [^\n]*(?:\n {8}[^\n]*)*)")
RULES = dict(RULE.findall(venuesdk.relay.__doc__ or ""))
ASKED_BY_THE_TEST = {"config|resetstat", "info"}
ABOUT_CONNECTIONS = {"auth", "hello", "select", "client|setinfo", "client|maint_notifications"}
"""What redis-py may ask for itself, and does without where it is refused, but for logging in."""


@pytest.fixture(params=sorted(RULES))
def user(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[str]:
    """Make a user by the rules of the documentation; return its name."""
    name = request.param
    redis_server.ask("ACL", "SETUSER", name, *RULES[name].replace("PASSWORD", PASSWORD).split())
    yield name
    redis_server.ask("ACL", "DELUSER", name)


def test_a_user_may_do_what_it_needs_and_nothing_else(
    user: str, redis_server: RedisServer
) -> None:
    """All methods of its side work, and ask for every command that it is allowed, and no other."""
    with redis_server.client() as admin:
        other = RedisEngine(redis_server.url)
        if user == "reader":
            publish(other)
        else:
            # A group that lacks something, and holds something, gives the publisher more to do.
            other.append(STREAM, Position(6, 1), DRAFTS)
            other.join(STREAM, "desk", oldest=True)
            other.read([STREAM], "desk", "one", 1, 0.0)
        other.close()
        admin.script_flush()
        admin.config_resetstat()
        engine = RedisEngine(f"redis://{user}@127.0.0.1:{redis_server.port}", password=PASSWORD)
        try:
            (publish if user == "publisher" else consume)(engine)
        finally:
            engine.close()
        asked = {name.removeprefix("cmdstat_") for name in admin.info("commandstats")}
    allowed = set(re.findall(r"\+(\S+)", RULES[user]))
    assert asked - ASKED_BY_THE_TEST - ABOUT_CONNECTIONS == allowed


def test_a_user_may_touch_nothing_else(user: str, redis_server: RedisServer) -> None:
    """Neither another key, nor the server."""
    engine = RedisEngine(f"redis://{user}@127.0.0.1:{redis_server.port}", password=PASSWORD)
    try:
        with pytest.raises(EngineRefused):
            if user == "publisher":
                engine.append("desk:{onyx}:tickers", Position(7, 1), DRAFTS)
            else:
                engine.append(STREAM, Position(7, 1), DRAFTS)
    finally:
        engine.close()
    with (
        redis.Redis(port=redis_server.port, username=user, password=PASSWORD) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.flushall()
