"""What is on its way out."""

from __future__ import annotations

import pytest

from venuesdk.wire.parcel import Parcel


def test_it_has_neither_left_nor_been_taken_back_when_it_is_made() -> None:
    """So nobody takes it for sent, and whoever waits for its answer may withdraw it."""
    parcel = Parcel(b"frame")
    assert parcel.data == b"frame"
    assert not (parcel.done or parcel.withdrawn or parcel.posted)


def test_it_carries_nothing_else() -> None:
    """Thousands may wait at once, and a misspelt mark on one would be a lie about what left."""
    with pytest.raises(AttributeError):
        Parcel(b"frame").sent = True  # type: ignore[attr-defined]
