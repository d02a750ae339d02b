"""Our names and the venue's: which classes are replaced, and which mistakes are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Optional, Union

import pytest
from attrs import frozen

from venuesdk.protocol.names import wire_shape


class Row(NamedTuple):
    price: Decimal


@frozen
class Level:
    price: Decimal


@frozen
class Book:
    bids: tuple[Level, ...]
    updated_at: str


@frozen
class Event:
    book: Book | None
    books: dict[str, list[Book]]
    level: Level
    row: Row
    other: Optional[Book] = None  # noqa: UP045


@frozen
class Tree:
    left_branch: Tree | None = None


Made = tuple[type, Mapping[str, Any], Mapping[str, str]]


class Maker:
    """Makes a new class for each model, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, Made] = {}

    def __call__(self, kind: type, shapes: Mapping[str, Any], names: Mapping[str, str]) -> type:
        new = type(f"Wire{kind.__name__}", (), {})
        self.made[kind.__name__] = (new, shapes, names)
        return new


def test_the_same_names_change_nothing() -> None:
    """Where our names are the venue's, the type is its own shape."""
    maker = Maker()
    kind = tuple[Event, ...]
    assert wire_shape(kind, "same", maker) is kind
    assert wire_shape(kind, {}, maker) is kind
    assert wire_shape(kind, {Book: {"bids": "bids"}}, maker) is kind
    assert wire_shape(tuple[Level, ...], "camel", maker) == tuple[Level, ...]
    assert not maker.made


def test_a_renamed_class_is_replaced_wherever_it_stands() -> None:
    """The class and all that hold it are made anew, once each; what holds none of it stays."""
    maker = Maker()
    shape = wire_shape(list[Event], {Book: {"bids": "bid"}}, maker)
    wire_book, book_shapes, book_names = maker.made["Book"]
    wire_event, event_shapes, event_names = maker.made["Event"]
    assert shape == list[wire_event]  # type: ignore[valid-type]
    assert sorted(maker.made) == ["Book", "Event"]
    assert book_names == {"bids": "bid"}
    assert book_shapes == {"bids": tuple[Level, ...], "updated_at": str}
    assert event_names == {}
    assert event_shapes == {
        "book": Union[wire_book, None],  # noqa: UP007
        "books": dict[str, list[wire_book]],  # type: ignore[valid-type]
        "level": Level,
        "row": Row,
        "other": Union[wire_book, None],  # noqa: UP007
    }


def test_camel_case_is_made_of_every_name() -> None:
    """All classes are renamed, those whose names are the same in both forms excepted."""
    maker = Maker()
    wire_shape(Event, "camel", maker)
    assert sorted(maker.made) == ["Book", "Event"]
    assert maker.made["Book"][2] == {"bids": "bids", "updated_at": "updatedAt"}


def test_names_for_a_class_that_is_not_there_are_refused() -> None:
    """A table that names a stranger is a slip of its writer, told as it is built."""
    with pytest.raises(ValueError, match="Level"):
        wire_shape(tuple[Row, ...], {Level: {"price": "p"}}, Maker())


def test_names_for_a_field_that_is_not_there_are_refused() -> None:
    """So is a misspelt field."""
    with pytest.raises(ValueError, match="Book has no field bid"):
        wire_shape(Event, {Book: {"bid": "bids"}}, Maker())


def test_a_class_that_contains_itself_is_refused() -> None:
    """Its shape would have no end."""
    with pytest.raises(TypeError, match="Tree contains itself"):
        wire_shape(Tree, "camel", Maker())
