"""The address of a Redis: what it says, and that nothing of it is shown where it is none."""

from __future__ import annotations

import pytest

from venuesdk.relay.address import parsed


@pytest.mark.parametrize(
    ("url", "address", "user", "password"),
    [
        ("redis://localhost", "redis://localhost", None, None),
        ("redis://:a%40b@localhost:6380/2", "redis://localhost:6380/2", None, "a@b"),
        ("rediss://desk:pw@[::1]:6380", "rediss://[::1]:6380", "desk", "pw"),
        ("unix://desk@/run/redis.sock", "unix:///run/redis.sock", "desk", None),
    ],
)
def test_credentials_are_taken_out(
    url: str, address: str, user: str | None, password: str | None
) -> None:
    """Percent-encoded as in any URL; what is left may be shown."""
    found, who, secret = parsed(url)
    assert (found, who) == (address, user)
    assert (None if secret is None else secret.reveal()) == password


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter2@a", "redis://:hunter2/x@a", "redis://:1/hunter2@a", "redis://a/hunter2",
        "redis://a?password=hunter2",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_shown(url: str) -> None:
    """What stands in it may be a password."""
    with pytest.raises(ValueError, match="Redis") as caught:
        parsed(url)
    assert "hunter2" not in str(caught.value)
