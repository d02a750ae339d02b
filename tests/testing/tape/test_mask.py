"""No tape shows a credential that the client had while it was recorded."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from venuesdk.secret import MASK, Secret
from venuesdk.testing.tape.mask import REMEMBERED, TapeMask


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


def test_what_was_learned_before_is_masked_still(canaries: Any) -> None:
    """A frame may wait while the client gets others; the oldest of very many are forgotten."""
    mask = TapeMask()
    mask.learn([Secret(canaries.token)])
    mask.learn([Secret("another-credential")])
    assert mask.apply([canaries.token]) == [MASK]
    for number in range(REMEMBERED):
        mask.learn([Secret(f"credential-{number:04}")])
    assert mask.apply(["another-credential"]) == ["another-credential"]


def test_a_short_credential_is_masked_where_it_is_all_of_a_text() -> None:
    """Anywhere else so few characters stand by chance."""
    mask = TapeMask()
    mask.learn([Secret("ab")])
    assert mask.apply(['{"token":"ab","word":"cab"}']) == [f'{{"token":"{MASK}","word":"cab"}}']
