"""The usual SDK: a thread with websocket-client's WebSocketApp, json, and an Event per request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import websocket
from growing import memory_of
from job import Job
from ours import ORDER
from starting import watch

__all__ = ["idle", "memory", "requests", "stream"]

PING = 20
"""Seconds between the pings of an idle client, as SDKs have it."""


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Parse in ``on_message``; where it is asked for, without the check that text is UTF-8."""
    app = _app(job, "now", lambda _, text: on_event(json.loads(text)))
    unchecked = job.options.get("unchecked", False)
    app.run_forever(skip_utf8_validation=unchecked, **_options(job))


def requests(job: Job) -> Callable[[], object]:
    """Return what sends one request, and waits until the app's thread has its answer."""
    ids = count(1)
    waiting: dict[str, list[Any]] = {}
    opened = threading.Event()

    def on_message(_: Any, text: str) -> None:
        message = json.loads(text)
        entry = waiting.get(message["id"])
        if entry is not None:
            entry[1] = message
            entry[0].set()

    app = _app(job, "1", on_message, on_open=lambda _: opened.set())
    threading.Thread(target=app.run_forever, kwargs=_options(job), daemon=True).start()
    if not opened.wait(10):
        raise TimeoutError("not connected")

    def ask() -> object:
        id = f"msg:{next(ids)}"
        entry = waiting[id] = [threading.Event(), None]
        app.send(json.dumps({"id": id, "method": "order", **ORDER}))
        if not entry[0].wait(10):
            raise TimeoutError(id)
        return waiting.pop(id)[1]

    return ask


def idle(job: Job) -> dict[str, float]:
    """Connect clients, and do nothing; return the processor time of each in the window."""
    return watch(job, [_connected(job) for _ in range(job.options["clients"])])


def memory(job: Job) -> dict[str, float]:
    """Return the memory of each idle client beyond the first."""
    return memory_of(job.options["clients"], lambda: _connected(job))


def _connected(job: Job) -> Any:
    opened = threading.Event()
    app = _app(job, "1", lambda _, text: None, on_open=lambda _: opened.set())
    options = {**_options(job), "ping_interval": PING, "ping_timeout": PING / 2}
    threading.Thread(target=app.run_forever, kwargs=options, daemon=True).start()
    if not opened.wait(10):
        raise TimeoutError("not connected")
    return app


def _app(job: Job, start: str, on_message: Callable[[Any, str], object], **more: Any) -> Any:
    return websocket.WebSocketApp(job.url(start), on_message=on_message, **more)


def _options(job: Job) -> dict[str, Any]:
    return {"sslopt": {"ca_certs": job.ca_file}} if job.tls else {}
