"""Redaction: what a venue sends back must not show a credential either, nor may an interrupt.

A venue, or a gateway in its place, may repeat a request in its answer, and in TimeX's and
Infinex's requests there are credentials. So every error passes here before anybody sees it. And
where a credential is in hand, Ctrl-C leaves without the frames that have it.
"""

from __future__ import annotations

import functools
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar
from urllib.parse import quote, quote_plus

from ..errors import ConnectionLost, ProtocolError, RequestRejected, VenueError
from ..secret import MASK, Secret

__all__ = ["Escapes", "forms_of", "has_escapes", "redact", "sealed"]

P = ParamSpec("P")
R = TypeVar("R")

SHORTEST = 4
"""The fewest characters of a credential, at the end of a cut frame, that count as a part of it; and
the fewest of one that is looked for where it may be escaped."""
SHORTEST_ENCODED = 8
"""The fewest characters of base64 that cannot stand in a text by chance."""
ESCAPING = ("\\u", "\\/", "\\\\", "%")
"""What stands in a text in which something is escaped that nobody has to escape."""
CUT_ESCAPE = re.compile(r"(?:[\\%][\\%u0-9A-Fa-f]{0,15})?\Z")
"""What a text may end in that was cut within an escape."""
TEXTS: tuple[tuple[type[VenueError], str], ...] = (
    (RequestRejected, "message"),
    (RequestRejected, "code"),
    (ConnectionLost, "reason"),
    (ProtocolError, "frame"),
)
"""What errors hold of what a venue said, besides their arguments."""


def sealed(call: Callable[P, R]) -> Callable[P, R]:
    """Let an interrupt out of `call` bare: without a trace of what it came through.

    Ctrl-C, or whatever a signal handler raises, may come at any line, also at one that has a
    frame with a credential in it; the traceback would show the locals. Errors pass as they are.
    """

    @functools.wraps(call)
    def bare(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return call(*arguments, **named)
        except Exception:
            raise
        except BaseException as error:
            error.__cause__ = error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - the same one, without a traceback

    return bare


def forms_of(secret: Secret) -> tuple[str, ...]:
    """Return a credential as texts may hold it, longest first.

    As it is; as JSON, a URL or Python writes it; and in base64, that for URLs too, at whatever
    place of a longer text, without the characters that depend on its neighbours.
    """
    value = secret.reveal()
    data = value.encode("utf-8", "surrogatepass")
    forms = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        repr(data)[2:-1],
        quote(data, safe=""),
        quote(data),
        quote_plus(data),
    }
    for before, skipped in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(b"\0" * before + data).decode("ascii").rstrip("=")
        whole = (before + len(data)) % 3 == 0
        core = encoded[skipped:] if whole else encoded[skipped:-1]
        if len(core) >= SHORTEST_ENCODED:
            forms.update((core, core.replace("+", "-").replace("/", "_")))
    return tuple(sorted(forms, key=len, reverse=True))


def has_escapes(text: str) -> bool:
    """Return whether there may be something in a text for `Escapes` to find."""
    return any(sign in text for sign in ESCAPING)


class Escapes:
    """Finds credentials in texts of which somebody escaped more than he had to.

    Some escape slashes in JSON, or what has a meaning in HTML; a JSON text in a JSON text is
    escaped twice; and in a URL nobody has to write capital letters. Any thread may use it: what it
    looks for is made when it is first needed, and taken up in one step.
    """

    __slots__ = ("_secrets", "_spellings")

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets = tuple(secrets)
        self._spellings: tuple[_Spelling, ...] | None = None

    def mask(self, text: str) -> str:
        """Return `text` with every such credential masked."""
        if has_escapes(text):
            for spelling in self._known():
                text = spelling.whole.sub(MASK, text)
        return text

    def mask_end(self, text: str) -> str:
        """Return `text` without the beginning of a credential in which it was cut."""
        if has_escapes(text):
            for spelling in self._known():
                text = spelling.without_part(text)
        return text

    @sealed
    def _known(self) -> tuple[_Spelling, ...]:
        if self._spellings is None:
            # Of the forms besides the plain one, only a slash is ever escaped.
            forms = {
                form
                for secret in self._secrets
                for form in forms_of(secret)
                if len(form) >= SHORTEST and (form == secret.reveal() or "/" in form)
            }
            longest_first = sorted(forms, key=len, reverse=True)
            self._spellings = tuple(map(_Spelling, longest_first))
        return self._spellings


