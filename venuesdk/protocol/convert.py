"""Typed decoding and plain encoding: the one door to msgspec and cattrs.

Bytes become frozen attrs models in C, money becomes an exact and finite Decimal, and whatever
cannot be read becomes a `ProtocolError` that names the place. No venue is known here.

Every function may be called from several threads at once, except `decoder`, which builds: call it
while a module is imported. What it returns holds no state and needs no lock.
"""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import (
    TYPE_CHECKING,
    Any,
    NoReturn,
    TypeAlias,
    TypeVar,
    overload,
)

import attrs
import msgspec
from msgspec import Raw

from ..errors import ProtocolError
from ..secret import Secret
from .finite import finite_check, non_finite_path
from .jsonable import jsonable
from .names import Rename, wire_shape

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = [
    "MutableWire",
    "Raw",
    "Rename",
    "Wire",
    "decode_json",
    "decoder",
    "encode_json",
    "from_plain",
    "show_json",
    "to_plain",
]

T = TypeVar("T")
Flat: TypeAlias = "Callable[[Any], Any] | None"

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What bad data raises: bad UTF-8 is a ValueError, msgspec's own are only in its newer releases."""


class Wire(msgspec.Struct, frozen=True, gc=False):
    """Base of a codec's private wire types.

    Unknown fields are ignored; a field without a default is required. Class keywords: ``rename=``
    for the venue's names, ``array_like=True`` for rows, ``tag=`` for unions. A `Raw` field points
    into the payload that was decoded and keeps it alive: take ``bytes(raw)`` to hand it on.
    """


class MutableWire(msgspec.Struct, gc=False):
    """The same, of what changes on its way."""


@overload
def decoder(
    kind: type[T], /, *, rename: Rename = ..., wire: Any = ..., flat: Flat = ..., strict: bool = ...
) -> Callable[[bytes], T]: ...
@overload
def decoder(
    kind: Any, /, *, rename: Rename = ..., wire: Any = ..., flat: Flat = ..., strict: bool = ...
) -> Callable[[bytes], Any]: ...
def decoder(
    kind: Any,
    /,
    *,
    rename: Rename = "same",
    wire: Any = None,
    flat: Flat = None,
    strict: bool = True,
) -> Callable[[bytes], Any]:
    """Make the function that turns a JSON payload into a `kind`.

    `kind` is an attrs class, a `Wire` class, a named tuple (read from an array of exactly its
    length), or a tuple, list, dict or union of them; a union holds one class at most, and an enum
    knows what to do with a new value by its ``_missing_``. `rename` gives the venue's names where
    they differ from ours. `wire` is, instead, a type of the payload's own shape, with the
    attributes that `kind` has: so rows become models. Where the payload has more floors than
    `kind`, `flat` returns, for a value of `wire`, one that has those attributes. `strict` false
    also reads numbers from text.

    The function is called with ``bytes``, from any thread, and raises `ProtocolError` for bad
    JSON, bad UTF-8, a missing or wrong field (by its path), nesting without end, and a Decimal
    that is not finite. Unknown fields are ignored. JSON numbers keep every digit. A type that
    cannot be decoded is a `TypeError` here, at once.
    """
    shape = wire_shape(kind, rename, _wire_class) if wire is None else wire
    parse = msgspec.json.Decoder(shape, strict=strict, float_hook=_exact).decode
    finite = finite_check(shape)
    # Two passes in C, and only C: what an attribute raises counts as its absence, so that Ctrl-C
    # inside of a property would be lost, with the field. On a TimeX raw book (4 / 40 orders) this
    # takes 1.4 / 1.2 of the time of decoding into classes that have the venue's names; constructor
    # calls in Python take 2.0 / 1.7, cattrs over untyped JSON 3.2 / 2.4.
    renamed = shape is not kind
    if renamed:
        # Building a decoder for the target makes msgspec inspect it now, not at the first event.
        msgspec.json.Decoder(kind)
    convert = msgspec.convert

    def decode(payload: bytes) -> Any:
        try:
            value = parse(payload)
            if finite is not None and not finite(value):
                _refuse_non_finite(value, payload)
            if flat is not None:
                value = flat(value)
            return convert(value, kind, from_attributes=True) if renamed else value
        except _UNREADABLE as exc:
            raise _unreadable(exc, payload) from exc

    return decode


def decode_json(payload: bytes | str) -> Any:
    """Return JSON as plain values: integers exact, all other numbers as exact Decimals.

    Raises `ProtocolError` for bad JSON, bad UTF-8, nesting without end, and numbers that no
    Decimal holds.
    """
    try:
        return _PLAIN.decode(payload)
    except _UNREADABLE as exc:
        raise _unreadable(exc, payload) from exc


