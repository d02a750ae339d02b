"""Notices: where a client stands, and the few last things that a person should know of.

What stands under every live picture: losses, gaps and errors, each for as long as nothing newer
takes its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

from rich.text import Text

from ..models import Gap, State, StateChange
from ..timing import monotonic
from .output import counted, visible
from .stream import Entry

__all__ = ["LIGHTS", "Notices", "age_of", "one_line", "price_of"]

LIGHTS = {
    State.CONNECTED: ("●", "green"),
    State.CONNECTING: ("○", "yellow"),
    State.NEW: ("○", "yellow"),
    State.RECONNECTING: ("◌", "yellow"),
    State.FAILED: ("✕", "red"),
    State.CLOSED: ("✕", "red"),
}
"""How each state is shown: by a sign and its word, and by a colour beside."""
KEPT = 5
"""How many notices are kept."""


class Notices:
    """The state of a client and its last notices; for one thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: deque[tuple[float, str, str]] = deque(maxlen=KEPT)
        self._new: list[str] = []
        self.state = State.NEW
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, entries: Iterable[Entry]) -> list[str]:
        """Note changes of state, gaps and errors, and return what is new of it to be told.

        One gap of many topics is one notice.
        """
        self._new = []
        gaps: dict[str, list[str]] = {}
        for entry in entries:
            if entry.kind == "gap":
                gaps.setdefault(_gap(entry.value), []).append(entry.topic or "")
            elif entry.kind == "state":
                self._change(entry.value)
            elif entry.kind == "error":
                self._add("red", f"{type(entry.value).__name__}: {entry.value}")
        for what, topics in gaps.items():
            self._add("yellow", f"gap in {', '.join(dict.fromkeys(topics))}: {what}")
        return self._new

    @property
    def light(self) -> Text:
        """The state as a sign and a word, coloured beside."""
        sign, style = LIGHTS[self.state]
        return Text(f"{sign} {self.state.value}", style=style)

    def lines(self) -> list[Text]:
        """Return the notices, oldest first, each with how long ago it was."""
        return [self._line(*notice) for notice in self._kept]

    def _change(self, change: StateChange) -> None:
        self.state, self.epoch = change.state, change.epoch
        if change.state is State.RECONNECTING:
            attempt = f" (attempt {change.attempt})" if change.attempt else ""
            self._add("yellow", f"reconnecting{attempt}: {change.reason}")
        elif change.state is State.FAILED:
            self._add("red", f"failed: {change.reason}")
        elif change.state is State.CONNECTED and change.previous is State.RECONNECTING:
            self._add("green", "connected again")

    def _add(self, style: str, text: str) -> None:
        text = visible(text)
        self._kept.append((self._clock(), style, text))
        self._new.append(text)

    def _line(self, at: float, style: str, text: str) -> Text:
        ago = age_of(self._clock() - at)
        return one_line(Text.assemble((f"{ago:>6} ago  ", "dim"), (text, style)))


def age_of(seconds: float) -> str:
    """Return a time in the unit that fits it."""
    if seconds < 100:
        return f"{max(0.0, seconds):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def one_line(text: Text) -> Text:
    """Return text that is cut, with a sign that it is, where the terminal is narrower."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def price_of(price: Decimal | None) -> str:
    """Return a price without an exponent, with all its digits; nothing where there is none."""
    return "" if price is None else f"{price:f}"


def _gap(gap: Gap) -> str:
    lost = "loss unknown" if gap.count is None else f"{counted(gap.count, 'event')} lost"
    return f"{gap.reason.value}, {lost}"