class _Spelling:
    """All ways in which a form of a credential may be escaped."""

    __slots__ = ("_characters", "whole")

    def __init__(self, form: str) -> None:
        # Several backslashes as one, and never any number of them: a peer that sends nothing else
        # must not keep whoever looks for them.
        self._characters = [_escaped(one) for one in re.sub(r"\\+", r"\\", form)]
        self.whole = re.compile("".join(self._characters))

    def without_part(self, text: str) -> str:
        """Return `text` without the beginning of this at its end, where there is one."""
        characters = [re.compile(one) for one in self._characters]
        for start in range(len(text) - SHORTEST + 1):
            ends = [start]
            for character in characters:
                found = character.match(text, ends[-1])
                if found is None:
                    break
                ends.append(found.end())
            # A backslash may be one of the credential's, or begin the escape that was cut.
            if any(CUT_ESCAPE.fullmatch(text, end) for end in ends[SHORTEST:]):
                return text[:start] + MASK
        return text


def _escaped(one: str) -> str:
    """Return what finds a character, escaped or not."""
    units = one.encode("utf-16-be", "surrogatepass").hex()
    as_json = "".join(rf"\\{{1,8}}u(?i:{units[at:at + 4]})" for at in range(0, len(units), 4))
    octets = one.encode("utf-8", "surrogatepass").hex()
    in_url = "".join(f"%(?:25){{0,3}}(?i:{octets[at:at + 2]})" for at in range(0, len(octets), 2))
    plain = r"\\{1,16}" if one == "\\" else rf"\\{{0,8}}{re.escape(one)}"
    # A backslash alone comes last: it may be what an escape begins with.
    return f"(?:{as_json}|{in_url}|{plain})"


@sealed
def redact(error: BaseException, secrets: Iterable[Secret]) -> bool:
    """Take every credential out of what an error holds; return whether there was one.

    Then its traceback and its causes go too: their locals hold what the venue sent.
    """
    if not isinstance(error, VenueError):
        return False
    known = tuple(secrets)
    every = {form for secret in known for form in forms_of(secret)}
    forms, escapes = sorted(every, key=len, reverse=True), Escapes(known)

    def masked(text: str) -> str:
        for form in forms:
            text = text.replace(form, MASK)
        return escapes.mask(text)

    found = _take_out(error, masked)
    if isinstance(error, ProtocolError):
        frame = error.frame
        for form in forms:
            frame = _without_part(frame, form)
        frame = escapes.mask_end(frame)
        if frame != error.frame:
            error.frame, found = frame, True
    if found:
        error.__traceback__ = error.__cause__ = error.__context__ = None
    return found


def _take_out(error: VenueError, masked: Callable[[str], str]) -> bool:
    """Mask all texts of an error; return whether that changed one."""
    found = False
    arguments = tuple(masked(one) if isinstance(one, str) else one for one in error.args)
    if arguments != error.args:
        error.args, found = arguments, True
    for kind, name in TEXTS:
        text = getattr(error, name) if isinstance(error, kind) else None
        if isinstance(text, str) and masked(text) != text:
            setattr(error, name, masked(text))
            found = True
    return found


def _without_part(frame: str, credential: str) -> str:
    """Take away the beginning of a credential that a frame was cut in."""
    for length in range(len(credential) - 1, SHORTEST - 1, -1):
        if frame.endswith(credential[:length]):
            return frame[:-length] + MASK
    return frame
