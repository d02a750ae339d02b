"""No tape shows a credential that the client had while it was recorded."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest

from venuesdk.secret import MASK, Secret
from venuesdk.testing.tape.mask import REMEMBERED, TapeMask
from venuesdk.timing import monotonic


def test_every_form_of_a_credential_is_masked(canaries: Any) -> None:
    """As it is, as JSON writes it, in base64; in whichever of several frames it stands."""
    mask = TapeMask()
    odd = 'a"quoted\\pass/word'
    mask.learn([Secret(canaries.token), Secret(odd)])
    encoded = b64encode(f"user:{canaries.token}".encode()).decode()
    texts = ["plain", f'{{"token":"{canaries.token}"}}', encoded, json.dumps(odd)]
    plain, login, basic, quoted = mask.apply(texts)
    assert (plain, login) == ("plain", f'{{"token":"{MASK}"}}')
    assert not canaries.found_in(basic)
    assert json.loads(quoted) == MASK


@pytest.mark.parametrize(
    "shown",
    [
        r"A+b\/Cd==\\x9é",
        r"A\u002Bb/Cd\u003d\u003D\\x9é",
        r"\u0041\u002b\u0062\u002f\u0043\u0064\u003d\u003d\u005c\u0078\u0039\u00e9",
        r"A+b/Cd==\\\\x9\\u00e9",
        "A%2bb%2fCd%3d%3d%5cx9%c3%a9",
        "A%252Bb%252FCd%253D%253D%255Cx9%25C3%25A9",
    ],
)
def test_what_is_escaped_more_than_it_has_to_be_is_masked(shown: str) -> None:
    """Slashes and signs of HTML in JSON, JSON in JSON, small letters in a URL, URLs in URLs."""
    mask = TapeMask()
    mask.learn([Secret("A+b/Cd==\\x9é")])
    (found,) = mask.apply([f'{{"a":"{shown}","b/c":1}}'])
    assert MASK in found
    assert "Cd" not in found
    assert found.startswith('{"a":"') and found.endswith('","b/c":1}')


def test_base64_is_masked_with_its_slashes_escaped_and_in_the_alphabet_of_urls() -> None:
    """Wherever in a longer text it begins."""
    mask = TapeMask()
    mask.learn([Secret("key???key>>>key")])
    for before in (b"", b"a", b"ab"):
        text = b64encode(before + b"key???key>>>key")
        assert b"/" in text or b"+" in text
        plain = text.decode()
        safe = urlsafe_b64encode(before + b"key???key>>>key").decode()
        for shown in (plain, plain.replace("/", "\\/"), safe):
            (found,) = mask.apply([shown])
            assert MASK in found and len(found) <= len(MASK) + 10


def test_a_peer_that_sends_only_backslashes_holds_nobody_up() -> None:
    """Looking for a credential in them takes time in proportion to their number."""
    mask = TapeMask()
    mask.learn([Secret("\\" * 12 + "credential")])
    text = "\\" * 20_000
    began = monotonic()
    assert mask.apply([text]) == [text]
    assert monotonic() - began < 2.0


def test_what_was_learned_before_is_masked_still(canaries: Any) -> None:
    """A frame may wait while the client gets others; of very many those are forgotten that have
    not been used for longest."""
    mask = TapeMask()
    mask.learn([Secret(canaries.token)])
    mask.learn([Secret("another-credential")])
    assert mask.apply([canaries.token]) == [MASK]
    for number in range(REMEMBERED):
        mask.learn([Secret(canaries.token), Secret(f"credential-{number:04}")])
    assert mask.apply([canaries.token]) == [MASK]
    assert mask.apply(["another-credential"]) == ["another-credential"]


def test_a_short_credential_is_masked_where_it_is_all_of_a_text() -> None:
    """Anywhere else so few characters stand by chance."""
    mask = TapeMask()
    mask.learn([Secret("ab")])
    assert mask.apply(['{"token":"ab","word":"cab"}']) == [f'{{"token":"{MASK}","word":"cab"}}']
