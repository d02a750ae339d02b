"""The checks of arguments let pass what can be, and name what cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from venuesdk.testing.faults.checks import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_port,
    check_url,
)


def test_what_can_be_passes() -> None:
    """The bounds themselves are among it."""
    check_count("a count", 0, 0)
    check_port(65535)
    check_port(0, least=0)
    check_number("a time", 0)
    check_number("a rate", 0.5, zero=False)
    check_flag("on", False)
    check_choice("how", "hold", "reset", "hold")
    assert check_url("ws://127.0.0.1:80/x", "ws", "wss").path == "/x"


@pytest.mark.parametrize(
    ("check", "error", "says"),
    [
        (lambda: check_count("a count", 1.0, 0), TypeError, "a count is an int, not 1.0"),
        (lambda: check_count("a count", True, 0), TypeError, "a count is an int, not True"),
        (lambda: check_count("a count", 0, 1), ValueError, "a count is 1 at least, not 0"),
        (lambda: check_port(0), ValueError, "a port is 1 at least, not 0"),
        (lambda: check_port(65536), ValueError, "a port is 65535 at most, not 65536"),
        (lambda: check_number("a time", "1"), TypeError, "a time is a number, not '1'"),
        (lambda: check_number("a time", True), TypeError, "a time is a number, not True"),
        (lambda: check_number("a time", -1), ValueError, "a time is at least 0, not -1"),
        (lambda: check_number("a time", float("nan")), ValueError, "not nan"),
        (lambda: check_number("a time", float("inf")), ValueError, "not inf"),
        (lambda: check_number("a rate", 0, zero=False), ValueError, "a rate is more than 0, not 0"),
        (lambda: check_flag("on", 1), TypeError, "on is True or False, not 1"),
        (lambda: check_choice("how", None, "a"), TypeError, "how is text, not None"),
        (lambda: check_choice("how", "c", "a", "b"), ValueError, "how is one of a, b, not 'c'"),
        (lambda: check_url(b"ws://h/", "ws"), TypeError, "a URL is text"),
        (lambda: check_url("http://h/", "ws", "wss"), ValueError, "not a URL of ws, wss"),
        (lambda: check_url("ws:///x", "ws"), ValueError, "not a URL of ws"),
        (lambda: check_url("ws://h:0/", "ws"), ValueError, "0 is no port"),
        (lambda: check_url("ws://h:99999/", "ws"), ValueError, "out of range"),
    ],
)
def test_what_cannot_be_is_named(
    check: Callable[[], object], error: type[Exception], says: str
) -> None:
    """The error says what was wanted, and what came."""
    with pytest.raises(error, match=says):
        check()
