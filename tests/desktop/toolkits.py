"""A window of Tk's and one of Qt's, with the few things that the program under load does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from venuesdk import Client
from venuesdk.desktop import attach_tk, call_in_background, qt_poster

__all__ = ["TOOLKITS", "Toolkit"]


class Toolkit(Protocol):
    """What both can do; all of it on the window's thread."""

    delivery: Any

    def attach(self, client: Client) -> Callable[[Callable[[], None]], object]: ...
    def show(self, text: str) -> None: ...
    def every(self, milliseconds: int, function: Callable[[], None]) -> None: ...
    def close(self) -> None: ...
    def run(self) -> None: ...


class TkWindow:
    """A window with a table of one row, polled by Tk."""

    delivery: Any = "pump"

    def __init__(self) -> None:
        import tkinter
        from tkinter import ttk

        self.root = tkinter.Tk()
        self.table = ttk.Treeview(self.root, columns=["price"], show="headings")
        self.table.insert("", "end", "row")
        self.table.pack()

    def attach(self, client: Client) -> Callable[[Callable[[], None]], object]:
        return attach_tk(self.root, client)

    def show(self, text: str) -> None:
        self.table.item("row", values=(text,))

    def every(self, milliseconds: int, function: Callable[[], None]) -> None:
        def again() -> None:
            function()
            timer[0] = self.root.after(milliseconds, again)

        timer = [self.root.after(milliseconds, again)]
        self.root.bind("<Destroy>", lambda _: self.root.after_cancel(timer[0]))

    def close(self) -> None:
        self.root.destroy()

    def run(self) -> None:
        self.root.mainloop()


class QtWindow:
    """A window with a table of one cell; its event loop runs what is posted."""

    def __init__(self) -> None:
        from PySide6.QtWidgets import QApplication, QTableWidget, QTableWidgetItem

        self.app = QApplication(["windows"])
        self.delivery: Any = qt_poster(self.app)
        clients = self.clients = []

        class Window(QTableWidget):
            def closeEvent(self, event):  # noqa: N802 - Qt's name
                for client in clients:
                    call_in_background(client.delivery, client.close)
                super().closeEvent(event)

        self.table = Window(1, 1)
        self.cell = QTableWidgetItem("")
        self.table.setItem(0, 0, self.cell)
        self.table.show()

    def attach(self, client: Client) -> Callable[[Callable[[], None]], object]:
        self.clients.append(client)
        return self.delivery

    def show(self, text: str) -> None:
        self.cell.setText(text)

    def every(self, milliseconds: int, function: Callable[[], None]) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.timer = QTimer(timerType=Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(function)
        self.timer.start(milliseconds)

    def close(self) -> None:
        self.table.close()

    def run(self) -> None:
        self.app.exec()


TOOLKITS: dict[str, Callable[[], Toolkit]] = {"tk": TkWindow, "qt": QtWindow}