def encode_json(value: Any, *, reveal: bool = False) -> str:
    """Return compact JSON text.

    Takes dicts with text keys, lists, tuples, text, bools, None, ints, finite floats, enums, and
    finite Decimals, which become *text* without an exponent. A `Secret` is refused, unless
    `reveal`: then it is written in clear at the last moment, so that no frame of a traceback holds
    it. Raises `TypeError` and `ValueError` for the rest: they are the caller's mistakes.
    """
    try:
        plain = jsonable(value, reveal=reveal)
        text: str = (_REVEALING if reveal else _ENCODER).encode(plain).decode()
        return text
    except (UnicodeEncodeError, RecursionError) as exc:
        reason = "nested too deeply" if isinstance(exc, RecursionError) else "not Unicode text"
    # Outside the except clause: a UnicodeEncodeError carries the whole text, perhaps a credential.
    raise ValueError(f"this cannot be written as JSON: {reason}")


def show_json(value: Any) -> str:
    """Return JSON text for people to read: what a venue gave as a reason, in a form of its own.

    Never raises: a value that JSON may hold and cannot be written sensibly is said to be one.
    """
    try:
        return encode_json(value)
    except (TypeError, ValueError):
        return "a reason that cannot be shown"


def to_plain(value: Any) -> Any:
    """Return a model as dicts, lists, text, numbers and None, ready for any JSON writer.

    Decimals become text, datetimes ISO text, enums their values, named tuples dicts. Raises
    `TypeError` for bytes and for a `Secret`.
    """
    return _converter().unstructure(value)


@overload
def from_plain(kind: type[T], data: Any) -> T: ...
@overload
def from_plain(kind: Any, data: Any) -> Any: ...
def from_plain(kind: Any, data: Any) -> Any:
    """Return the `kind` that data decoded before describes, under our own names.

    `kind` is what `decoder` takes, and the same rules hold: named tuples come from arrays, text is
    no number, unknown keys are ignored. Decimals are taken as they are; a float stands for its
    shortest digits. Raises `ProtocolError`, which names the place.
    """
    try:
        value = msgspec.convert(data, kind)
        _refuse_non_finite(value, reprlib.repr(data))
    except _UNREADABLE as exc:
        raise _unreadable(exc, reprlib.repr(data)) from exc
    return value


# ---- JSON ----------------------------------------------------------------------------------------


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as exc:
        raise ValueError("not a number, or out of any range") from exc
    if not number.is_finite():
        raise ValueError("a number is not finite")
    return number


_PLAIN: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_exact)
_ENCODER = msgspec.json.Encoder()
_REVEALING = msgspec.json.Encoder(enc_hook=Secret.reveal)


def _refuse_non_finite(value: Any, frame: bytes | str) -> None:
    place = non_finite_path(value)
    if place:
        raise ProtocolError(f"a number is not finite - at `{place}`", frame=frame)


def _unreadable(exc: Exception, frame: bytes | str) -> ProtocolError:
    reason = "nested too deeply" if isinstance(exc, RecursionError) else exc
    return ProtocolError(f"this cannot be read: {reason}", frame=frame)


# ---- names ---------------------------------------------------------------------------------------


def _wire_class(kind: type, shapes: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    fields = [_field(each, shapes[each.name]) for each in attrs.fields(kind)]
    return msgspec.defstruct(kind.__name__, fields, bases=(Wire,), rename=dict(names), kw_only=True)


def _field(attribute: Any, kind: Any) -> Any:
    default = attribute.default
    if default is attrs.NOTHING:
        return attribute.name, kind
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return attribute.name, kind, msgspec.field(default_factory=default.factory)
    return attribute.name, kind, msgspec.field(default=default)


# ---- plain data ----------------------------------------------------------------------------------


@functools.cache
def _converter() -> Converter:
    """Build the converter at first use: without cattrs, importing all this costs a third less.

    Threads that come first together may each build one; they do the same.
    """
    from cattrs import Converter

    converter = Converter()

    def unstructure_tuple(row: Any) -> Any:
        named = hasattr(row, "_asdict")
        return converter.unstructure(row._asdict() if named else list(row))

    converter.register_unstructure_hook(tuple, unstructure_tuple)
    converter.register_unstructure_hook(Decimal, str)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    for refused in (bytes, bytearray, memoryview, Secret):
        converter.register_unstructure_hook(refused, _refuse)
    return converter


def _refuse(value: Any) -> NoReturn:
    raise TypeError(f"{type(value).__name__} has no plain form")
