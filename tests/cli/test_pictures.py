"""The pictures of the README: that they can be drawn, and are what is committed."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as tree

import pytest

sys.path.insert(0, __file__.rpartition("/")[0])
from pictures import DOCS, PICTURES  # noqa: E402

SEEN = {
    "watch.svg": ("connected", "brtm25", "gap", "connected again", "▲"),
    "book.svg": ("synchronised", "ask", "bid", "spread", "█"),
}


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_shows_what_it_is_for(name: str) -> None:
    """Drawn anew it has what the committed one has, and both are small enough for a page."""
    drawn, committed = PICTURES[name](), (DOCS / name).read_text(encoding="utf-8")
    for picture in (drawn, committed):
        text = " ".join(tree.fromstring(picture).itertext()).replace("\xa0", " ")
        assert all(word in text for word in SEEN[name])
        assert len(picture.encode()) < 60_000
