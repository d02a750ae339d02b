"""What may be written as JSON, made ready for the encoder; nothing is encoded here.

The encoder alone would write NaN as null, a Decimal with an exponent, and bytes as base64.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

from ..secret import Secret

__all__ = ["jsonable"]

_AS_IT_IS = frozenset({str, int, bool, type(None)})

_TEXT = frozenset({str})

_LONGEST = 1_000
"""Digits before or behind the point: a Decimal of more is a mistake, and its text a bomb."""


def jsonable(value: Any, *, reveal: bool = False) -> Any:
    """Return `value` as dicts, lists, text, bools, None, ints and floats alone.

    Decimals become text without an exponent, enums their values. A `Secret` passes as it is where
    `reveal` is set. Raises `ValueError` for a number that is not finite, and `TypeError` for what
    has no one form in JSON: bytes, sets, times, keys that are not text.
    """
    kind = type(value)
    if kind in _AS_IT_IS or (reveal and kind is Secret):
        return value
    if kind is dict:
        return _object(value, reveal)
    if isinstance(value, enum.Enum):
        return jsonable(value.value, reveal=reveal)
    if isinstance(value, Mapping):
        return _object(value, reveal)
    if isinstance(value, (list, tuple)):
        return [jsonable(each, reveal=reveal) for each in value]
    if isinstance(value, Decimal):
        return _text(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value} is not a number that JSON can write")
        return float(value)
    if isinstance(value, (str, int)):
        return str(value) if isinstance(value, str) else int(value)
    raise TypeError(f"{kind.__name__} cannot be written as JSON")


def _object(value: Mapping[Any, Any], reveal: bool) -> dict[str, Any]:
    kinds = map(type, value.values())
    if type(value) is dict and _TEXT.issuperset(map(type, value)) and _AS_IT_IS.issuperset(kinds):
        # Most requests: nothing to change, and nothing to copy.
        return value
    plain = {}
    for key, each in value.items():
        if not isinstance(key, str):
            raise TypeError(f"the keys of a JSON object are text, not {type(key).__name__}")
        plain[str(key)] = each if type(each) in _AS_IT_IS else jsonable(each, reveal=reveal)
    return plain


def _text(value: Decimal) -> str:
    text = str(value)
    if "E" not in text and len(text) <= _LONGEST and value.is_finite():
        return text
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a number that a venue can read")
    if max(-exponent, value.adjusted()) > _LONGEST:
        raise ValueError(f"a number of more than {_LONGEST} digits is a mistake")
    return format(value, "f")
