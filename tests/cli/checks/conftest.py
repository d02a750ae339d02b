"""One look at a venue, as the command does it, with what was found sorted by check."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from venuesdk.cli.checks import CHECKS, Finding, Subject, Visit, examine
from venuesdk.client import clients
from venuesdk.secret import Secret
from venuesdk.venues import load


class Seen:
    """What was found; ``seen["TLS"]`` is the first finding of that check."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    def __getitem__(self, check: str) -> Finding:
        return self.all(check)[0]

    def __contains__(self, check: str) -> bool:
        return any(one.check == check for one in self.findings)

    def all(self, check: str) -> list[Finding]:
        return [one for one in self.findings if one.check == check]

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each check; of several findings the last one's."""
        return {one.check: one.verdict.value for one in self.findings}


Look = Callable[..., Seen]


@pytest.fixture
def look(canaries: Any, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Return what examines a venue at a URL; no credential may be in what it finds."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def examined(venue: str, url: str = "", **options: Any) -> Seen:
        load(venue)
        given = {
            name: Secret(value) for name, value in options.pop("credentials", {}).items()
        }
        options.setdefault("timeout", 2.0)
        options.setdefault("usual", False)
        kind = clients()[venue]
        subject = Subject(kind, url or kind.codec.url, credentials=given, **options)
        seen = Seen(list(examine(Visit(subject), CHECKS)))
        assert canaries.found_in(repr(seen.findings)) == []
        looked_at = [one for one in seen.findings if one.verdict.value != "skipped"]
        assert all(one.seconds is not None for one in looked_at)
        return seen

    return examined


def entry(host: str, port: int) -> Any:
    """Return an entry as the system's resolver gives it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    where = (host, port, 0, 0) if ":" in host else (host, port)
    return (family, socket.SOCK_STREAM, 6, "", where)


@pytest.fixture
def lookup() -> Callable[..., Any]:
    """Return what makes a resolver that knows these addresses for every name."""

    def knowing(*places: tuple[str, int]) -> Any:
        return lambda host, port, *, type: [entry(*place) for place in places]

    return knowing


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port that refuses: it is taken, so that nobody else gets it, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])
