"""What may be written as JSON, and what is the caller's mistake."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from venuesdk.protocol.jsonable import jsonable
from venuesdk.secret import Secret


class Side(str, enum.Enum):
    BUY = "BUY"


class Kind(enum.IntEnum):
    UPDATE = 1


class Price(enum.Enum):
    ONE = Decimal("1E+1")


class Text(str):
    """Text of another class."""


class Number(int):
    """A number of another class."""


class Row(NamedTuple):
    price: Decimal
    count: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2014400000000000000, 2014400000000000000),
        ("LRC-ETH", "LRC-ETH"),
        (36.6, 36.6),
        (Decimal("100.50"), "100.50"),
        (Decimal("0.0000000003"), "0.0000000003"),
        (Decimal("1E+3"), "1000"),
        (Decimal("3E-10"), "0.0000000003"),
        (Decimal("-0"), "-0"),
        (Side.BUY, "BUY"),
        (Kind.UPDATE, 1),
        (Price.ONE, "10"),
        ((1, [Decimal("2")]), [1, ["2"]]),
        (Row(Decimal("1.5"), 2), ["1.5", 2]),
        (MappingProxyType({"a": {"b": Decimal("1")}}), {"a": {"b": "1"}}),
    ],
)
def test_a_value_becomes_plain(value: Any, expected: Any) -> None:
    """Money becomes text without an exponent, as Infinex asks; enums and tuples become plain."""
    plain = jsonable(value)
    assert plain == expected
    assert type(plain) is type(expected)


@pytest.mark.parametrize(("value", "kind"), [(Text("a"), str), (Number(1), int)])
def test_a_class_of_ones_own_becomes_the_plain_one(value: Any, kind: type) -> None:
    """Nothing that the encoder might treat in another way gets through."""
    assert type(jsonable(value)) is kind
    assert type(jsonable({"a": value})["a"]) is kind


def test_keys_are_text() -> None:
    """A key of another class would be written in a form that the venue does not know."""
    assert [type(key) for key in jsonable({Text("a"): 1})] == [str]
    for key in (1, None, Decimal(1), b"a", Secret("hidden")):
        with pytest.raises(TypeError, match="keys of a JSON object are text"):
            jsonable({key: 1})


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("kind", [float, Decimal])
def test_what_is_not_finite_is_refused(kind: Any, number: str) -> None:
    """NaN and infinity have no form in JSON, and would become null."""
    with pytest.raises(ValueError, match="is not a number"):
        jsonable({"price": [kind(number)]})


@pytest.mark.parametrize("text", ["1E+1001", "1E-1001", "1E+999999999", "-1E-999999999"])
def test_a_number_without_end_is_refused(text: str) -> None:
    """A Decimal's text can fill the memory: beyond a thousand digits it is a mistake."""
    with pytest.raises(ValueError, match="digits"):
        jsonable(Decimal(text))
    assert len(jsonable(Decimal("1E+1000"))) == 1001
    with pytest.raises(ValueError, match="digits"):
        jsonable(Decimal("9" * 5_000))


@pytest.mark.parametrize(
    "value",
    [b"x", {1}, object(), datetime(2022, 9, 19), bytearray(), range(2), Decimal, Secret("s")],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_one_form_is_refused(value: Any) -> None:
    """Times, bytes, sets and secrets are the caller's to write as the venue wants them."""
    with pytest.raises(TypeError, match=type(value).__name__):
        jsonable({"a": value})


def test_a_secret_passes_only_where_it_may() -> None:
    """It stays a secret: whoever encodes it reveals it, at the last moment."""
    secret = Secret("hidden")
    plain: Mapping[str, Any] = jsonable({"auth": [secret]}, reveal=True)
    assert plain["auth"][0] is secret
    assert "hidden" not in repr(plain)


def test_what_is_given_is_not_changed() -> None:
    """The caller's own objects are read and copied, never written to."""
    inner = [Decimal("1")]
    value = {"a": inner}
    plain = jsonable(value)
    assert value == {"a": [Decimal("1")]}
    assert plain["a"] is not inner
