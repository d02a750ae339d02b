"""What the arguments of faults must be: each check names what is wrong, before anything is done.

A wrong type is a TypeError, a wrong value a ValueError. A bool is no number here.
"""

from __future__ import annotations

import math
from urllib.parse import SplitResult, urlsplit

__all__ = ["check_choice", "check_count", "check_flag", "check_number", "check_port", "check_url"]


def check_count(name: str, value: object, least: int) -> None:
    """Check a number of whole things, `least` of them at least."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is an int, not {value!r}")
    if value < least:
        raise ValueError(f"{name} is {least} at least, not {value!r}")


def check_port(value: object, least: int = 1) -> None:
    """Check a port; with `least` of 0 also the one that means "any"."""
    check_count("a port", value, least)
    if isinstance(value, int) and value > 65535:
        raise ValueError(f"a port is 65535 at most, not {value!r}")


def check_number(name: str, value: object, *, zero: bool = True) -> None:
    """Check a finite number that is not negative; 0 is one where `zero` says so."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number, not {value!r}")
    if not 0 <= value < math.inf or not (value or zero):
        raise ValueError(f"{name} is {'at least' if zero else 'more than'} 0, not {value!r}")


def check_flag(name: str, value: object) -> None:
    """Check a yes or no."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r}")


def check_choice(name: str, value: object, *choices: str) -> None:
    """Check one of a few words."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is text, not {value!r}")
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}, not {value!r}")


def check_url(value: object, *schemes: str) -> SplitResult:
    """Return the parts of a URL that has one of these schemes and a host."""
    if not isinstance(value, str):
        raise TypeError(f"a URL is text, not {value!r}")
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"not a URL of {', '.join(schemes)}: {value!r}")
    if parts.port == 0:  # a port that is no number has raised ValueError by now
        raise ValueError(f"0 is no port to connect to: {value!r}")
    return parts
