"""A connection looked at step by step: what each step of the client's own way finds.

The steps are the client's own pieces, one at a time: name lookup, each address by itself, the
proxy's tunnel, TLS. Nothing is ever sent but what makes a connection, and everything is closed
again. A certificate that was refused is looked at once more without judging it; that connection
too is only opened and closed.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import socket
import ssl
from collections.abc import Sequence

from attrs import frozen

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline
from venuesdk.wire.certificates import Certificate
from venuesdk.wire.endpoint import Endpoint, Proxy
from venuesdk.wire.opening import agree_on_tls, open_way
from venuesdk.wire.resolve import Lookup, resolve
from venuesdk.wire.sockets import Address, dial
from venuesdk.wire.tls import explain
from venuesdk.wire.websocket import context_for

__all__ = [
    "Barrier",
    "Reach",
    "TlsFault",
    "TlsView",
    "Way",
    "address_text",
    "look_at_tls",
    "look_up",
    "reach",
    "try_tunnel",
]


class Barrier(enum.Enum):
    """What stands between this machine and an address."""

    REFUSED = "refused"
    """Somebody said no: nobody listens there, or a firewall rejects."""
    UNANSWERED = "unanswered"
    """Nobody said anything: packets are lost or dropped."""
    UNREACHABLE = "unreachable"
    """This machine, or a router, knows no way there."""
    OTHER = "other"


class TlsFault(enum.Enum):
    """Why TLS was not agreed on."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    WRONG_HOST = "wrong host"
    SELF_SIGNED = "self-signed"
    UNKNOWN_AUTHORITY = "unknown authority"
    BAD_CERTIFICATE = "bad certificate"
    NOT_TLS = "not TLS"
    NOTHING_IN_COMMON = "nothing in common"
    HUNG_UP = "hung up"
    UNANSWERED = "unanswered"
    NO_CONNECTION = "no connection"
    """It did not come to TLS: the connection, its tunnel or the file of authorities failed."""


@frozen
class Way:
    """Where a connection begins: at the venue, or at the proxy that stands before it."""

    endpoint: Endpoint
    proxy: Proxy | None = None

    @property
    def host(self) -> str:
        """The host whose name is looked up here."""
        return self.endpoint.host if self.proxy is None else self.proxy.host

    @property
    def port(self) -> int:
        """The port that is connected to from here."""
        return self.endpoint.port if self.proxy is None else self.proxy.port


@frozen
class Reach:
    """What came of connecting to one address; `reason` is the system's own word for it."""

    barrier: Barrier | None = None
    reason: str = ""


@frozen
class TlsView:
    """What was seen of TLS; `chain` begins with the venue's own certificate, where one came."""

    version: str = ""
    cipher: str = ""
    chain: tuple[Certificate, ...] = ()
    fault: TlsFault | None = None
    reason: str = ""


_BARRIERS = {
    os.strerror(errno.ECONNREFUSED): Barrier.REFUSED,
    os.strerror(errno.ENETUNREACH): Barrier.UNREACHABLE,
    os.strerror(errno.EHOSTUNREACH): Barrier.UNREACHABLE,
    os.strerror(errno.EADDRNOTAVAIL): Barrier.UNREACHABLE,
    os.strerror(errno.ETIMEDOUT): Barrier.UNANSWERED,
}
"""The words in which a connection's failure is told, which are the system's."""

_VERDICTS = {
    9: TlsFault.NOT_YET_VALID,
    10: TlsFault.EXPIRED,
    18: TlsFault.SELF_SIGNED,
    2: TlsFault.UNKNOWN_AUTHORITY,
    19: TlsFault.UNKNOWN_AUTHORITY,
    20: TlsFault.UNKNOWN_AUTHORITY,
    21: TlsFault.UNKNOWN_AUTHORITY,
    62: TlsFault.WRONG_HOST,
    64: TlsFault.WRONG_HOST,
}
"""OpenSSL's verdicts on a certificate (X509_V_ERR_…, openssl-verification-options(1))."""

