"""What can be wrong with TLS: whether both ends agree, who vouches for the venue, and until when.

The judgement is that of the client's own context; here it is put into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from ...timing import Deadline, wall_clock
from ...wire.certificates import Certificate
from ...wire.probe import TlsFault, TlsView, look_at_tls
from .finding import Finding, failed, ok, skipped, warning
from .visit import Visit

__all__ = ["TLS_ADVICE", "tls"]

FEW_DAYS = 14
"""A certificate with fewer days left should be renewed by now."""

TLS_ADVICE: Mapping[TlsFault, tuple[str, str]] = {
    TlsFault.EXPIRED: (
        "the certificate has expired",
        "The venue must renew it: tell them. If this machine's clock is wrong, set it.",
    ),
    TlsFault.NOT_YET_VALID: (
        "the certificate is not valid yet",
        "This machine's clock is probably behind: set it (timedatectl, NTP).",
    ),
    TlsFault.WRONG_HOST: (
        "the certificate is for another host",
        "Somebody else answers in the venue's place (DNS, hosts file, a proxy), or the host of the "
        "URL is not the one that the certificate names.",
    ),
    TlsFault.SELF_SIGNED: (
        "the certificate is self-signed: nobody vouches for it",
        "If you trust it, give its PEM file: ca_file= of the client, --ca-file here. If it should "
        "be the venue's own, something stands in between.",
    ),
    TlsFault.UNKNOWN_AUTHORITY: (
        "the certificate is from an authority that this machine does not know",
        "Look at who issued it. A firewall or proxy that opens TLS: give its authority's PEM file, "
        "ca_file= of the client, --ca-file here. A public authority: this machine's authorities "
        "are out of date (ca-certificates), or the venue does not send its whole chain.",
    ),
    TlsFault.BAD_CERTIFICATE: (
        "the certificate does not hold",
        "The venue, or whoever stands in between, must put it right.",
    ),
    TlsFault.NOT_TLS: (
        "what answers does not speak TLS",
        "This is a port without TLS, or a proxy's own page: check the port, and ws:// or wss://.",
    ),
    TlsFault.NOTHING_IN_COMMON: (
        "no version of TLS, or no cipher, that both ends speak",
        "Look at the versions of Python and OpenSSL above; the client speaks TLS 1.2 and newer.",
    ),
    TlsFault.HUNG_UP: (
        "the connection ended in the middle of the handshake",
        "A firewall that filters by host name does this, or a load balancer without a venue behind "
        "it: try from another network.",
    ),
    TlsFault.UNANSWERED: (
        "the TLS handshake was not answered",
        "The port is open, and nobody talks: a firewall or a load balancer that hangs, or a venue "
        "under load. Try again, and from another network.",
    ),
    TlsFault.NO_CONNECTION: (
        "no connection to agree on TLS over",
        "The connection that was there a moment ago could not be made again: try again.",
    ),
}

def tls(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Agree on TLS, and look at the certificate."""
    if not visit.way.endpoint.secure:
        yield skipped("ws:// is not encrypted")
        return
    view = look_at_tls(visit.way, visit.addresses, deadline)
    if view.fault is None:
        yield ok(f"{view.version}, {view.cipher}", version=view.version, cipher=view.cipher)
        if view.chain:
            finding = _judge_certificate(view.chain)
            yield evolve(finding, check="certificate", seconds=0.0)
        return
    yield _judge_fault(view, visit)


def _judge_fault(view: TlsView, visit: Visit) -> Finding:
    fault = view.fault or TlsFault.BAD_CERTIFICATE
    said, advice = TLS_ADVICE[fault]
    facts = {"fault": fault.value, "chain": [one.subject for one in view.chain]}
    if view.chain:
        leaf = view.chain[0]
        shown = {
            TlsFault.EXPIRED: f"on {leaf.not_after:%Y-%m-%d}",
            TlsFault.NOT_YET_VALID: f"before {leaf.not_before:%Y-%m-%d}",
            TlsFault.WRONG_HOST: f"for {', '.join(leaf.names) or leaf.subject}, "
            f"not {visit.way.endpoint.host}",
        }.get(fault, "")
        said = f"{said}, {shown}" if shown else said
        said = f"{said}; {_chain_text(view.chain)}"
    elif fault not in (TlsFault.UNANSWERED, TlsFault.HUNG_UP):
        said = f"{said}: {view.reason}"
    return failed(said, advice, **facts)


def _judge_certificate(chain: tuple[Certificate, ...]) -> Finding:
    leaf, now = chain[0], wall_clock()
    last = min(chain, key=lambda one: one.not_after_seconds)
    days = int(leaf.days_left(now))
    said = f"{_chain_text(chain)}; ends {leaf.not_after:%Y-%m-%d}, in {days} days"
    facts = {
        "chain": [one.subject for one in chain],
        "not_after": leaf.not_after,
        "days_left": days,
    }
    if last.days_left(now) < FEW_DAYS:
        whose = "it" if last is leaf else f"that of {last.subject}"
        return warning(
            f"{said}: {whose} has {int(last.days_left(now))} days left",
            "The venue should have renewed it by now: tell them, before nobody can connect.",
            **facts,
        )
    return ok(said, **facts)


def _chain_text(chain: tuple[Certificate, ...]) -> str:
    """Return who is vouched for by whom: a box that opens TLS shows here, as an issuer."""
    names = [one.subject for one in chain]
    if not chain[-1].self_signed:
        names.append(chain[-1].issuer)
    return f"{names[0]}, issued by {' ← '.join(names[1:]) or 'itself'}"
