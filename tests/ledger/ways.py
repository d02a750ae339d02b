"""The ways to a client: its link, plain or TLS, and what runs its callbacks."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from venuesdk import State

__all__ = ["DELIVERIES", "LINKS", "Deliveries", "contexts"]

LINKS = ("ws", "wss")
DELIVERIES = ("thread", "inline", "pump", "post")


def contexts(link: str) -> tuple[Any, dict[str, Any]]:
    """Return the venue's TLS context and the client's options; nothing for ws."""
    if link == "ws":
        return None, {}
    import ssl

    import trustme

    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "ca.pem")
        authority.cert_pem.write_to_path(str(file))
        return server, {"ssl_context": ssl.create_default_context(cafile=str(file))}


class Deliveries:
    """Whatever runs the client's callbacks, by the name of the way."""

    def __init__(self, name: str) -> None:
        self.choice: Any = name
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if name == "post":
            self.choice = self._tasks.put
            self._thread = threading.Thread(target=self._run_tasks, name="ledger-screen")
        self._name = name

    def start(self, client: Any) -> None:
        """Begin to run them."""
        if self._name == "pump":
            self._thread = threading.Thread(target=self._pump, args=(client,), name="ledger-pump")
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> bool:
        """End, after the client was closed; tell whether the thread came back."""
        self._tasks.put(None)
        if self._thread is None:
            return True
        self._thread.join(5)
        return not self._thread.is_alive()

    def _run_tasks(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    @staticmethod
    def _pump(client: Any) -> None:
        while client.state is not State.CLOSED:
            client.pump(timeout=0.2)
