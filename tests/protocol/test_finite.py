"""No Decimal that is not finite comes through, wherever in a value it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Optional

import pytest
from attrs import frozen

from venuesdk.protocol.convert import Wire
from venuesdk.protocol.finite import field_types, finite_check, non_finite_path

NAN = Decimal("NaN")
FINE = Decimal("1336.2")


class Row(NamedTuple):
    price: Decimal
    count: int


@frozen
class Level:
    price: Decimal
    amount: Decimal | None = None


@frozen
class Book:
    name: str
    bids: tuple[Level, ...]
    rows: list[Row]
    by_symbol: dict[str, Level]
    best: Level | None = None
    raw: Any = None


@frozen
class Nothing:
    name: str
    raw: Any = None


@frozen
class Empty:
    pass


class Envelope(Wire, rename={"level": "the level"}):
    level: Level | str | None = None


@frozen
class Tree:
    price: Decimal
    branches: tuple[Tree, ...] = ()


def book(**changed: Any) -> Book:
    """Return a book in which every number is finite, but for what is given."""
    whole: dict[str, Any] = {
        "name": "ETHUSD",
        "bids": (Level(FINE, FINE), Level(FINE)),
        "rows": [Row(FINE, 2)],
        "by_symbol": {"dub": Level(FINE)},
    }
    return Book(**(whole | changed))


CASES = [
    (Decimal, FINE, NAN, "$"),
    (Level, Level(FINE), Level(NAN), "$.price"),
    (Level, Level(FINE, FINE), Level(FINE, NAN), "$.amount"),
    (Book, book(), book(bids=(Level(FINE), Level(FINE, NAN))), "$.bids[1].amount"),
    (Book, book(), book(rows=[Row(FINE, 1), Row(FINE, 2), Row(NAN, 3)]), "$.rows[2][0]"),
    (Book, book(), book(by_symbol={"a": Level(NAN)}), "$.by_symbol[...].price"),
    (Book, book(best=Level(FINE)), book(best=Level(NAN)), "$.best.price"),
    (Envelope, Envelope(Level(FINE)), Envelope(Level(NAN)), "$.the level.price"),
    (Envelope, Envelope("NaN"), Envelope(Level(NAN)), "$.the level.price"),
    (Decimal | str | None, None, NAN, "$"),
    (Optional[Decimal], FINE, NAN, "$"),  # noqa: UP045
    (tuple[str, Decimal], ("NaN", FINE), ("a", NAN), "$[1]"),
    (tuple[Row, list[Level]], (Row(FINE, 1), []), (Row(FINE, 1), [Level(NAN)]), "$[1][0].price"),
    (Mapping[str, Sequence[Decimal]], {"a": [FINE]}, {"a": [FINE, NAN]}, "$[...][1]"),
    (frozenset[Decimal], frozenset({FINE}), frozenset({NAN}), "$[0]"),
    (Annotated[Decimal, "money"], FINE, NAN, "$"),
]


@pytest.mark.parametrize(("kind", "good", "bad", "path"), CASES)
def test_a_number_that_is_not_finite_is_found_and_named(
    kind: Any, good: Any, bad: Any, path: str
) -> None:
    """The check written for a type passes the good value, catches the bad, and it is named."""
    check = finite_check(kind)
    assert check is not None
    assert check(good)
    assert non_finite_path(good) is None
    assert not check(bad)
    assert non_finite_path(bad) == path


@pytest.mark.parametrize("text", ["NaN", "-NaN", "sNaN", "NaN123", "Infinity", "-inf", "N_a_N"])
def test_every_kind_of_number_that_is_not_finite_is_found(text: str) -> None:
    """Quiet, signalling and infinite alike."""
    check = finite_check(Level)
    assert check is not None
    assert not check(Level(Decimal(text)))


@pytest.mark.parametrize("text", ["0", "-0", "1E+400", "42109.9312493366", "1E-9999"])
def test_every_finite_number_passes(text: str) -> None:
    """Zero, huge and tiny numbers are numbers."""
    check = finite_check(Level)
    assert check is not None
    assert check(Level(Decimal(text), Decimal(text)))


@pytest.mark.parametrize(
    "kind", [str, int, Any, None, Nothing, Empty, list, tuple, dict[str, Any], list[Nothing]]
)
def test_a_type_without_money_needs_no_check(kind: Any) -> None:
    """There is nothing to call, and so nothing to pay, where no Decimal can stand."""
    assert finite_check(kind) is None


def test_a_type_that_contains_itself_is_refused() -> None:
    """A check without end is a mistake of whoever wrote the type, told at once."""
    with pytest.raises(TypeError, match="Tree contains itself"):
        finite_check(Tree)


def test_fields_are_known_of_models_rows_and_wire_types() -> None:
    """The three kinds of class with fields give their types; anything else has none."""
    assert field_types(Row) == {"price": Decimal, "count": int}
    assert field_types(Level) == {"price": Decimal, "amount": Decimal | None}
    assert field_types(Envelope) == {"level": Level | str | None}
    assert field_types(Empty) is None
    assert field_types(list[Level]) is None
