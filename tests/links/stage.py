"""The stage on which every scene plays at once, each on a link of its own.

A scene is a generator function: up to its one ``yield`` it sets itself up, on the main thread;
behind it, on a thread of its own and beside all the others, it plays, and returns what it saw.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from links.network import Link, Network
from links.program import Program

__all__ = ["NAME", "Scene", "Seen", "Stage", "plays"]

NAME = "venue.test"
"""The far host's name, for those who can look it up."""
READY_WITHIN = 60.0
"""Seconds; all programs start at the same time."""
MOST_LINKS = 60

HERE = Path(__file__).parent

Seen = dict[str, Any]
Scene = Callable[["Stage"], Generator[None, None, Seen]]
Test = TypeVar("Test", bound=Callable[..., object])


def plays(scene: Scene) -> Callable[[Test], Test]:
    """Mark a test as looking at what a scene saw: its fixture ``seen``."""

    def marked(test: Test) -> Test:
        test.scene = scene  # type: ignore[attr-defined]
        return test

    return marked


class Venues:
    """A program on the far host, and where its venues listen."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.places: dict[str, dict[str, Any]] = {}

    def orders(self, venue: str) -> list[str]:
        """Return what identifies each order that a venue carried out."""
        found: list[str] = self.program.ask("orders", venue=venue)["orders"]
        return found


class Stage:
    """The network, the programs, and the scenes."""

    def __init__(self, network: Network, folder: Path, horizon: float) -> None:
        import trustme

        self.horizon = horizon
        """How many seconds are waited for what may never come."""
        self._network = network
        self._folder = folder
        self._numbers = itertools.count(1)
        self._stack = ExitStack()
        self._programs: list[Program] = []
        self._venues: dict[str, Venues] = {}
        self._futures: dict[Scene, Future[Seen]] = {}
        authority = trustme.CA()
        self._ca_file, self._certificate = folder / "ca.pem", folder / "far.pem"
        authority.cert_pem.write_to_path(str(self._ca_file))
        names = [NAME, *(f"10.77.{number}.1" for number in range(1, MOST_LINKS + 1))]
        issued = authority.issue_cert(*names)
        issued.private_key_and_cert_chain_pem.write_to_path(str(self._certificate))

    # What scenes ask for, on the main thread

    def link(self, files: dict[str, Path] | None = None) -> Link:
        """Return a new link."""
        return self._network.link(files)

    def venues(self, kind: str) -> Venues:
        """Return the venues of a kind: ``busy``, ``quiet`` or any name, for venues of one's own.

        Quiet ones send nothing that was not asked for, as all do but the busy ones.
        """
        if kind not in self._venues:
            interval = 0.05 if kind == "busy" else None
            names = ["timex", "infinex"] if kind in ("busy", "quiet") else ["timex"]
            setting: dict[str, Any] = {"certificate": str(self._certificate), "venues": names}
            setting |= {"interval": interval, "address": "0.0.0.0"}
            program = self._start(self._network.far, "far.py", kind, **setting)
            place = program.await_line("listening", READY_WITHIN)
            self._venues[kind] = Venues(program)
            self._venues[kind].places = place["places"]
        return self._venues[kind]

    def trader(
        self, link: Link, venues: Venues, venue: str = "timex", *, named: bool = False, **more: Any
    ) -> Program:
        """Start a client on the near host of a link; `named` looks the venue up by name."""
        place = venues.places[venue]
        host = NAME if named else link.address
        options = {"ca_file": str(self._ca_file), **place["credentials"], **more}
        options["url"] = f"wss://{host}:{place['port']}{place['path']}"
        if place["http_port"]:
            options["http_url"] = f"https://{host}:{place['http_port']}"
        return self._start(link.near, "near.py", "near", venue=venue, options=options)

    def desk(self, kind: str, **more: Any) -> tuple[Link, Venues, Program]:
        """Return a new link, venues of that kind, and a client on the link's near host."""
        link, venues = self.link(), self.venues(kind)
        return link, venues, self.trader(link, venues, **more)

    def plain(self, link: Link, venues: Venues) -> Program:
        """Start plain websocket-client on the near host of a link."""
        place = venues.places["timex"]
        url = f"wss://{link.address}:{place['port']}{place['path']}"
        setting = {"url": url, "ca_file": str(self._ca_file), **place["credentials"]}
        return self._start(link.near, "plain.py", "plain", **setting)

    def file(self, text: str) -> Path:
        """Return a file with that text."""
        path = self._folder / f"file-{next(self._numbers)}"
        path.write_text(text)
        return path

    def _start(self, host: Any, script: str, name: str, **setting: Any) -> Program:
        log = self._folder / f"{name}-{next(self._numbers)}.log"
        program = Program(host, HERE / script, log, **setting)
        self._stack.callback(program.close)
        self._programs.append(program)
        return program

    # Playing

    def play(self, scenes: Iterable[Scene]) -> None:
        """Set every scene up, then let all of them play; they are waited for in `seen`."""
        set_up = {scene: scene(self) for scene in dict.fromkeys(scenes)}
        for waiting in set_up.values():
            next(waiting)
        for program in self._programs:
            if not program.find("listening"):
                program.await_line("ready", READY_WITHIN)
        pool = ThreadPoolExecutor(max(len(set_up), 1), thread_name_prefix="scene")
        self._stack.callback(pool.shutdown)
        for scene, waiting in set_up.items():
            self._futures[scene] = pool.submit(_play, waiting)

    def seen(self, scene: Scene) -> Seen:
        """Return what a scene saw, once it has ended; raise what went wrong in it."""
        return self._futures[scene].result()

    def shown(self) -> list[str]:
        """Name the programs that logged or reported a credential."""
        secrets = {
            value
            for venues in self._venues.values()
            for place in venues.places.values()
            for value in place["credentials"].values()
        }
        return [
            program.name
            for program in self._programs
            if program.name.startswith("near")
            and any(secret in program.told() for secret in secrets)
        ]

    def close(self) -> None:
        """End every program, and with them the scenes that wait for them."""
        for future in self._futures.values():
            future.cancel()
        for program in self._programs:
            program.close()
        self._stack.close()


def _play(scene: Generator[None, None, Seen]) -> Seen:
    try:
        next(scene)
    except StopIteration as stop:
        seen: Seen = stop.value
        return seen
    raise AssertionError("a scene yields once")
