"""Our names and the venue's: the wire's shape of a model, as a type; it decodes nothing.

The maker of classes is handed in, so that only one module knows which library they come from.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import attrs

from .finite import field_types

__all__ = ["MakeClass", "Rename", "wire_shape"]

Rename: TypeAlias = Literal["same", "camel"] | Mapping[type, Mapping[str, str]]
"""How our names become the venue's: not at all, all in camelCase, or by class as a table.

A table names only what differs: ``{Book: {"bids": "bid", "asks": "ask"}}``.
"""

MakeClass: TypeAlias = Callable[[type, Mapping[str, Any], Mapping[str, str]], Any]
"""Makes the wire's class of a model from the model, its fields' types and the venue's names."""


def wire_shape(kind: Any, rename: Rename, make: MakeClass) -> Any:
    """Return `kind` with every renamed attrs class in it, at any depth, replaced by a made one.

    Returns `kind` itself where nothing is renamed. Raises `ValueError` for names given to a class
    or a field that is not there, and `TypeError` for a class that contains itself.
    """
    if rename == "same":
        return kind
    mirror = _Mirror(rename, make)
    shape = mirror.of(kind)
    if not isinstance(rename, str):
        strangers = sorted(each.__name__ for each in rename if each not in mirror.made)
        if strangers:
            raise ValueError(f"names are given for {strangers}, which {kind} does not contain")
    return shape


class _Mirror:
    def __init__(self, rename: Rename, make: MakeClass) -> None:
        self.made: dict[type, Any] = {}
        self._rename = rename
        self._make = make

    def of(self, kind: Any) -> Any:
        if isinstance(kind, type) and attrs.has(kind):
            if kind not in self.made:
                self.made[kind] = None
                self.made[kind] = self._of_class(kind)
            if self.made[kind] is None:
                raise TypeError(f"{kind.__name__} contains itself: no decoder can be made for it")
            return self.made[kind]
        arguments = get_args(kind)
        inner = tuple(self.of(each) for each in arguments)
        if inner == arguments:
            return kind
        origin: Any = get_origin(kind)
        return Union[inner] if origin is types.UnionType else origin[inner]  # noqa: UP007

    def _of_class(self, kind: type) -> Any:
        types_of = field_types(kind) or {}
        shapes = {name: self.of(each) for name, each in types_of.items()}
        names = self._names(kind, shapes)
        if shapes == types_of and all(ours == theirs for ours, theirs in names.items()):
            return kind
        return self._make(kind, shapes, names)

    def _names(self, kind: type, fields: Mapping[str, Any]) -> Mapping[str, str]:
        if isinstance(self._rename, str):
            return {name: _camel(name) for name in fields}
        names = self._rename.get(kind, {})
        strangers = sorted(names.keys() - fields.keys())
        if strangers:
            raise ValueError(f"{kind.__name__} has no field {', '.join(strangers)}")
        return names


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
