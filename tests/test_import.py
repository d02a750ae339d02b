"""What importing the package costs: each test asks a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

WATCH = """
import json, sys
seen = []
def watch(event, arguments):
    if event == "open" or event.startswith(("_thread.start", "socket.", "subprocess.", "os.exec")):
        seen.append([event, str(arguments[0])])
sys.addaudithook(watch)
{statement}
modules = sorted(sys.modules)
print(json.dumps({{"seen": seen, "modules": modules}}))
"""


def after(statement: str) -> dict[str, Any]:
    """Run a statement in a fresh interpreter; return what it opened, started and loaded."""
    run = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", WATCH.format(statement=statement)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """Return what a plain import of the package does."""
    return after("import venuesdk")


def test_an_import_starts_no_thread_and_touches_no_socket(imported: dict[str, Any]) -> None:
    """Nothing runs and nothing is connected because the package was imported."""
    assert [event for event, _ in imported["seen"] if event != "open"] == []


def test_an_import_opens_no_file_but_source(imported: dict[str, Any]) -> None:
    """The version, the credentials and the certificates are not read from disk at import."""
    opened = [name for event, name in imported["seen"] if event == "open"]
    assert [name for name in opened if not name.endswith((".py", ".pyc"))] == []


@pytest.mark.parametrize(
    "library",
    [
        *("requests", "urllib3", "websocket", "websockets", "cattrs", "msgspec", "ssl", "asyncio"),
        *("logging", "prometheus_client"),
    ],
)
def test_an_import_leaves_the_libraries_alone(library: str, imported: dict[str, Any]) -> None:
    """The libraries that do the work are imported by the one who works, not by the package."""
    assert library not in imported["modules"]


def test_an_import_leaves_the_upper_floors_alone(imported: dict[str, Any]) -> None:
    """The public face loads the part that a name comes from when the name is first used."""
    parts = ("session", "wire", "protocol", "venues", "testing", "cli", "metrics")
    loaded = [name for name in imported["modules"] if name.startswith("venuesdk.")]
    assert [name for name in loaded if name.split(".")[1] in parts] == []


@pytest.mark.parametrize("library", ["requests", "websockets"])
def test_a_client_alone_needs_neither_http_nor_a_server(library: str) -> None:
    """A client's class loads neither requests, until it speaks HTTP, nor the simulators' server."""
    assert library not in after("from venuesdk import OnyxClient")["modules"]


@pytest.mark.parametrize("client", ["InfinexClient", "LoopringClient"])
def test_a_client_that_may_need_http_has_it_before_an_outage(client: str) -> None:
    """Where Ctrl-C breaks off an import, Python leaves the other threads that want it hanging."""
    statement = f"import venuesdk; venuesdk.{client}(api_key='key-of-the-account')"
    assert "requests.adapters" in after(statement)["modules"]


def test_every_public_name_is_there() -> None:
    """Each name that the package lists is shown by `dir`, can be got, and is the same each time."""
    after(
        "import venuesdk\n"
        "assert venuesdk.__all__ and set(venuesdk.__all__) <= set(dir(venuesdk))\n"
        "for name in venuesdk.__all__:\n"
        "    assert getattr(venuesdk, name) is getattr(venuesdk, name), name\n"
    )


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A lazy package is still refused with the name that was mistyped."""
    after(
        "import venuesdk\n"
        "try:\n"
        "    venuesdk.OnixClient\n"
        "except AttributeError as error:\n"
        "    assert 'OnixClient' in str(error)\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
