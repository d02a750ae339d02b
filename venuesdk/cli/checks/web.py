"""What a venue's HTTP side answers, and what its answer tells of this machine's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from attrs import evolve

from ...errors import NetworkError, ProtocolError
from ...models import HttpRequest, HttpResponse
from ...timing import Deadline, monotonic, wall_clock
from ...wire.endpoint import Endpoint, without_query
from ...wire.http import HttpConnection
from .finding import Finding, failed, ok, skipped, warning
from .visit import Visit

__all__ = ["clock_offset", "http_side"]

LARGE_OFFSET = 2.0
"""Seconds that a clock may be wrong without a word, beyond what is uncertain."""
HARMFUL_OFFSET = 60.0
"""Seconds after which what a clock writes (an order's expiry) is not what is meant."""


def http_side(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Ask over HTTP, of the HTTP side where the venue has one; and compare the clocks."""
    subject = visit.subject
    own = bool(subject.http_url)
    base_url = subject.http_url or _site_of(visit.way.endpoint)
    site = without_query(base_url).rstrip("/")
    try:
        connection = HttpConnection(
            base_url,
            ca_file=subject.ca_file,
            environment_proxy=subject.environment_proxy,
            has_credentials=bool(subject.client_class.credentials),
        )
    except (ValueError, OSError) as error:
        yield failed(f"{site}: {error}", "Check --http-url and --ca-file.")
        return
    began, asked_at = wall_clock(), monotonic()
    try:
        response = connection.request(HttpRequest("GET", "/"), deadline)
    except (NetworkError, ProtocolError) as error:
        yield _no_http(site, error, own)
        return
    finally:
        connection.close()
    took = monotonic() - asked_at
    yield evolve(_judge_http(site, response), seconds=took)
    yield evolve(_judge_clock(response, began, took), check="clock", seconds=0.0)


def _site_of(endpoint: Endpoint) -> str:
    return f"{'https' if endpoint.secure else 'http'}://{endpoint.authority}"


def _no_http(site: str, error: Exception, own: bool) -> Finding:
    said = f"GET {site}/: {error}"
    if not own:
        return skipped(f"{said}: it need not speak HTTP; the clocks are not compared")
    return failed(said, "Check --http-url; if it is right, its host has this trouble itself.")


def _judge_http(site: str, response: HttpResponse) -> Finding:
    status = response.status
    said = f"GET {site}/ is answered with {status}"
    if status >= 500:
        advice = "The venue's gateway is in trouble: see its status page."
        return warning(said, advice, status=status)
    if status == 429:
        return warning(
            said, "Too many requests come from here: make fewer, and wait.", status=status
        )
    elsewhere = urlsplit(response.headers.get("location", "")).hostname
    if 300 <= status < 400 and elsewhere and elsewhere != urlsplit(site).hostname:
        return warning(
            f"{said}, to {elsewhere}",
            "No redirect is followed. If you do not know that host, a login page of your network "
            "stands in between; else the venue has moved.",
            status=status,
        )
    return ok(said, status=status)


def _judge_clock(response: HttpResponse, began: float, took: float) -> Finding:
    told = response.headers.get("date", "")
    found = clock_offset(told, response.headers.get("age", ""), began, took)
    if found is None:
        return skipped("the venue's answer has no Date to compare with")
    offset, uncertainty = found
    facts = {"offset_seconds": round(offset, 3), "uncertainty_seconds": round(uncertainty, 3)}
    direction = "ahead of" if offset > 0 else "behind"
    said = f"this clock is {abs(offset):.1f} s {direction} the venue's, ± {uncertainty:.1f} s"
    beyond = abs(offset) - uncertainty
    advice = "Let NTP set this machine's clock (timedatectl status, chronyc tracking)."
    if beyond > HARMFUL_OFFSET:
        utc = datetime.fromtimestamp(began, timezone.utc)
        return failed(
            f"{said} (here it is {utc:%Y-%m-%d %H:%M:%S} UTC)",
            f"{advice} Until then certificates and the expiry of orders are judged wrongly.",
            **facts,
        )
    if beyond > LARGE_OFFSET:
        return warning(said, advice, **facts)
    if abs(offset) <= uncertainty:
        said = f"this clock and the venue's agree, ± {uncertainty:.1f} s"
    return ok(said, **facts)


def clock_offset(date: str, age: str, began: float, took: float) -> tuple[float, float] | None:
    """Return how far this clock is ahead of an answer's ``Date``, and the uncertainty, in seconds.

    The venue wrote its whole second at some time while the request was under way, which `began`
    and `took` tell by this clock; so the truth lies within half of that way, and half a second,
    of what is returned. A cache's ``Age`` counts. None where there is no date.
    """
    try:
        told = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    if age.isascii() and age.isdigit():
        told += int(age[:9])
    return (began + took / 2) - (told + 0.5), took / 2 + 0.5
