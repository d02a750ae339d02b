"""Qt: a signal brings functions to its thread; whichever binding the application was made with."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import Any

from .background import Poster

__all__ = ["qt_poster"]

BINDINGS = ("PySide6", "PyQt6", "PySide2", "PyQt5")


def qt_poster(app: object) -> Poster:
    """Return the ``delivery=`` of clients for a Qt application, and a `post` for its thread.

    `app` is the ``QApplication`` of PySide6, PyQt6, PySide2 or PyQt5; call this on its thread. It
    may be used for any number of clients. A window's ``closeEvent`` closes its client without a
    freeze by ``call_in_background(post, client.close)``.

    Raises `TypeError` for what is no such application, and `ValueError` on another thread.
    PySide6 6.12 on Python 3.11 and older crashes on signals, and so with this.
    """
    core = _core_of(app)
    application: Any = app
    if core.QThread.currentThread() != application.thread():
        raise ValueError("call qt_poster on the thread of the application")
    bridge = _make_bridge(core, application)
    # Held while a function goes into Qt's queue, so that what takes it is not deleted meanwhile.
    gate = threading.RLock()
    gone = threading.Event()

    def end(*_: object) -> None:
        with gate:
            gone.set()

    def post(function: Callable[[], None]) -> bool:
        with gate:
            if gone.is_set():
                return False
            try:
                bridge.posted.emit(function)
            except RuntimeError:
                # The binding lets go of its objects before Qt deletes them.
                return False
            return True

    bridge.destroyed.connect(end)
    return post


def _core_of(app: object) -> Any:
    """Return the module QtCore of the binding that made `app`."""
    for kind in type(app).__mro__:
        binding = kind.__module__.partition(".")[0]
        if binding in BINDINGS:
            core = importlib.import_module(f"{binding}.QtCore")
            if isinstance(app, core.QCoreApplication):
                return core
    raise TypeError(f"qt_poster takes the application of {', '.join(BINDINGS)}, not {app!r}")


def _make_bridge(core: Any, application: Any) -> Any:
    """Return an object on the application's thread; a signal of its own brings functions there."""
    signal = getattr(core, "Signal", None) or core.pyqtSignal

    class Bridge(core.QObject):  # type: ignore[misc]
        """Lives as long as the application does, whoever lets go of it."""

        posted = signal(object)

        def run(self, function: Callable[[], None]) -> None:
            """Call a posted function."""
            function()

    bridge = Bridge(application)
    bridge.posted.connect(bridge.run, core.Qt.ConnectionType.QueuedConnection)
    return bridge
