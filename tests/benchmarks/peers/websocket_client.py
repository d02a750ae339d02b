"""websocket-client used directly: ``create_connection``, ``recv`` and ``send``, and json."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import websocket
from callers import in_turn
from job import Job

__all__ = ["requests", "stream"]


def connect(job: Job, start: str) -> Any:
    """Return a connection."""
    options = {"ca_certs": job.ca_file} if job.tls else None
    return websocket.create_connection(job.url(start), sslopt=options)


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Receive and parse in a loop."""
    connection = connect(job, "now")
    while True:
        on_event(json.loads(connection.recv()))


def requests(job: Job) -> Callable[[], object]:
    """Return what sends one request and receives its answer."""
    return in_turn(connect(job, "1"))
