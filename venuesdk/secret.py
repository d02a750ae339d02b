"""Secret: a credential that no repr, log, traceback or pickle shows.

What is revealed must be used at once, in a frame that returns before anything can raise.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, NoReturn, final

__all__ = ["MASK", "MaskedText", "Secret", "resolve"]

MASK = "********"
"""What stands where a credential stood."""


@final
class Secret:
    """Hold one credential, opaque to everything but `reveal`.

    It is shown, formatted and logged as a mask, and is refused to pickle and to copy. Raises
    `TypeError` for what is no text, `ValueError` for none.
    """

    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"a credential is text, not {type(value).__name__}")
        if not value:
            raise ValueError("a credential cannot be empty")
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Return the credential in clear."""
        return self._value

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # A lone surrogate must not raise an error that shows the credential.
        ours, theirs = (one._value.encode("utf-8", "surrogatepass") for one in (self, other))
        return hmac.compare_digest(ours, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


class MaskedText(str):
    """Text that may hold a credential: plain to whoever uses it, masked to whoever shows it.

    For what libraries want as text, such as the value of a header: a traceback that captures
    locals, or a log of the mapping that it is in, shows its `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def resolve(credential: str | Secret | Callable[[], str | Secret]) -> Secret:
    """Turn what a user gave as a credential into a `Secret`.

    Calls it where it is a callable, which may block for as long as the user's code does. What the
    callable raises is passed on.
    """
    value = credential() if callable(credential) else credential
    return value if isinstance(value, Secret) else Secret(value)
