"""The server's process, and the clients' processes, one after the other against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from catalogue import Client
from job import Job
from table import Table

__all__ = ["Failed", "Stage", "attempt", "measure"]

HERE = Path(__file__).resolve().parent
SPARE = 60.0
"""Seconds beyond its own that a client may take to begin and to end."""


class Failed(Exception):
    """A client did not do its job; the text says why."""


class Stage:
    """One server for all clients of a run; with TLS too where `trustme` is installed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        arguments = [sys.executable, str(HERE / "server.py")]
        self.ca_file, self.no_tls = "", ""
        try:
            self.ca_file, certificate = self._certify(Path(self._folder.name))
            arguments.append(certificate)
        except ImportError:
            self.no_tls = "trustme is not installed"
        self._server = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout is not None
        self.ports: dict[str, int] = json.loads(self._server.stdout.readline())

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(10)
        self._folder.cleanup()

    def run(self, driver: str, task: str, shape: str, **more: Any) -> dict[str, Any]:
        """Let one process do one job; return what it found. Raises `Failed`."""
        job = Job(driver, task, shape, self.ports, self.ca_file, **more)
        return run_child(job)

    def run_client(self, client: Client, task: str, shape: str, **more: Any) -> dict[str, Any]:
        """Let a client of the catalogue do one job, on its own wire where it has one."""
        options = {**client.options, **more.pop("options", {})}
        chosen = {"values": client.values, "options": options, **more}
        return self.run(client.driver, client.task or task, client.shape or shape, **chosen)

    def _certify(self, folder: Path) -> tuple[str, str]:
        import trustme

        authority = trustme.CA()
        ca_file, certificate = folder / "ca.pem", folder / "server.pem"
        authority.cert_pem.write_to_path(str(ca_file))
        issued = authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        return str(ca_file), str(certificate)


def run_child(job: Job) -> dict[str, Any]:
    """Run `child.py`, and return its last line."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, str(HERE / "child.py"), job.to_json()]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment,
            timeout=job.seconds * 2 + SPARE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed("it did not end in time") from error
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        reason = done.stderr.strip().splitlines() or ["it said nothing"]
        raise Failed(f"ended with {done.returncode}: {reason[-1][:300]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def measure(
    stage: Stage,
    table: Table,
    clients: Iterable[Client],
    task: str,
    count: int,
    shape: str,
    **more: Any,
) -> None:
    """Let every client do the job once in each round, one after the other."""
    present = []
    for client in clients:
        table.rows.setdefault(client.name, [])
        if client.missing:
            table.skip(client.name, client.missing)
        else:
            present.append(client)
    for _ in range(count):
        for client in present:
            attempt(stage, table, client, task, shape, **more)


def attempt(
    stage: Stage, table: Table, client: Client, task: str, shape: str, **more: Any
) -> None:
    """Let one client do the job once, and put what it found, or why it did not, into the table."""
    if client.missing:
        table.skip(client.name, client.missing)
        return
    try:
        table.add(client.name, stage.run_client(client, task, shape, **more))
    except Failed as error:
        table.fail(client.name, str(error))
