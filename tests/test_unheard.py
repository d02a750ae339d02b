"""Errors that nobody takes are seen: in every delivery, whatever the program made of logging.

Each test asks a fresh interpreter, in which nothing is set up that the suite needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PROGRAM = """
import logging, sys, threading
from venuesdk import OnyxClient
from venuesdk.testing import simulate

{setup}

def ui_loop():
    # A user interface's thread: it runs what is posted, one after the other.
    from queue import SimpleQueue
    work = SimpleQueue()
    thread = threading.Thread(target=lambda: [do() for do in iter(work.get, None)], daemon=True)
    thread.start()
    return work, thread

def ask(client, raised):
    seen = threading.Event()
    def callback(event):
        if not seen.is_set():
            seen.set()
            raise raised
    client.subscribe_tickers(callback, products=["ebob"])
    venue.tick()
    if client_pumps(client):
        while not seen.is_set():
            client.pump(timeout=1)
    assert seen.wait(5)

def client_pumps(client):
    return client._delivery.__class__.__name__ == "PumpDelivery"

work, thread = ui_loop()
with simulate("onyx", interval=None) as venue:
    for name in ("thread", "inline", "pump", "post"):
        delivery = work.put if name == "post" else name
        with OnyxClient(url=venue.url, token=venue.token, delivery=delivery) as client:
            ask(client, ValueError("raised in " + name))
        {more}
work.put(None)
thread.join()
"""


def run(setup: str = "", more: str = "") -> str:
    """Run the program; return what it wrote on standard error."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(setup=setup, more=more)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


KINDS = ("thread", "inline", "pump", "post")


def test_without_logging_each_is_shown_once_with_its_traceback() -> None:
    """In every delivery; and so is an exit, which ends nothing there, and Python keeps silent of.

    The error of a client that is closed without being pumped is shown by the close.
    """
    leave = """
        with OnyxClient(url=venue.url, token=venue.token, delivery=delivery) as client:
            if name in ("thread", "inline"):
                ask(client, SystemExit("left " + name))
            if name == "pump":
                client._delivery.report(ValueError("never pumped"))
"""
    shown = run(more=leave.strip())
    for kind in KINDS:
        assert shown.count(f"\nValueError: raised in {kind}\n") == 1
    assert shown.count("SystemExit('left thread')") == 1
    assert shown.count("SystemExit('left inline')") == 1
    assert shown.count("\nValueError: never pumped\n") == 1
    assert "in callback" in shown


@pytest.mark.parametrize(
    "setup",
    [
        "logging.disable()",
        "logging.getLogger('venuesdk').propagate = False",
        "logging.basicConfig(filename=__import__('os').devnull)",
    ],
    ids=["disabled", "stopped", "elsewhere"],
)
@pytest.mark.long
def test_no_setting_of_logging_hides_one(setup: str) -> None:
    """What is shown is the threads' hook's, and logging has no say in it."""
    shown = run(setup=setup)
    assert [shown.count(f"\nValueError: raised in {kind}\n") for kind in KINDS] == [1, 1, 1, 1]


@pytest.mark.long
def test_a_hook_that_raises_hides_none() -> None:
    """Python's own hook shows what it should have shown, and what it raised."""
    hook = "def hook(arguments):\n    raise OSError('no disk')\nthreading.excepthook = hook"
    shown = run(setup=hook)
    assert [shown.count(f"\nValueError: raised in {kind}\n") for kind in KINDS] == [1, 1, 1, 1]
    assert shown.count("\nOSError: no disk\n") == len(KINDS)
