"""The HTTP side of a simulated venue: sockets, threads and headers, and no venue's rules."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

__all__ = ["HttpReply", "HttpRequest", "HttpSide", "Refusal"]


class HttpRequest(NamedTuple):
    """One request as it came; header names are lower case, the path has its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class HttpReply(NamedTuple):
    """One answer; a `body` that is not text is sent as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = {}


class Refusal(NamedTuple):
    """An HTTP answer that refuses a WebSocket handshake."""

    status: int
    text: str
    headers: Mapping[str, str] = {}


Answer = Callable[[HttpRequest], "HttpReply | None"]


class HttpSide:
    """A loopback HTTP/1.1 server that asks `answer` for every reply.

    `answer` runs on the connection's own thread; None ends the connection without an answer.
    """

    def __init__(
        self,
        answer: Answer,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        thread_name: str = "venuesdk-sim-http",
    ) -> None:
        self._server = _Server((host, port), answer, tls, thread_name)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=thread_name, daemon=True
        )
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{host}:{self._server.server_address[1]}"
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """Stop, cut what is open, and wait for the threads."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()
        self._thread.join(timeout)
        self._server.join(timeout)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes, which Nagle's algorithm would hold apart.
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {key.lower(): value for key, value in self.headers.items()}
        reply = self.server.answer(HttpRequest(self.command, self.path, headers, body))
        if reply is None:
            self.close_connection = True
            return
        content = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        data = content.encode()
        self.send_response(reply.status)
        for key, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep quiet: a simulator prints nothing of its own."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        answer: Answer,
        tls: ssl.SSLContext | None,
        thread_name: str,
    ) -> None:
        self.answer = answer
        self._tls = tls
        self._thread_name = thread_name
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._count = 0
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[Any, Any]:
        """Accept; the TLS handshake is left to the connection's own thread."""
        sock, address = super().get_request()
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection on a named thread that `join` knows."""
        self._count += 1
        thread = threading.Thread(
            target=self._serve_connection,
            args=(request, client_address),
            name=f"{self._thread_name}-{self._count}",
            daemon=True,
        )
        with self._lock:
            self._open[thread] = request
        thread.start()

    def _serve_connection(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave a connection that broke to its client; raise whatever else happened."""
        import sys

        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, (OSError, ValueError)):
            raise error

    def cut(self) -> None:
        """End every connection, so that its thread ends."""
        with self._lock:
            for sock in self._open.values():
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def join(self, timeout: float) -> None:
        """Wait for the threads of the connections."""
        with self._lock:
            threads = list(self._open)
        for thread in threads:
            thread.join(timeout)
