"""What can be wrong on the way to a venue's door: its address, a proxy, its name, each of its IPs.

Each step is the client's own; see `venuesdk.wire.probe`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from attrs import evolve

from ...errors import ConnectFailed, ConnectTimeout
from ...timing import Deadline, monotonic
from ...wire.endpoint import Endpoint, is_loopback, without_query
from ...wire.probe import Barrier, Reach, address_text, look_up, reach, try_tunnel
from ...wire.proxy import environment_proxy
from .finding import Finding, failed, ok, skipped, warning
from .visit import Visit

__all__ = ["address", "name", "proxy", "tcp"]

LONGEST_REACH = 3.0
"""Seconds that one address may take to answer; several may have to be tried."""
MOST_ADDRESSES = 8

BARRIERS: Mapping[Barrier, tuple[str, str]] = {
    Barrier.REFUSED: (
        "the connection was refused",
        "Nobody listens on this port, or a firewall rejects it: check host and port; if they are "
        "right the venue is down: see its status page.",
    ),
    Barrier.UNANSWERED: (
        "no answer",
        "A firewall drops what is sent there, or the host is down: ask for this port to be opened "
        "outwards, or try from another network.",
    ),
    Barrier.UNREACHABLE: (
        "there is no way there",
        "This machine, or its router, has no route: check its network, its VPN, its default route.",
    ),
    Barrier.OTHER: ("the system said no", "Check this machine's network and its firewall."),
}

PROXY_ADVICE: Mapping[int, str] = {
    407: "It wants a login: put user and password into its URL, http://user:password@host:port.",
    403: "It forbids this host: ask whoever runs it to allow the host and port.",
    502: "It cannot reach the venue itself: ask whoever runs it.",
    503: "It cannot reach the venue itself: ask whoever runs it.",
    504: "It cannot reach the venue itself: ask whoever runs it.",
}


def address(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Read the venue's address, and find what could never be used."""
    subject = visit.subject
    secret = bool(subject.client_class.credentials)
    try:
        visit.endpoint = Endpoint(
            subject.url,
            ca_file=subject.ca_file,
            environment_proxy=subject.environment_proxy,
            has_credentials=secret,
        )
    except ValueError as error:
        yield failed(f"{without_query(subject.url)}: {error}", "Check --url.")
        return
    yield ok(without_query(subject.url), url=without_query(subject.url))


def proxy(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Find whether a proxy stands before the venue."""
    endpoint = visit.way.endpoint
    if not endpoint.environment_proxy:
        yield skipped("none is used")
        return
    try:
        visit.proxy = environment_proxy(endpoint.host, endpoint.secure)
    except ConnectFailed as error:
        yield failed(str(error), "Proxies other than http:// are not supported: give one that is.")
        return
    if visit.proxy is None:
        yield skipped(f"the environment names none for {endpoint.host}, or exempts it (no_proxy)")
        return
    login = "with" if visit.proxy.username is not None else "without"
    yield ok(f"{visit.proxy.url}, {login} a login", proxy=visit.proxy.url)


def name(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Look the name up, of the proxy where there is one: it looks the venue's up itself."""
    way = visit.way
    try:
        visit.addresses = look_up(way, deadline, visit.subject.lookup)
    except ConnectTimeout as error:
        yield failed(str(error), "The name server does not answer: check /etc/resolv.conf, VPN.")
        return
    except ConnectFailed as error:
        yield failed(
            str(error),
            "Check the spelling, and whether this machine's name server knows public names "
            f"(getent hosts {way.host}).",
        )
        return
    found = [address_text(one) for one in visit.addresses]
    if found == [way.host]:
        yield ok(f"{way.host}, which is an address already", addresses=found)
        return
    versions = [ipaddress.ip_address(one.partition("%")[0]).version for one in found]
    shown = ", ".join(found[:MOST_ADDRESSES])
    more = f" and {len(found) - MOST_ADDRESSES} more" if len(found) > MOST_ADDRESSES else ""
    count = f"{versions.count(4)} IPv4, {versions.count(6)} IPv6"
    said = f"{way.host} is {shown}{more} ({count})"
    inner = [one for one in found if _is_inner(one)]
    if inner and visit.subject.usual and not is_loopback(way.host) and visit.proxy is None:
        yield warning(
            f"{said}: {', '.join(inner)} is no address of the public network",
            "A hosts file, a VPN or a name server of yours answers in the venue's place: check "
            "/etc/hosts, and ask another name server.",
            addresses=found,
        )
        return
    yield ok(said, addresses=found)


def _is_inner(text: str) -> bool:
    return not ipaddress.ip_address(text.partition("%")[0]).is_global


def tcp(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Connect to each address by itself; then, through a proxy, ask for the tunnel."""
    tried: list[tuple[str, Reach, float]] = []
    for one in visit.addresses[:MOST_ADDRESSES]:
        if deadline.expired():
            break
        started = monotonic()
        found = reach(one, Deadline(deadline.slice(LONGEST_REACH)))
        tried.append((address_text(one), found, monotonic() - started))
    some = any(found.barrier is None for _, found, _ in tried)
    for text, found, took in tried:
        yield evolve(_judge_reach(text, visit.way.port, found, some), seconds=took)
    rest = [address_text(one) for one in visit.addresses[len(tried) :]]
    if rest:
        reason = "for want of time" if len(tried) < MOST_ADDRESSES else "for there are many"
        yield skipped(f"not tried, {reason}: {', '.join(rest)}", addresses=rest)
    if visit.proxy is not None and some:
        yield evolve(_judge_tunnel(visit, Deadline(visit.subject.timeout)), check="tunnel")


def _judge_reach(text: str, port: int, found: Reach, some: bool) -> Finding:
    place = f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
    facts = {"address": text, "port": port}
    if found.barrier is None:
        return ok(place, **facts)
    words, advice = BARRIERS[found.barrier]
    said = f"{place}: {words}"
    if found.barrier is Barrier.OTHER:
        said = f"{said}: {found.reason}"
    if not some:
        return failed(said, advice, **facts)
    if found.barrier is Barrier.UNREACHABLE and ":" in text:
        return skipped(f"{said}: this machine has no IPv6; the client takes the next", **facts)
    return warning(said, f"The client goes on to the next address. {advice}", **facts)


def _judge_tunnel(visit: Visit, deadline: Deadline) -> Finding:
    try:
        try_tunnel(visit.way, visit.addresses, deadline)
    except ConnectTimeout as error:
        return failed(str(error), "The proxy takes connections and hangs: ask whoever runs it.")
    except ConnectFailed as error:
        usual = "It may not be an HTTP proxy: check host and port of the proxy variable."
        advice = usual if error.status is None else PROXY_ADVICE.get(
            error.status, "Ask whoever runs the proxy."
        )  # fmt: skip
        return failed(str(error), advice, status=error.status)
    return ok(f"the proxy opens a tunnel to {visit.way.endpoint.authority}")
