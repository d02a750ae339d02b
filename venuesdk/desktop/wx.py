"""wxPython: it has a poster of its own, which is made safe here for the end of a program."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from .background import Poster

__all__ = ["wx_poster"]


def wx_poster() -> Poster:
    """Return the ``delivery=`` of clients for a wxPython application, and a `post` for its thread.

    It is ``wx.CallAfter``, safe to be called when the application has ended. Call this once there
    is a ``wx.App``, on its thread; it may be used for any number of clients. A frame's
    ``EVT_CLOSE`` closes its client without a freeze by ``call_in_background(post, client.close)``.

    Raises `ValueError` where there is no ``wx.App`` yet.
    """
    wx = importlib.import_module("wx")
    if wx.GetApp() is None:
        raise ValueError("wx_poster needs the wx.App, which is not there yet")

    def post(function: Callable[[], None]) -> bool:
        try:
            if wx.GetApp() is None:
                return False
            wx.CallAfter(function)
        except (AssertionError, RuntimeError):
            # It ended just now: CallAfter finds no App, or one whose C++ side is deleted.
            return False
        return True

    return post
