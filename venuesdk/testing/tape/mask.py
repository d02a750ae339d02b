"""The credentials that no tape may show: every one that the client had while it was recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable

from venuesdk.secret import MASK, Secret
from venuesdk.session.redaction import forms_of, sealed

__all__ = ["TapeMask"]

REMEMBERED = 64
"""How many credentials are masked: the newest, for a frame that waits is older by moments only."""
SHORTEST = 4
"""The fewest characters of a credential that is masked wherever it stands; a shorter one stands in
any text by chance, and is masked where it is all of a JSON text."""

ESCAPING = ("\\u", "\\/", "\\\\", "%")
"""What stands in a text in which something is escaped that nobody has to escape."""


class TapeMask:
    """Mask credentials in frames. Any thread may use it; what it knows is replaced in one step."""

    __slots__ = ("_escaped", "_forms", "_known")

    def __init__(self) -> None:
        self._known: dict[Secret, None] = {}
        self._forms: tuple[tuple[str, str], ...] = ()
        self._escaped: tuple[re.Pattern[str], ...] = ()

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
        # Of the forms besides the plain one, only a slash is ever escaped.
        plain = {secret.reveal() for secret in known}
        often = [form for form in forms if form in plain or "/" in form]
        self._escaped = tuple(_escaped(form) for form in often if len(form) >= SHORTEST)

    @sealed
    def apply(self, texts: list[str]) -> list[str]:
        """Return the texts with every credential masked."""
        # Nearly always there is none, and that is seen soonest where they are one text.
        whole = "\0".join(texts)
        for form, mask in self._forms:
            if form in whole:
                texts = [text.replace(form, mask) for text in texts]
        if any(sign in whole for sign in ESCAPING):
            for pattern in self._escaped:
                texts = [pattern.sub(MASK, text) for text in texts]
        return texts


def _escaped(value: str) -> re.Pattern[str]:
    """Return what finds a text of which a venue escaped more than it had to.

    Some escape slashes in JSON, or what has a meaning in HTML; a JSON text in a JSON text is
    escaped twice; and in a URL nobody has to write capital letters.
    """
    # Several backslashes as one, and never any number of them: a peer that sends nothing else
    # must not keep whoever looks for them.
    return re.compile("".join(map(_escaped_character, re.sub(r"\\+", r"\\", value))))


def _escaped_character(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass").hex()
    as_json = "".join(rf"\\{{1,8}}u(?i:{units[at:at + 4]})" for at in range(0, len(units), 4))
    octets = one.encode("utf-8", "surrogatepass").hex()
    in_url = "".join(f"%(?:25){{0,3}}(?i:{octets[at:at + 2]})" for at in range(0, len(octets), 2))
    plain = r"\\{1,16}" if one == "\\" else rf"\\{{0,8}}{re.escape(one)}"
    return f"(?:{plain}|{as_json}|{in_url})"
