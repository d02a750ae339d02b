"""Real links between two hosts of this machine: network namespaces, and what can befall a link.

The hosts have no names that could be left behind. Each lives as long as its keeper, a process that
ends with the test run, however that ends, and takes its interfaces and rules with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Host", "Link", "Network", "Unavailable"]

TOOLS = ("ip", "iptables", "unshare", "nsenter", "setpriv")
PACKAGES = "iproute2, iptables and util-linux"
PATIENCE = 30.0

LOST = ("-j", "DROP")


class Unavailable(Exception):
    """Namespaces cannot be made here; the text says why."""


def _run(*command: str, given: str | None = None) -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


class Host:
    """One namespace, with files of its own in the place of some of the system's.

    It must be made on the main thread: its keeper, and all that is started on it, end with the
    thread that started them.
    """

    def __init__(self, files: dict[str, Path] | None = None) -> None:
        self._lock = threading.Lock()
        mounts = [f"mount --bind '{mine}' '{theirs}'" for theirs, mine in (files or {}).items()]
        self._keeper = subprocess.Popen(
            # Ctrl-C at the terminal is for the test run, which ends its hosts itself.
            [
                *("setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount"),
                *("sh", "-c", " && ".join(["trap '' INT", *mounts, "echo ready", "exec cat"])),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert self._keeper.stdout is not None
            if self._keeper.stdout.readline() != "ready\n":
                _, told = self._keeper.communicate(timeout=PATIENCE)
                raise Unavailable(f"no namespace can be made: {told.strip()}")
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process whose namespaces are this host's."""
        return self._keeper.pid

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs `command` on this host; it dies with this thread."""
        place = ("nsenter", "--target", str(self.pid), "--net", "--mount")
        return [*place, "setpriv", "--pdeathsig", "KILL", *command]

    def run(self, *command: str) -> None:
        """Run a command on this host to its end; raise where it fails."""
        _run(*self.command(*command))

    def filter(self, action: str, *rule: str) -> None:
        """Append (``-A``) or delete (``-D``) a rule about what comes in; from any thread."""
        with self._lock:
            self.run("iptables", "--wait", action, "INPUT", *rule)

    def close(self) -> None:
        """End the host, and with it its interfaces."""
        self._keeper.kill()
        self._keeper.wait(PATIENCE)
        for stream in (self._keeper.stdin, self._keeper.stdout, self._keeper.stderr):
            if stream is not None:
                stream.close()


class Link:
    """A cable from the far host to a near one of its own, and what befalls it.

    Packets are lost where they arrive, never where they are sent: the sender learns nothing.
    """

    def __init__(self, number: int, far: Host, files: dict[str, Path] | None = None) -> None:
        self.far = far
        self.near = Host(files)
        self.address = f"10.77.{number}.1"
        """The far host's."""
        self._port = f"far{number}"
        self._rules: list[tuple[Host, tuple[str, ...]]] = []
        pid = str(self.near.pid)
        try:
            far.run("ip", "link", "add", self._port, "type", "veth", "peer", "near", "netns", pid)
            for host, port, last in ((far, self._port, 1), (self.near, "near", 2)):
                host.run("ip", "address", "add", f"10.77.{number}.{last}/24", "dev", port)
                host.run("ip", "link", "set", port, "up")
        except BaseException:
            self.close()
            raise

    def cut(self, *, outward: bool = True, inward: bool = True, how: Sequence[str] = LOST) -> float:
        """Lose what is sent `outward`, to the far host, and `inward`, from it.

        This, `unplug` and `take_address` return the monotonic clock as it was just before.
        """
        at = time.monotonic()
        if outward:
            self._rule(self.far, "-i", self._port, *how)
        if inward:
            self._rule(self.near, "-i", "near", *how)
        return at

    def _rule(self, host: Host, *rule: str) -> None:
        host.filter("-A", *rule)
        self._rules.append((host, rule))

    def lose(self, share: float) -> None:
        """Lose that share of all packets, at random, both ways."""
        how = ("-m", "statistic", "--mode", "random", "--probability", f"{share}", *LOST)
        self.cut(how=how)

    def reject(self) -> None:
        """Answer every new connection with a reset."""
        how = ("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
        self.cut(inward=False, how=how)

    def silence_names(self) -> None:
        """Lose every question to a name server on the far host."""
        self.cut(inward=False, how=("-p", "udp", "--dport", "53", *LOST))

    def heal(self) -> None:
        """Let everything through again."""
        while self._rules:
            host, rule = self._rules.pop()
            host.filter("-D", *rule)

    def unplug(self) -> float:
        """Take the near host's interface down."""
        at = time.monotonic()
        self.near.run("ip", "link", "set", "near", "down")
        return at

    def plug(self) -> None:
        """Take the near host's interface up again."""
        self.near.run("ip", "link", "set", "near", "up")

    def take_address(self) -> float:
        """Take the far host's address away."""
        at = time.monotonic()
        self.far.run("ip", "address", "del", f"{self.address}/24", "dev", self._port)
        return at

    def give_address(self) -> None:
        """Give the far host its address again."""
        self.far.run("ip", "address", "add", f"{self.address}/24", "dev", self._port)

    def close(self) -> None:
        """Remove the near host, and the cable with it."""
        self.near.close()


class Network:
    """One far host, where the venues are, and as many links to it as are asked for."""

    def __init__(self) -> None:
        if os.name != "posix" or os.geteuid() != 0:
            raise Unavailable("making network namespaces takes root")
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise Unavailable(f"{', '.join(missing)} missing: install {PACKAGES}")
        self.links: list[Link] = []
        self.far = Host()
        try:
            # A rule of the kinds that are used: it shows now whether the kernel knows them.
            rule = ("-m", "statistic", "--mode", "random", "--probability", "0.5", *LOST)
            for action in ("-A", "-D"):
                self.far.filter(action, *rule)
        except BaseException:
            self.far.close()
            raise

    def link(self, files: dict[str, Path] | None = None) -> Link:
        """Make one more link; `files` are those that its near host has in the system's place."""
        link = Link(len(self.links) + 1, self.far, files)
        self.links.append(link)
        return link

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: Any) -> None:
        for link in self.links:
            link.close()
        self.far.close()
