"""Every venue's simulator in one process of its own, so that what is counted here is a client's.

`Simulators` starts this very file as a program: it says where the venues are, in one line of JSON,
and then obeys one command a line. Its end of standard input is its own end.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venuesdk.testing import SimulatedVenue, simulate
from venuesdk.testing.faults import FaultProxy

__all__ = ["VENUES", "Simulators", "Site"]

VENUES = ("fuze", "infinex", "loopring", "onyx", "timex")


@dataclass(frozen=True)
class Site:
    """Where one simulated venue is, and what opens its door."""

    url: str
    http_url: str | None
    credentials: dict[str, str]


class Simulators:
    """The far side of a test; `tell` may be used from any thread."""

    def __init__(
        self,
        *venues: str,
        ca_file: Path | None = None,
        interval: float | None = None,
        seed: int = 1,
        proxied: bool = False,
    ) -> None:
        plan = {
            "venues": venues or VENUES,
            "ca_file": None if ca_file is None else str(ca_file),
            "interval": interval,
            "seed": seed,
            "proxied": proxied,
        }
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.sites = {name: Site(**site) for name, site in self._answer().items()}

    def __enter__(self) -> Simulators:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tell(self, venue: str, what: str, *arguments: object) -> Any:
        """Call a method of a simulator, or read an attribute of it, and return what that gives.

        ``network.reset`` and its like are of the fault proxy before it, where they are `proxied`.
        """
        command = json.dumps([venue, what, arguments])
        with self._one_at_a_time:
            assert self._process.stdin is not None
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
            return self._answer()

    def close(self) -> None:
        """End every simulator."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the simulators ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


# ---- the program -------------------------------------------------------------------------------


def server_context(ca_file: Path) -> ssl.SSLContext:
    """Return a server's context, and write down the authority that a client has to trust."""
    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    return context


def publish(venue: Any, pattern: str, first: int, count: int) -> int:
    """Send `count` events of a TimeX pattern, numbered from `first`."""
    sent = 0
    for number in range(first, first + count):
        sent += venue.publish(pattern, {"type": "NUMBERED"}, {"number": number}, number)
    return sent


def obey(venue: SimulatedVenue, proxy: FaultProxy, what: str, arguments: list[Any]) -> Any:
    """Do what one command says."""
    if what == "publish":
        return publish(venue, *arguments)
    place, _, name = what.rpartition(".")
    thing = getattr(proxy if place == "network" else venue, name)
    value = thing(*arguments) if callable(thing) else thing
    return value if isinstance(value, (int, float, str, bool)) else None


def main() -> None:
    """Run the venues until standard input ends."""
    plan = json.loads(sys.argv[1])
    tls = None if plan["ca_file"] is None else server_context(Path(plan["ca_file"]))
    with ExitStack() as stack:
        venues, proxies, sites = {}, {}, {}
        for name in plan["venues"]:
            options = {"tls": tls, "interval": plan["interval"], "seed": plan["seed"]}
            one = venues[name] = stack.enter_context(simulate(name, **options))
            proxy = proxies[name] = stack.enter_context(FaultProxy.for_url(one.url))
            url = proxy.url(one.url) if plan["proxied"] else one.url
            sites[name] = {"url": url, "http_url": one.http_url, "credentials": one.credentials}
        print(json.dumps({"value": sites}), flush=True)
        for line in sys.stdin:
            name, what, arguments = json.loads(line)
            try:
                answer = {"value": obey(venues[name], proxies[name], what, arguments)}
            except Exception as error:
                answer = {"error": f"{what}{tuple(arguments)} of {name}: {error!r}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
