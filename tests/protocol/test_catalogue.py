"""Names that are stored: what is found by them, and what is said of those that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import frozen

from venuesdk.errors import ProtocolError
from venuesdk.protocol.catalogue import Catalogue


def read_price(payload: bytes) -> str:
    """Read a payload that is a price."""
    return payload.decode()


def read_size(payload: bytes) -> int:
    """Read a payload that is a size."""
    return int(payload)


def read_time(payload: bytes) -> int | None:
    """Read a payload that is a time, or nothing, or bad."""
    if payload == b"bad":
        raise ProtocolError("no time")
    return int(payload) if payload else None


@frozen
class OfDesk:
    desk: str

    @classmethod
    def of(cls, words: Sequence[str]) -> OfDesk:
        _, desk = words
        return cls(desk)

    @property
    def words(self) -> tuple[str, ...]:
        return "desk", self.desk

    def __call__(self, value: str) -> str | None:
        return value if value == self.desk else None


CATALOGUE = Catalogue(
    {"price": read_price, "size": read_size},
    times={"price": read_time},
    narrowings={"desk": OfDesk.of},
)


@pytest.mark.parametrize(("name", "decode"), [("price", read_price), ("size", read_size)])
def test_a_name_leads_to_its_decoder_and_back(name, decode) -> None:
    """What one process writes down, another one finds again."""
    assert CATALOGUE.name(decode) == name
    assert CATALOGUE.decoder(name) is decode


def test_what_has_no_name_has_none() -> None:
    """A decoder that is not in the catalogue, and a name that only a newer publisher knows."""
    assert CATALOGUE.name(lambda payload: payload) is None
    assert CATALOGUE.decoder("volume") is None
    assert CATALOGUE.decoder("") is None


def test_a_decoder_has_one_name() -> None:
    """With two, what is stored would depend on the order of a table."""
    with pytest.raises(ValueError, match="cost"):
        Catalogue({"cost": read_price, "price": read_price})


def test_a_catalogue_keeps_what_it_was_made_of() -> None:
    """What is done to the tables later changes no name."""
    decoders = {"price": read_price}
    catalogue = Catalogue(decoders)
    decoders.clear()
    assert catalogue.decoder("price") is read_price


def test_words_make_an_equal_narrowing() -> None:
    """The words that a narrowing tells of itself are all that is needed."""
    narrow = OfDesk("crude")
    again = CATALOGUE.narrowing(narrow.words)
    assert again == narrow and again is not None
    assert (again("crude"), again("metal")) == ("crude", None)
    assert CATALOGUE.narrowing(["desk", "crude"]) == narrow


def test_no_words_narrow_nothing() -> None:
    """That is what is stored where a topic has no narrowing."""
    assert CATALOGUE.narrowing(()) is None


@pytest.mark.parametrize(
    "words", [("floor", "3"), ("desk",), ("desk", "a", "b"), "desk", ("desk", 3), (None,)], ids=repr
)
def test_words_that_make_nothing_are_refused(words) -> None:
    """Not to narrow would hand out what nobody asked for."""
    with pytest.raises(ValueError, match="narrowing"):
        CATALOGUE.narrowing(words)


def test_a_time_is_read_where_there_is_one() -> None:
    """None stands for a payload without a time, one that cannot be read, and an unknown name."""
    assert CATALOGUE.time_ns("price", b"1700000000000000001") == 1_700_000_000_000_000_001
    assert CATALOGUE.time_ns("price", b"-1") == -1
    assert CATALOGUE.time_ns("price", b"") is None
    assert CATALOGUE.time_ns("price", b"bad") is None
    assert CATALOGUE.time_ns("size", b"5") is None
    assert CATALOGUE.time_ns("volume", b"5") is None


def test_what_fits_no_field_is_no_time() -> None:
    """A number beyond 64 bits would break whoever stores it."""
    for number in (2**63 - 1, -(2**63)):
        assert CATALOGUE.time_ns("price", str(number).encode()) == number
    for number in (2**63, -(2**63) - 1, 10**300):
        assert CATALOGUE.time_ns("price", str(number).encode()) is None


def test_a_venue_without_streams_has_nothing_to_name() -> None:
    """The catalogue of a codec that says nothing is empty, and answers all the same."""
    empty = Catalogue()
    assert empty.name(read_price) is None
    assert empty.decoder("price") is None
    assert empty.time_ns("price", b"5") is None
    with pytest.raises(ValueError, match="desk"):
        empty.narrowing(("desk", "crude"))
