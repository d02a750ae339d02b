"""The credentials that no tape may show: every one that the client had while it was recorded."""

from __future__ import annotations

from collections.abc import Iterable

from venuesdk.secret import MASK, Secret
from venuesdk.session.redaction import Escapes, forms_of, has_escapes, sealed

__all__ = ["TapeMask"]

REMEMBERED = 64
"""How many credentials are masked: the newest, for a frame that waits is older by moments only."""
SHORTEST = 4
"""The fewest characters of a credential that is masked wherever it stands; a shorter one stands in
any text by chance, and is masked where it is all of a JSON text."""


class TapeMask:
    """Mask credentials in frames. Any thread may use it; what it knows is replaced in one step."""

    __slots__ = ("_escapes", "_forms", "_known")

    def __init__(self) -> None:
        self._known: dict[Secret, None] = {}
        self._forms: tuple[tuple[str, str], ...] = ()
        self._escapes = Escapes()

    @sealed
    def learn(self, secrets: Iterable[Secret]) -> None:
        """Mask these from now on, besides those that are known."""
        known = dict(self._known)
        for secret in secrets:
            known.pop(secret, None)
            known[secret] = None
        self._known = known = dict(list(known.items())[-REMEMBERED:])
        forms = {form: MASK for secret in known for form in forms_of(secret)}
        pairs = [
            (form, mask) if len(form) >= SHORTEST else (f'"{form}"', f'"{mask}"')
            for form, mask in forms.items()
        ]
        self._forms = tuple(sorted(pairs, key=lambda pair: len(pair[0]), reverse=True))
        self._escapes = Escapes(known)

    @sealed
    def apply(self, texts: list[str]) -> list[str]:
        """Return the texts with every credential masked."""
        # Nearly always there is none, and that is seen soonest where they are one text.
        whole = "\0".join(texts)
        for form, mask in self._forms:
            if form in whole:
                texts = [text.replace(form, mask) for text in texts]
        if has_escapes(whole):
            texts = [self._escapes.mask(text) for text in texts]
        return texts
