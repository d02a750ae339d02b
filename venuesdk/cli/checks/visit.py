"""Visit: one venue under examination, and the order in which it is looked at.

What an earlier check found (addresses, a connection) is what the later ones go on with; a check
whose ground is gone is skipped, with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ...client import Client
from ...protocol.codec import Codec
from ...secret import Secret
from ...timing import Deadline, monotonic
from ...wire.endpoint import Endpoint, Proxy
from ...wire.probe import Way
from ...wire.resolve import Lookup
from .finding import Finding, Verdict, skipped

if TYPE_CHECKING:
    from ...wire.websocket import WebSocketConnection

__all__ = ["Check", "Subject", "Visit", "examine"]


@frozen
class Subject:
    """Which venue is examined, and how its client would be made.

    `credentials` are those that were pointed at; others are found in the environment. `named`
    says that the user asked for this venue: then what it needs and does not have is a failure.
    `lookup` stands in for the system's resolver.
    """

    client_class: type[Client]
    url: str = field(repr=False)
    http_url: str = field(default="", repr=False)
    usual: bool = True
    """Whether the address is the venue's own."""
    credentials: Mapping[str, Secret] = field(factory=dict)
    ca_file: str | None = None
    environment_proxy: bool = False
    timeout: float = 10.0
    named: bool = True
    lookup: Lookup | None = None

    @property
    def venue(self) -> str:
        """The venue's name."""
        return self.client_class.venue

    def credential(self, name: str) -> Secret | None:
        """Return a credential as the client would find it, None where there is none."""
        given = self.credentials.get(name)
        if given is not None:
            return given
        value = os.environ.get(self.client_class.credentials[name])
        return Secret(value) if value else None

    @property
    def secrets(self) -> dict[str, Secret]:
        """Every credential that there is, by its name."""
        found = {name: self.credential(name) for name in self.client_class.credentials}
        return {name: secret for name, secret in found.items() if secret is not None}

    def codec(self) -> Codec:
        """Return a codec as the client makes one for a new connection."""
        return self.client_class.codec(self.secrets, self.url, self.http_url)

    @property
    def lacks(self) -> list[str]:
        """The names of the credentials that a client needs and would not find."""
        needed = set(self.client_class.credentials) - self.client_class.optional_credentials
        return sorted(needed - self.secrets.keys())


class Visit:
    """What is known of a subject so far; for one thread. `close` ends what is still open."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.endpoint: Endpoint | None = None
        self.proxy: Proxy | None = None
        self.addresses: list[Any] = []
        self.connection: WebSocketConnection | None = None
        self.client: Client | None = None
        self.troubles: list[BaseException] = []

    @property
    def way(self) -> Way:
        """Where its connections begin; once the address was read."""
        if self.endpoint is None:
            raise ValueError("the address was not read yet")
        return Way(self.endpoint, self.proxy)

    def close(self) -> None:
        """Close what is open; again does nothing."""
        connection, self.connection = self.connection, None
        client, self.client = self.client, None
        if connection is not None:
            connection.close()
        if client is not None:
            client.close()


@frozen
class Check:
    """One step: what finds, and which steps must not have failed before it.

    `find` gets a deadline of its own, the subject's timeout, and keeps it. Where it yields several
    findings each is a line, timed by itself.
    """

    name: str
    find: Callable[[Visit, Deadline], Iterator[Finding]]
    needs: Sequence[str] = ()


def _nobody(name: str) -> None:
    """Tell nobody which check begins."""


def examine(
    visit: Visit, checks: Sequence[Check], begins: Callable[[str], object] = _nobody
) -> Generator[Finding, None, None]:
    """Yield what each check finds, in order, and close what they opened.

    Blocks for as long as the checks take: each has the subject's timeout. `begins` is called with
    the name of each that is begun. What a check does not expect is passed on.
    """
    broken: dict[str, str] = {}
    try:
        for check in checks:
            reason = next((broken[need] for need in check.needs if need in broken), "")
            if reason:
                broken[check.name] = reason
                yield evolve(skipped(reason), check=check.name, venue=visit.subject.venue)
                continue
            begins(check.name)
            for finding in _timed(check, visit):
                if finding.verdict is Verdict.FAILED:
                    broken[check.name] = f"{finding.check} failed above"
                yield finding
    finally:
        visit.close()


def _timed(check: Check, visit: Visit) -> Iterator[Finding]:
    findings = check.find(visit, Deadline(visit.subject.timeout))
    while True:
        started = monotonic()
        finding = next(findings, None)
        if finding is None:
            return
        took = monotonic() - started
        yield evolve(
            finding,
            check=finding.check or check.name,
            venue=visit.subject.venue,
            seconds=took if finding.seconds is None else finding.seconds,
        )
