"""The README: what it shows as a program is one, and what it links to is there."""

from __future__ import annotations

import inspect
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis_server import RedisServer

from venuesdk import Client
from venuesdk.testing.clients import client_class
from venuesdk.venues import names

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```python\n(.*?)^```$", TEXT)
RELAYED = [block for block in BLOCKS if "venuesdk.relay" in block]
PROGRAMS = [block for block in BLOCKS if "with simulate(" in block and block not in RELAYED]
SAID = ["the venue said no: no permissions", "Gap(reason=", "True"]
"""What each of them prints, in their order."""


@pytest.mark.parametrize(
    ("program", "said"),
    list(zip(PROGRAMS, SAID, strict=True)),
    ids=["first lines", "a cut", "faults"],
)
def test_its_programs_run_as_they_are_printed(program: str, said: str) -> None:
    """Each ends by itself with status 0, and says what it is there to show."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_what_one_program_publishes_another_reads(redis_server: RedisServer) -> None:
    """Both as they are printed, but for the address of Redis; the reader is ended by Ctrl-C."""
    publisher, reader = (each.replace("redis://localhost", redis_server.url) for each in RELAYED)
    options: dict[str, Any] = {"text": True, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    command = [sys.executable, "-W", "error", "-u", "-c"]
    subprocess.run([*command, publisher], timeout=30, check=True, **options)
    with subprocess.Popen([*command, reader], stdout=subprocess.PIPE, **options) as reading:
        assert reading.stdout is not None
        first = reading.stdout.readline()
        reading.send_signal(signal.SIGINT)
    assert first == 'tickers {"products":["ebob"]} ebobm25\n'


def test_what_it_links_to_is_there() -> None:
    """Files by their path, sections by their name."""
    headings = re.findall(r"(?m)^#+ (.*)$", TEXT)
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        assert (ROOT / path).exists() if path else anchor in anchors, target


def methods_of(client: type[Client]) -> set[str]:
    """Return the public methods of a client that are its own: those of all stand elsewhere."""
    return {
        name
        for name, thing in vars(client).items()
        if inspect.isfunction(thing) and not name.startswith("_") and name not in vars(Client)
    }


def table_of(client: type[Client]) -> str:
    """Return the part of the README that begins with the client's name, up to the next one's."""
    head = f"**`{client.__name__}`**"
    assert TEXT.count(head) == 1
    return re.split(r"(?m)^(?:\*\*`\w+Client`\*\*|## )", TEXT.partition(head)[2])[0]


@pytest.mark.parametrize("venue", names())
def test_its_tables_have_every_method_of_a_client(venue: str) -> None:
    """Each as it is called, in the table of its own client, and none that there is not."""
    client = client_class(venue)
    methods = methods_of(client)
    assert methods
    rows = re.findall(r"(?m)^\| (.*?) \|", table_of(client))
    shown = {name for row in rows for name in re.findall(r"(?<![\w.])([a-z_]+)\(", row)}
    assert shown == methods
