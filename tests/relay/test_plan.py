"""Plan: what a reader may be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.relay.keys import Wanted
from venuesdk.relay.plan import Plan, plan_of
from venuesdk.timing import Backoff

GOOD: dict[str, Any] = {
    "streams": "onyx:tickers",
    "group": "books",
    "consumer": "one",
    "prefix": "venuesdk",
    "oldest": True,
    "batch": 500,
    "adopt_after": 60.0,
    "reconnect": Backoff(),
}


def test_one_stream_or_several() -> None:
    """As text, or as a list of texts."""
    assert plan_of(**GOOD).wanted == (Wanted("onyx", "", "tickers"),)
    several = plan_of(**GOOD | {"streams": ["onyx", "timex.eu:orderbook"]})
    assert isinstance(several, Plan)
    assert several.wanted == (Wanted("onyx", "", ""), Wanted("timex", "eu", "orderbook"))
    assert plan_of(**GOOD | {"adopt_after": None}).adopt_after is None


@pytest.mark.parametrize(
    ("name", "bad", "error", "text"),
    [
        ("streams", [], ValueError, "at least one"),
        ("streams", "zeta", ValueError, "no venue 'zeta'"),
        ("streams", "onyx:{x}", ValueError, "cannot be named"),
        ("streams", [5], TypeError, "asked for by text"),
        ("group", "", ValueError, "group cannot be empty"),
        ("group", b"x", TypeError, "group is text"),
        ("consumer", "", ValueError, "consumer cannot be empty"),
        ("prefix", "a:b", ValueError, "a prefix cannot be named"),
        ("oldest", 1, TypeError, "oldest is True or False"),
        ("batch", 0, ValueError, "at least 1"),
        ("batch", True, TypeError, "batch is an int"),
        ("adopt_after", 0, ValueError, "more than 0"),
        ("adopt_after", float("nan"), ValueError, "more than 0"),
        ("adopt_after", "1", TypeError, "number of seconds"),
        ("stale_after", 0, ValueError, "stale_after must be more than 0"),
        ("stale_after", True, TypeError, "stale_after is a number of seconds"),
        ("reconnect", 5, TypeError, "is a Backoff"),
    ],
)
def test_what_cannot_be_is_refused(
    name: str, bad: Any, error: type[Exception], text: str
) -> None:
    """Before any engine is asked."""
    with pytest.raises(error, match=text):
        plan_of(**GOOD | {name: bad})