_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE",
     "PACKET_LENGTH_TOO_LONG", "BAD_RECORD_TYPE", "NOT_SSL_RECORD_OR_UNEXPECTED_MESSAGE"}
)  # fmt: skip


def look_up(way: Way, deadline: Deadline, lookup: Lookup | None = None) -> list[Address]:
    """Return the addresses of the way's host, each once, in the order in which they are tried.

    Blocks until the deadline at most. Raises ConnectFailed or ConnectTimeout.
    """
    found: dict[str, Address] = {}
    for one in resolve(way.host, way.port, deadline, lookup):
        found.setdefault(address_text(one), one)
    return list(found.values())


def address_text(address: Address) -> str:
    """Return the IP address of an entry."""
    text: str = address[4][0]
    return text


def reach(address: Address, deadline: Deadline) -> Reach:
    """Connect to one address, and close again; blocks until the deadline at most."""
    try:
        dial([address], deadline, address_text(address)).close()
    except ConnectTimeout:
        return Reach(Barrier.UNANSWERED, "no answer")
    except ConnectFailed as error:
        reason = str(error).rpartition(": ")[2]
        return Reach(_BARRIERS.get(reason, Barrier.OTHER), reason)
    return Reach()


def try_tunnel(way: Way, addresses: Sequence[Address], deadline: Deadline) -> None:
    """Ask the way's proxy for a tunnel, and close it again.

    Blocks until the deadline at most. Raises ConnectFailed, with the ``status`` that the proxy
    answered, or ConnectTimeout.
    """
    _open(way, addresses, deadline).close()


def look_at_tls(way: Way, addresses: Sequence[Address], deadline: Deadline) -> TlsView:
    """Agree on TLS as the client does, and close again; return what was seen.

    Blocks until the deadline at most, and raises nothing of what the network or the peer did.
    Raises ValueError for an endpoint that is not encrypted.
    """
    try:
        context = context_for(way.endpoint)
        if context is None:
            raise ValueError("an endpoint that is not encrypted has no TLS to look at")
        sock = _open(way, addresses, deadline)
    except ConnectFailed as error:
        return TlsView(fault=TlsFault.NO_CONNECTION, reason=str(error))
    try:
        with sock:
            tls = agree_on_tls(sock, context, way.endpoint.host, deadline)
    except ssl.SSLCertVerificationError as error:
        fault = _VERDICTS.get(error.verify_code, TlsFault.BAD_CERTIFICATE)
        chain = _look_without_judging(way, addresses, deadline)
        return TlsView(chain=chain, fault=fault, reason=str(error.verify_message))
    except ssl.SSLError as error:
        not_tls = error.reason in _NOT_TLS
        fault = TlsFault.NOT_TLS if not_tls else TlsFault.NOTHING_IN_COMMON
        return TlsView(fault=fault, reason=explain(error))
    except ConnectFailed as error:
        return TlsView(fault=TlsFault.HUNG_UP, reason=str(error))
    except OSError as error:
        return TlsView(fault=TlsFault.HUNG_UP, reason=explain(error))
    except ValueError:
        reason = f"no certificate can be for {way.endpoint.host}"
        return TlsView(fault=TlsFault.NO_CONNECTION, reason=reason)
    if tls is None:
        return TlsView(fault=TlsFault.UNANSWERED, reason="the TLS handshake was not answered")
    version, cipher = tls.agreed
    return TlsView(version, cipher, tls.chain())


def _look_without_judging(
    way: Way, addresses: Sequence[Address], deadline: Deadline
) -> tuple[Certificate, ...]:
    """Return the certificates that were refused; nothing is ever sent to who shows them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError, ConnectFailed):
        with _open(way, addresses, deadline) as sock:
            tls = agree_on_tls(sock, context, way.endpoint.host, deadline)
        return () if tls is None else tls.chain(verified=False)
    return ()


def _open(way: Way, addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
    return open_way(addresses, way.endpoint.host, way.endpoint.port, deadline, way.proxy)
