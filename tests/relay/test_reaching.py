"""How Redis is reached: addresses, passwords, TLS; and what its refusals mean."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
import trustme
from redis_server import RedisServer

from venuesdk import Secret
from venuesdk.relay import EngineFull, EngineRefused, EngineUnavailable, Position, RelayError
from venuesdk.relay.entry import Draft, Head
from venuesdk.relay.reaching import error_of
from venuesdk.relay.redis import RedisEngine

STREAM = "venuesdk:{onyx}:tickers"
PASSWORD = "a-password-of-the-tests-7f3c"
DRAFT = Draft(Head("state"), 0, None, b"{}")


def test_a_password_is_used_and_shown_by_nothing(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """In the address, as text, as a `Secret` and from a callable."""
    place = start_redis(requirepass=PASSWORD)
    inside = place.url.replace("//", f"//default:{PASSWORD}@")
    for engine in (
        engines(inside),
        engines(place.url, password=PASSWORD),
        engines(place.url, password=Secret(PASSWORD)),
        engines(place.url, password=lambda: PASSWORD),
    ):
        assert engine.top(STREAM) == (0, 0)
        assert PASSWORD not in repr(engine) + repr(vars(engine))


def test_a_wrong_password_is_refused_and_shown_by_nothing(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """Not even by a traceback that shows the variables of every frame."""
    place = start_redis(requirepass=PASSWORD)
    for wrong in (engines(place.url), engines(place.url, password=PASSWORD + "x")):
        with pytest.raises(EngineRefused) as refused:
            wrong.top(STREAM)
        shown = traceback.TracebackException.from_exception(refused.value, capture_locals=True)
        assert PASSWORD not in "".join(shown.format())
        assert refused.value.__cause__ is refused.value.__context__ is None


def test_tls_is_verified(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine], tmp_path: Path
) -> None:
    """A server is spoken to where the given authority vouches for it, and else not at all."""
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    for name, one in (("ca.pem", authority), ("other.pem", other)):
        one.cert_pem.write_to_path(tmp_path / name)
    options = {"tls_cert_file": "cert.pem", "tls_key_file": "key.pem", "tls_ca_cert_file": "ca.pem"}
    files = {name: str(tmp_path / file) for name, file in options.items()}
    tls = start_redis(tls=True, tls_auth_clients="no", **files)
    engine = engines(tls.url, ca_file=tmp_path / "ca.pem")
    engine.append(STREAM, Position(7, 1), [DRAFT])
    assert engine.top(STREAM) == (7, 1)
    for unverified in (engines(tls.url), engines(tls.url, ca_file=tmp_path / "other.pem")):
        with pytest.raises(EngineUnavailable, match="certificate"):
            unverified.top(STREAM)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://localhost", "begins with one of"),
        ("localhost:6379", "begins with one of"),
        ("rediss://localhost?ssl_cert_reqs=none", "no options"),
        ("redis://localhost?decode_responses=yes", "no options"),
        ("redis://:hunter2/abc@there", "percent-encoded"),
        ("redis://:123/hunter2@there", "percent-encoded"),
        ("redis://there/hunter2@", "number of a database"),
    ],
)
def test_addresses_that_cannot_be(url: str, message: str) -> None:
    """Nothing that turns verification off can stand in one; what may be a password is not told."""
    with pytest.raises(ValueError, match=message) as caught:
        RedisEngine(url)
    assert "hunter" not in str(caught.value)


def test_other_mistakes() -> None:
    """A typed error before anything is sent."""
    with pytest.raises(TypeError):
        RedisEngine(6379)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rediss"):
        RedisEngine("redis://localhost", ca_file="ca.pem")
    with pytest.raises(ValueError, match="negative"):
        RedisEngine("redis://localhost", timeout=-1)


def test_a_redis_of_the_same_host_may_have_a_path(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine], tmp_path: Path
) -> None:
    """Where it listens on no port at all."""
    path = tmp_path / "redis"
    start_redis(port="0", unixsocket=str(path))
    engine = engines(f"unix://{path}")
    engine.append(STREAM, Position(7, 1), [DRAFT])
    assert engine.top(STREAM) == (7, 1)
    assert engine.place == f"unix://{path}"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("-OOM command not allowed when used memory > 'maxmemory'.", EngineFull),
        ("-READONLY You can't write against a read only replica.", EngineUnavailable),
        ("-WRONGTYPE Operation against a key", EngineRefused),
    ],
)
def test_what_redis_6_answers_for_a_refusal_inside_of_a_script(
    text: str, meaning: type[RelayError]
) -> None:
    """It wraps the error of the command in one of the script, unlike Redis 7."""
    wrapped = f"Error running script (call to f_8d1e): @user_script:14: @user_script: 14: {text} "
    assert type(error_of(redis.ResponseError(wrapped))) is meaning
    assert type(error_of(redis.ResponseError(f"ERR {wrapped}"))) is meaning
