"""Certificates, as people want to see them: who is vouched for, by whom, and until when.

Also which authorities this machine trusts. Nothing here decides whether a certificate is good:
that is done by TLS itself, and was done before.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from attrs import frozen

__all__ = ["Authorities", "Certificate", "chain_of", "openssl", "trusted_authorities"]

DAY = 86_400


@frozen
class Certificate:
    """One certificate of a chain; the times are seconds since 1970, UTC."""

    subject: str
    issuer: str
    not_before_seconds: int
    not_after_seconds: int
    names: tuple[str, ...] = ()
    """The host names and addresses that it is for."""

    @property
    def self_signed(self) -> bool:
        """Whether nobody but itself vouches for it."""
        return self.subject == self.issuer

    @property
    def not_before(self) -> datetime:
        """When it begins to hold."""
        return datetime.fromtimestamp(self.not_before_seconds, timezone.utc)

    @property
    def not_after(self) -> datetime:
        """When it ceases to hold."""
        return datetime.fromtimestamp(self.not_after_seconds, timezone.utc)

    def days_left(self, now: float) -> float:
        """Return the days from `now` (seconds since 1970) to its end; below 0 it is over."""
        return (self.not_after_seconds - now) / DAY


@frozen
class Authorities:
    """Where this machine keeps the authorities that it trusts; None where the place is missing."""

    file: str | None
    folder: str | None
    loaded: int
    """How many came from the file; those of the folder are loaded when they are needed."""


def chain_of(connection: ssl.SSLObject, *, verified: bool = True) -> tuple[Certificate, ...]:
    """Return the certificates of an agreed connection, the venue's own first.

    Where it was verified, up to the authority that is trusted; else what the peer sent. Before
    Python 3.13 the whole chain is known to the object inside alone: where that does not tell,
    only the venue's own certificate is returned, and of an unverified connection none.
    """
    inner: Any = getattr(connection, "_sslobj", None)
    ask = getattr(inner, "get_verified_chain" if verified else "get_unverified_chain", None)
    told: list[Any] = [connection.getpeercert()]
    if ask is not None:
        told = [one.get_info() for one in ask() or ()]
    return tuple(_certificate(one) for one in told if one)


def openssl() -> tuple[str, tuple[int, ...]]:
    """Return the name and the version of the library that does TLS here."""
    return ssl.OPENSSL_VERSION, ssl.OPENSSL_VERSION_INFO[:3]


def trusted_authorities(context: ssl.SSLContext) -> Authorities:
    """Return where `context`, one that trusts the system's authorities, has them from."""
    paths = ssl.get_default_verify_paths()
    return Authorities(paths.cafile, paths.capath, context.cert_store_stats()["x509_ca"])


def _certificate(info: Mapping[str, Any]) -> Certificate:
    return Certificate(
        _label(info.get("subject", ())),
        _label(info.get("issuer", ())),
        int(ssl.cert_time_to_seconds(info["notBefore"])),
        int(ssl.cert_time_to_seconds(info["notAfter"])),
        tuple(str(value) for _, value in info.get("subjectAltName", ())),
    )


def _label(name: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Return a name for people: what it is called, and of which organisation."""
    parts = {key: value for part in name for key, value in part}
    organisation = parts.get("organizationName", "")
    called = parts.get("commonName") or parts.get("organizationalUnitName") or ""
    if called and organisation and called != organisation:
        return f"{called} ({organisation})"
    return called or organisation or "(no name)"
