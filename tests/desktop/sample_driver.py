"""Runs a sample with a window as it is, and does what its user would: look, order, close.

The toolkit's main loop is wrapped, so that the looking can be done in it; of Qt, whose ladder is
painted, the painter too, which notes the texts. Reports the title, the rows of the table, the texts
of the ladder line by line, the log, what the state says and the colour of its light. With
`--picture` it keeps a picture.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import sys
import time
from typing import Any

LOOK = 50
"""Milliseconds between two looks at the window."""
LONGEST = 20.0
PICTURE_AFTER = 2.5
"""Seconds that prices move before the picture is taken."""


class Driver:
    """The user; a subclass knows the toolkit."""

    def __init__(self, picture: str | None) -> None:
        self.picture = picture
        self.started = time.monotonic()
        self.report: dict[str, Any] = {}
        self.ordered = False

    def look(self) -> bool:
        """Do the next thing; return False when all is done."""
        rows, log = self.rows(), self.log()
        age = time.monotonic() - self.started
        filled = bool(rows) and all(row[1] not in ("", "–") for row in rows)
        if filled and not self.ordered:
            self.ordered = True
            self.press()
        done = self.ordered and "placed:" in log and (not self.picture or age > PICTURE_AFTER)
        if not done and age < LONGEST:
            return True
        self.report = {
            "title": self.title(),
            "rows": rows,
            "depth": self.depth(),
            "log": log,
            "state": self.state(),
            "light": self.light(),
        }
        if self.picture:
            self.keep(self.picture)
        self.close()
        return False

    def rows(self) -> list[list[str]]: ...
    def log(self) -> str: ...
    def title(self) -> str: ...
    def depth(self) -> list[str]: ...
    def state(self) -> str: ...
    def light(self) -> str: ...
    def press(self) -> None: ...
    def keep(self, path: str) -> None: ...
    def close(self) -> None: ...


class TkDriver(Driver):
    """The user of a Tk window, whose widgets it finds by their kind."""

    def take_over(self) -> None:
        """Be there when the main loop runs."""
        import tkinter

        run = tkinter.Misc.mainloop

        def mainloop(root: Any, count: int = 0) -> None:
            self.root = root
            self.widgets = {each.winfo_class(): each for each in self.below(root)}
            pictures = [each for each in self.below(root) if each.winfo_class() == "Canvas"]
            # The light is a dot, and the ladder has all the texts.
            self.dot, self.ladder = sorted(pictures, key=lambda each: len(each.find_all()))
            root.after(LOOK, again)
            run(root, count)

        def again() -> None:
            if self.look():
                self.root.after(LOOK, again)

        tkinter.Misc.mainloop = mainloop  # type: ignore[method-assign]

    def below(self, widget: Any) -> list[Any]:
        children = widget.winfo_children()
        return [*children, *(each for child in children for each in self.below(child))]

    def rows(self) -> list[list[str]]:
        table = self.widgets["Treeview"]
        return [[str(cell) for cell in table.item(row)["values"]] for row in table.get_children()]

    def log(self) -> str:
        return self.widgets["Text"].get("1.0", "end")

    def title(self) -> str:
        return self.root.title()

    def depth(self) -> list[str]:
        items = [item for item in self.ladder.find_all() if self.ladder.type(item) == "text"]
        placed = {item: self.ladder.coords(item) for item in items}
        lines = sorted(items, key=lambda item: (placed[item][1], placed[item][0]))
        return [text for item in lines if (text := self.ladder.itemcget(item, "text"))]

    def state(self) -> str:
        return str(self.widgets["TLabel"].cget("text"))

    def light(self) -> str:
        (item,) = self.dot.find_all()
        return self.dot.itemcget(item, "fill")

    def press(self) -> None:
        self.widgets["TButton"].invoke()

    def keep(self, path: str) -> None:
        from PIL import ImageGrab

        left, top = self.root.winfo_rootx(), self.root.winfo_rooty()
        box = (left, top, left + self.root.winfo_width(), top + self.root.winfo_height())
        ImageGrab.grab(box, xdisplay=os.environ["DISPLAY"]).quantize(128).save(path, optimize=True)

    def close(self) -> None:
        # As a window manager's close button does.
        self.root.tk.call(self.root.protocol("WM_DELETE_WINDOW"))


class QtDriver(Driver):
    """The user of a Qt window, whose widgets it finds by their kind."""

    def take_over(self) -> None:
        """Be there when the event loop runs."""
        from PySide6 import QtGui
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication

        self.painted: list[tuple[tuple[int, int], str]] = []
        painted = self.painted

        class NotingPainter(QtGui.QPainter):
            def __init__(self, widget: Any) -> None:
                super().__init__(widget)
                painted.clear()

            def drawText(self, place: Any, flags: Any, text: str) -> None:  # noqa: N802 - Qt's
                painted.append(((place.top(), place.right()), text))
                super().drawText(place, flags, text)

        QtGui.QPainter = NotingPainter  # type: ignore[misc]
        run = QApplication.exec

        def execute(*_: object) -> int:
            shown = [each for each in QApplication.topLevelWidgets() if each.isVisible()]
            self.window = shown[0]
            timer = QTimer()
            timer.timeout.connect(lambda: self.look() or timer.stop())
            timer.start(LOOK)
            return run()

        QApplication.exec = execute  # type: ignore[method-assign, assignment]

    def child(self, kind: str) -> Any:
        import PySide6.QtWidgets as widgets

        return self.window.findChild(getattr(widgets, kind))

    def rows(self) -> list[list[str]]:
        table = self.child("QTableWidget")
        columns = range(table.columnCount())
        return [
            [table.item(row, column).text() for column in columns]
            for row in range(table.rowCount())
        ]

    def log(self) -> str:
        return self.child("QPlainTextEdit").toPlainText()

    def title(self) -> str:
        return self.window.windowTitle()

    def depth(self) -> list[str]:
        return [text for _, text in sorted(self.painted, key=lambda noted: noted[0])]

    def labels(self) -> list[Any]:
        from PySide6.QtWidgets import QLabel

        # Of the dot and the word beside it.
        dot, word = sorted(self.window.findChildren(QLabel), key=lambda each: each.x())
        return [dot, word]

    def state(self) -> str:
        return self.labels()[1].text()

    def light(self) -> str:
        return re.findall(r"color: (#\w+)", self.labels()[0].styleSheet())[0]

    def press(self) -> None:
        self.child("QPushButton").click()

    def keep(self, path: str) -> None:
        from PIL import Image

        self.window.grab().save(path)
        Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)

    def close(self) -> None:
        self.window.close()


def main() -> None:
    """Run the sample; report when it has come to its own end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("toolkit", choices=["tk", "qt"])
    parser.add_argument("sample")
    parser.add_argument("--picture")
    options = parser.parse_args()
    driver = {"tk": TkDriver, "qt": QtDriver}[options.toolkit](options.picture)
    driver.take_over()
    sys.argv = [options.sample]
    runpy.run_path(options.sample, run_name="__main__")
    print(json.dumps(driver.report))


if __name__ == "__main__":
    main()
