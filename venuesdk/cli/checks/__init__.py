"""What is looked at when a connection does not work, as functions that yield findings.

Nothing here knows how a finding is shown, nor of a command line.
"""

from __future__ import annotations

from .conversation import end, login, read
from .encryption import tls
from .finding import Finding, Verdict
from .machine import credentials, environment, versions
from .network import address, name, proxy, tcp
from .upgrade import heartbeat, upgrade
from .visit import Check, Subject, Visit, examine
from .web import http_side

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "Subject",
    "Verdict",
    "Visit",
    "address",
    "credentials",
    "end",
    "environment",
    "examine",
    "heartbeat",
    "http_side",
    "login",
    "name",
    "proxy",
    "read",
    "tcp",
    "tls",
    "upgrade",
    "versions",
]

CHECKS = (
    Check("credentials", credentials),
    Check("address", address),
    Check("proxy", proxy, ("address",)),
    Check("name", name, ("address", "proxy")),
    Check("TCP", tcp, ("name",)),
    Check("TLS", tls, ("TCP",)),
    Check("HTTP", http_side, ("TCP", "TLS")),
    Check("upgrade", upgrade, ("TCP", "TLS")),
    Check("heartbeat", heartbeat, ("upgrade",)),
    Check("login", login, ("upgrade", "credentials")),
    Check("read", read, ("login",)),
    Check("close", end, ("login",)),
)
"""Every check of one venue, in the order of a connection."""
