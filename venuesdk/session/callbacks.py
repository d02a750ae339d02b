"""Callbacks: what users may give to be called, and what to call it when telling about it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

__all__ = ["check_callback", "name_of"]


def check_callback(what: str, callback: Callable[..., object] | None) -> None:
    """Raise `TypeError` for what cannot be called, or would only make a coroutine when it is."""
    if callback is None:
        return
    if not callable(callback):
        raise TypeError(f"{what} must be callable, not {callback!r}")
    if inspect.iscoroutinefunction(callback):
        raise TypeError(f"{what} must be a plain function: nobody would await {callback!r}")


def name_of(callback: Callable[..., object]) -> str:
    """Return what a person would call a callback; nothing that it holds, which may be a secret."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    named = callback if getattr(callback, "__qualname__", None) else type(callback)
    name: str = named.__qualname__
    module = getattr(named, "__module__", None)
    return f"{module}.{name}" if module else name
