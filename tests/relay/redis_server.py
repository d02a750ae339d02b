"""A Redis of the tests' own: on a free port of loopback, in a directory of its own, to be killed.

Nothing here knows the relay.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path

import redis

__all__ = ["RedisServer", "has_redis"]

READY = "eady to accept connections"
"""How it says so of a port, and of a path."""


def has_redis() -> bool:
    """Tell whether this machine can run one."""
    return shutil.which("redis-server") is not None


class RedisServer:
    """One redis-server; `options` are its own, such as ``appendonly="yes"``.

    It keeps its port and its directory when it is killed and started again.
    """

    def __init__(self, directory: Path, *, tls: bool = False, **options: str) -> None:
        self.port = _free_port()
        self._tls = tls
        self._directory = directory
        self._options = {"save": "", **options}
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        command = ["redis-server", "--bind", "127.0.0.1", "--dir", str(self._directory)]
        command += ["--port", "0", "--tls-port"] if self._tls else ["--port"]
        command.append(str(self.port))
        for name, value in self._options.items():
            command += [f"--{name.replace('_', '-')}", value]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if READY in line:
                return
        raise AssertionError("".join(said))

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it answer nothing, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self, **options: str) -> redis.Redis:
        """Return a client that the relay has nothing to do with; the caller closes it."""
        return redis.Redis(port=self.port, **options)  # type: ignore[arg-type]

    def ask(self, *command: str | int) -> object:
        """Ask it for something, as an operator would."""
        with self.client() as client:
            return client.execute_command(*command)

    def move(self, port: int) -> None:
        """Listen there from now on, as the address of a primary follows it (Redis 7)."""
        self.ask("CONFIG", "SET", "port", port)
        self.port = port

    def close(self) -> None:
        """End it for good."""
        if self._process is not None:
            self.thaw()
            self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        assert process is not None
        process.send_signal(how)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
        self._process = None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
