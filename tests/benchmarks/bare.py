"""Requests on a bare socket: the floors of the request tables."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
from framing import client_frame
from job import Job
from meter import cpu_seconds
from ours import ORDER

__all__ = ["pipelined", "real_requests", "requests"]


class Line:
    """A socket with one answer after the other on it."""

    def __init__(self, job: Job) -> None:
        self._sock, rest = job.open()
        self._buffer = bytearray(rest)
        self.send = self._sock.sendall

    def receive(self) -> bytes:
        """Return the next payload."""
        buffer = self._buffer
        while True:
            if len(buffer) >= 4:
                length, body = buffer[1], 2
                if length == 126:
                    length, body = buffer[2] << 8 | buffer[3], 4
                stop = body + length
                if len(buffer) >= stop:
                    payload = bytes(buffer[body:stop])
                    del buffer[:stop]
                    return payload
            data = self._sock.recv(65536)
            if not data:
                raise ConnectionError("the server has gone")
            buffer += data


def _frame(id: str) -> bytes:
    payload = msgspec.json.encode({"id": id, "method": "order", **ORDER})
    return client_frame(payload, os.urandom(4))


def requests(job: Job) -> Callable[[], object]:
    """Return what sends the same bytes each time and receives an answer that nobody reads."""
    line, frame, lock = Line(job), _frame("msg:1"), threading.Lock()

    def ask() -> object:
        with lock:
            line.send(frame)
            return line.receive()

    return ask


def real_requests(job: Job) -> Callable[[], object]:
    """Return what does the same and writes, masks and reads each request for itself."""
    line, lock, ids = Line(job), threading.Lock(), count(1)
    decode = msgspec.json.decode

    def ask() -> object:
        id = f"msg:{next(ids)}"
        with lock:
            line.send(_frame(id))
            answer = decode(line.receive())
        if answer["id"] != id:
            raise ValueError(answer)
        return answer

    return ask


def pipelined(job: Job) -> dict[str, Any]:
    """Keep `job.callers` requests under way from one thread: what the server can answer."""
    line = Line(job)
    frames = _frame("msg:1") * job.callers
    begun, cpu = time.monotonic(), cpu_seconds()
    done = 0
    while time.monotonic() - begun < job.seconds:
        line.send(frames)
        for _ in range(job.callers):
            line.receive()
        done += job.callers
    seconds, cpu = time.monotonic() - begun, cpu_seconds() - cpu
    return {"rate": done / seconds, "cpu_us": cpu / done * 1e6}
