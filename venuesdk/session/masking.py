"""A filter for the logs of the libraries below: the second line of defence for credentials.

The first is that the libraries are never told one: path, headers and bodies go past them. Should
one of them learn a credential all the same (a program uses them itself, a later release of theirs
logs more), it is masked in whatever they log. Only their loggers are touched, only records that
hold a credential are changed, and nothing here is ever logged.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterable, Mapping
from weakref import ref

from ..secret import MASK, Secret
from .redaction import Escapes, forms_of, sealed

__all__ = ["LogMask", "mask_logs"]

LIBRARIES = ("websocket", "urllib3")
EMITTING = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.http2.connection",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
)
"""Loggers that must have the filter before they exist: that of a parent is not asked for them."""
SHORTEST = 4
"""The fewest characters of a credential that is masked: fewer stand in any text by chance."""


class LogMask:
    """The credentials of one client, for as long as somebody holds the client.

    Any thread may use it; what it knows is replaced in one step.
    """

    __slots__ = ("__weakref__", "_known")

    def __init__(self) -> None:
        self._known: tuple[tuple[str, ...], Escapes] = ((), Escapes())
        _register(self)

    @sealed
    def learn(self, secrets: Iterable[Secret]) -> None:
        """Mask these credentials from now on, and no others."""
        known = tuple(secrets)
        forms = {form for secret in known for form in forms_of(secret) if len(form) >= SHORTEST}
        self._known = (tuple(sorted(forms, key=len, reverse=True)), Escapes(known))

    def apply(self, text: str) -> str:
        """Return `text` with every credential masked."""
        forms, escapes = self._known
        for form in forms:
            if form in text:
                text = text.replace(form, MASK)
        return escapes.mask(text)


class _Filter(logging.Filter):
    """Mask the credentials of every living client in a record, and let it pass."""

    @sealed
    def filter(self, record: logging.LogRecord) -> bool:
        masks = [mask for mask in (known() for known in _masks) if mask is not None]
        if masks:
            _mask_message(record, masks)
            _mask_traceback(record, masks)
        return True


def _mask_message(record: logging.LogRecord, masks: list[LogMask]) -> None:
    given = record.args
    if isinstance(given, Mapping):
        record.args = {name: _masked(value, masks) for name, value in given.items()}
    elif given:
        record.args = tuple(_masked(value, masks) for value in given)
    record.msg = _masked(record.msg, masks)
    try:
        text = record.getMessage()
    except Exception:
        # The logging module would print both; they are masked already.
        return
    masked = _apply(masks, text)
    if masked != text:
        record.msg, record.args = masked, ()


def _masked(value: object, masks: list[LogMask]) -> object:
    """Return the value itself, or a masked text of it where it shows a credential."""
    if isinstance(value, (int, float, type(None))):
        return value
    try:
        for text in (str(value), repr(value)):
            masked = _apply(masks, text)
            if masked != text:
                return masked
    except Exception:
        # Whoever formats the record meets it too, and nothing of it is shown.
        return value
    return value


def _mask_traceback(record: logging.LogRecord, masks: list[LogMask]) -> None:
    info = record.exc_info
    if isinstance(info, tuple) and info[0] is not None and not record.exc_text:
        text = "".join(traceback.format_exception(*info)).rstrip("\n")
        masked = _apply(masks, text)
        if masked != text:
            record.exc_text, record.exc_info = masked, None
    elif record.exc_text:
        record.exc_text = _apply(masks, record.exc_text)
    if record.stack_info:
        record.stack_info = _apply(masks, record.stack_info)


def _apply(masks: list[LogMask], text: str) -> str:
    for mask in masks:
        text = mask.apply(text)
    return text


_FILTER = _Filter()
_masks: tuple[ref[LogMask], ...] = ()
_registering = threading.RLock()


def _register(mask: LogMask) -> None:
    global _masks
    with _registering:
        _masks = (*(one for one in _masks if one() is not None), ref(mask))


def mask_logs() -> None:
    """Put the filter on every logger of the libraries; again does nothing.

    Called for each client, so that a logger that came since has it too.
    """
    known = list(logging.root.manager.loggerDict)
    children = (name for name in known if name.partition(".")[0] in LIBRARIES)
    for name in {*LIBRARIES, *EMITTING, *children}:
        logging.getLogger(name).addFilter(_FILTER)
