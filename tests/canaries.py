"""Canaries: credentials that stand for real ones, and the search for them in all that is shown."""

from __future__ import annotations

import base64
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CANARIES", "PATTERNS", "Canaries", "shown"]

PRODUCT = Path(__file__).parent.parent / "venuesdk"


@dataclass(frozen=True)
class Canaries:
    """Credentials that stand for real ones; the suite fails wherever one of them shows.

    So it does for the credentials of every simulator that was started, whatever they are.
    """

    api_key: str = "canary-api-key-5f2a91c07e46d8b3"
    api_id: str = "canary-api-id-b80d73e61f94a25c"
    api_secret: str = "canary-api-secret-3ce7509ad1b8f426"
    token: str = "canary-token-d46b18f0a97c352e"

    def found_in(self, thing: object) -> list[str]:
        """Name the credentials that a text, an error with its traceback, or an object shows."""
        return [name for name, pattern in PATTERNS.items() if pattern.search(shown(thing))]


def _patterns_of(value: str) -> re.Pattern[str]:
    """Match a credential whole, cut in half, or in base64 at whatever offset it stands there."""
    random_part = value.rpartition("-")[2]
    forms = [random_part[:8], random_part[8:]]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + value.encode()).decode()
        forms.append(re.escape(encoded[4:-4]))
    return re.compile("|".join(forms))


CANARIES = Canaries()
PATTERNS = {name: _patterns_of(value) for name, value in vars(CANARIES).items()}


def shown(thing: object) -> str:
    """Return all that a log, a terminal or an error reporter could show of a thing."""
    if isinstance(thing, str):
        return thing
    if isinstance(thing, BaseException):
        return "\n".join(_shown_of_error(thing, set()))
    return f"{thing}\n{thing!r}"


def _repr(value: object) -> str:
    """Return what an error reporter would show of a local, which may be half made."""
    try:
        return repr(value)
    except Exception as error:
        return f"<no repr: {error!r}>"


def _shown_of_error(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Yield the texts of an error and of all that it is chained to, with the product's locals.

    Locals of the tests and of the simulators are left out: both have to know the credentials.
    """
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield f"{type(error).__name__} {error} {error!r} {error.args!r} {vars(error)!r}"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        where = Path(frame.f_code.co_filename)
        if PRODUCT in where.parents and PRODUCT / "testing" not in where.parents:
            for name, value in frame.f_locals.items():
                yield f"{where.name}:{frame.f_code.co_name} {name}={_repr(value)}"
    yield from _shown_of_error(error.__cause__, seen)
    yield from _shown_of_error(error.__context__, seen)
    for inner in getattr(error, "exceptions", ()):
        yield from _shown_of_error(inner, seen)
