"""The calls of a client, found in its class, and their arguments, read from text.

A call is a public method that the venue's own client adds and that answers: not what subscribes,
and not what every client has. An argument is read by its annotation.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import click
from attrs import frozen

from ..client import Client
from ..errors import ProtocolError
from ..protocol.convert import decode_json

__all__ = ["READERS", "Method", "methods"]

STREAMS = ("subscribe", "unsubscribe")
"""How the names of methods begin that begin or end a stream; others take its ``**options``."""


@frozen
class Method:
    """One call: its name, its parameters and what it does."""

    name: str
    parameters: tuple[inspect.Parameter, ...]
    what: str
    result: str

    @property
    def signature(self) -> str:
        """Its name and parameters, as they are written on a command line."""
        return " ".join([self.name, *map(_written, self.parameters)])

    def arguments(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the arguments that ``name=value`` words give.

        Raises `click.UsageError` for a word that is none, a name that there is not or that occurs
        twice, a value that cannot be read, and where one is missing.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        given: dict[str, Any] = {}
        for word in words:
            name, sign, text = word.partition("=")
            if not sign:
                # Not what was given: it may be anything.
                raise self._mistake("an argument is NAME=VALUE")
            if name not in known:
                raise self._mistake(f"no argument {name!r}")
            if name in given:
                raise self._mistake(f"{name} is given twice")
            given[name] = _read(known[name], text)
        for name, parameter in known.items():
            if parameter.default is parameter.empty and name not in given:
                raise self._mistake(f"{name} is missing")
        return given

    def _mistake(self, what: str) -> click.UsageError:
        return click.UsageError(f"{self.name}: {what}; it is written: {self.signature}")


def methods(kind: type[Client]) -> dict[str, Method]:
    """Return the calls of a client, in the order of its class."""
    found = {}
    for name, member in vars(kind).items():
        of_all = name.startswith(("_", *STREAMS)) or hasattr(Client, name)
        if not inspect.isfunction(member) or of_all:
            continue
        signature = inspect.signature(member)
        _, *parameters = signature.parameters.values()
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            what = (inspect.getdoc(member) or "").partition("\n")[0].replace("`", "")
            result = str(signature.return_annotation).replace("None", "")
            found[name] = Method(name, tuple(parameters), what, result)
    return found


# ---- arguments -----------------------------------------------------------------------------------


# Python's own readers take more: underscores, spaces, other scripts' digits, exponents. None of
# them is how a number is meant to be written here, and an order is no place to guess.
_PLAIN: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def _plain(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        raise ValueError("not a plain number")
    return text


def _decimal(text: str) -> Decimal:
    return Decimal(_plain(text))


def _int(text: str) -> int:
    return int(_plain(text))


def _float(text: str) -> float:
    return float(_plain(text))


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _json(text: str) -> Any:
    value = decode_json(text)
    # Of a name that stands there twice JSON keeps the last: of an amount, perhaps the wrong one.
    json.loads(text, object_pairs_hook=_once, parse_int=str, parse_float=str)
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands there twice")


READERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "str": ("TEXT", str),
    "When": ("TIME", str),
    "int": ("INT", _int),
    "float": ("SECONDS", _float),
    "bool": ("true|false", _flag),
    "Decimal": ("DECIMAL", _decimal),
    "Amount": ("DECIMAL", _decimal),
    "Mapping": ("JSON", _json),
    "Any": ("JSON", _json),
}
"""How a value is written, and what reads it, by the first name of an annotation."""


def _reader(parameter: inspect.Parameter) -> tuple[str, Callable[[str], Any]]:
    first = str(parameter.annotation).partition("|")[0].partition("[")[0].strip()
    return READERS[first]


def _written(parameter: inspect.Parameter) -> str:
    word = f"{parameter.name}={_reader(parameter)[0]}"
    return word if parameter.default is parameter.empty else f"[{word}]"


def _read(parameter: inspect.Parameter, text: str) -> Any:
    kind, read = _reader(parameter)
    try:
        return read(text)
    except (ValueError, KeyError, RecursionError, ProtocolError):
        raise click.UsageError(f"{parameter.name}={text} is not {kind}") from None
