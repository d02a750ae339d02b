"""A Qt program whose main loop ends before a call in the background fails.

Reports what `threading.excepthook` is told; the interpreter is on its way out by then.
"""

from __future__ import annotations

import json
import threading

from PySide6.QtWidgets import QApplication

from venuesdk import RequestTimeout
from venuesdk.desktop import call_in_background, qt_poster


def main() -> None:
    """Run the main loop, leave it, and let the call fail."""
    app = QApplication(["late"])
    post, ended = qt_poster(app), threading.Event()
    told: list[str] = []

    def order():
        ended.wait()
        raise RequestTimeout("no answer", outcome_unknown=True)

    def report(given):
        print(json.dumps({"told": told, "hooked": repr(given.exc_value)}), flush=True)

    threading.excepthook = report
    call_in_background(post, order, None, lambda error: told.append(repr(error)))
    post(app.quit)
    app.exec()
    ended.set()


if __name__ == "__main__":
    main()
