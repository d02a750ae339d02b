"""What a Qt application does to clients; the last case ends it while others still post to it.

Reports for each case "ok", or what went wrong in it.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QApplication

from venuesdk import OnyxClient, Subscription
from venuesdk.desktop import call_in_background, qt_poster
from venuesdk.testing import simulate

PATIENCE = 10_000
CASES: dict[str, Callable[[Stage], None]] = {}


class Application(QApplication):
    """An application of a program's own."""


class Stage:
    """The application, a venue, and what a case needs of both."""

    def __init__(self, venue: Any) -> None:
        self.venue = venue
        self.app = Application(["cases"])
        self.app.setQuitOnLastWindowClosed(False)
        self.main = threading.get_ident()

    def until(self, done: Callable[[], object]) -> None:
        """Run the event loop until it is done."""
        timer, end = QTimer(), QTimer(singleShot=True)
        timer.timeout.connect(lambda: done() and self.app.quit())
        end.timeout.connect(self.app.quit)
        timer.start(2)
        end.start(PATIENCE)
        self.app.exec()
        timer.stop()
        end.stop()
        assert done(), f"not within {PATIENCE} ms"


def case(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """Take a case up under its name."""
    CASES[function.__name__] = function
    return function


@case
def refuses_what_is_no_application(_: Stage) -> None:
    """Another object of Qt's is none."""
    for wrong in (None, "app", QTimer()):
        try:
            qt_poster(wrong)
        except TypeError as error:
            assert "takes the application of PySide6" in str(error)
        else:
            raise AssertionError("TypeError was not raised")


@case
def is_made_on_the_applications_thread(stage: Stage) -> None:
    """On another one it says so, and makes nothing."""
    errors: list[Exception] = []

    def make() -> None:
        try:
            qt_poster(stage.app)
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert ["thread of the application" in str(error) for error in errors] == [True]


@case
def what_is_posted_runs_here_in_order(stage: Stage) -> None:
    """Nothing of it before the event loop runs."""
    ran: list[tuple[int, int]] = []
    post = qt_poster(stage.app)

    def post_all() -> None:
        for number in range(100):
            assert post(lambda number=number: ran.append((number, threading.get_ident())))

    thread = threading.Thread(target=post_all)
    thread.start()
    thread.join()
    # By a poster that is let go of at once: what it took comes all the same.
    assert qt_poster(stage.app)(lambda: ran.append((100, threading.get_ident())))
    assert ran == []
    stage.until(lambda: len(ran) == 101)
    assert ran == [(number, stage.main) for number in range(101)]


@case
def clients_share_a_poster(stage: Stage) -> None:
    """Their callbacks run here; what one of them raises goes to its on_error, here."""
    post, errors, seen = qt_poster(stage.app), [], [0, 0]

    def count(number: int) -> None:
        assert threading.get_ident() == stage.main
        seen[number] += 1
        if seen[number] == 2:
            raise LookupError("in the callback")

    with (
        OnyxClient(url=stage.venue.url, token=stage.venue.token, delivery=post) as one,
        OnyxClient(url=stage.venue.url, token=stage.venue.token, delivery=post) as other,
    ):
        for number, client in enumerate((one, other)):
            client.on_error(lambda error: errors.append((type(error), threading.get_ident())))
            client.subscribe_tickers(
                lambda _, number=number: count(number), products=["ebob"]
            )
        stage.until(lambda: min(seen) >= 5)
    assert errors == [(LookupError, stage.main)] * 2


@case
def a_blocking_call_comes_back_here(stage: Stage) -> None:
    """A connect as well as a close."""
    post, ends = qt_poster(stage.app), []
    client = OnyxClient(url=stage.venue.url, token=stage.venue.token, delivery=post)

    def note(value: object) -> None:
        ends.append((type(value), threading.get_ident()))

    call_in_background(post, client.connect, note, note)
    stage.until(lambda: len(ends) == 1)
    call_in_background(post, client.close, note, note)
    stage.until(lambda: len(ends) == 2)
    assert ends == [(OnyxClient, stage.main), (type(None), stage.main)]


@case
def a_blocking_call_leaves_the_window_alive(stage: Stage) -> None:
    """The answer takes half a second, and the main loop is never away for the half of that."""
    post = qt_poster(stage.app)
    client = OnyxClient(url=stage.venue.url, token=stage.venue.token, delivery=post)
    ends: list[object] = []
    looks: list[float] = []
    call_in_background(post, client.connect, ends.append, ends.append)
    stage.until(lambda: ends == [client])
    stage.venue.slow(0.5)
    began = time.monotonic()
    call_in_background(post, lambda: client.subscribe("snapshots"), ends.append, ends.append)
    stage.until(lambda: looks.append(time.monotonic()) or len(ends) == 2)
    stage.venue.slow(0)
    assert isinstance(ends[1], Subscription), ends
    assert looks[-1] - began >= 0.5
    away = [late - early for early, late in zip([began, *looks], looks, strict=False)]
    assert max(away) < 0.25, f"{max(away):.3f} s"
    call_in_background(post, client.close, ends.append, ends.append)
    stage.until(lambda: len(ends) == 3)


@case
def posting_while_the_application_ends_is_safe(stage: Stage) -> None:
    """Four threads post without a pause until they are refused; nothing crashes."""
    post, answers, begun = qt_poster(stage.app), set(), threading.Barrier(5)

    def keep_posting() -> None:
        begun.wait()
        while post(int):
            answers.add(True)
        answers.add(post(int))

    threads = [threading.Thread(target=keep_posting) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    stage.until(lambda: True in answers)
    stage.app.shutdown()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert answers == {True, False}
    assert QCoreApplication.instance() is None


def run(name: str, stage: Stage) -> str:
    """Run one case."""
    try:
        CASES[name](stage)
    except Exception:
        return traceback.format_exc()
    return "ok"


def main() -> None:
    """Run all cases."""
    with simulate("onyx", interval=0.01) as venue:
        stage = Stage(venue)
        report = {name: run(name, stage) for name in CASES}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
