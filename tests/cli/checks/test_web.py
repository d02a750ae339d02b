"""The HTTP side, and the clock that its answer is compared with."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from venuesdk.cli.checks.web import clock_offset
from venuesdk.testing.faults import HostileServer
from venuesdk.timing import wall_clock


def answering(status: str, *headers: str) -> Callable[[Any], None]:
    """Return a play that answers everything so, once its request was read."""

    def play(peer: Any) -> None:
        peer.read_head()
        peer.respond(status, "Content-Length: 0", *headers)
        peer.drain()

    return play


@pytest.fixture
def asked(look: Any) -> Any:
    """Return what examines Infinex with an HTTP side that answers so."""

    def examined(status: str, *headers: str, **options: Any) -> Any:
        with HostileServer(answering(status, *headers)) as server:
            return look("infinex", server.url, http_url=server.http_url, **options)

    return examined


@pytest.mark.parametrize(
    ("ahead", "verdict", "said"),
    [
        (0.0, "ok", "agree"),
        (20.0, "warning", "ahead of"),
        (-20.0, "warning", "behind"),
        (3600.0, "failed", "ahead of"),
    ],
)
def test_a_clock_that_is_wrong_is_told(
    look: Any, ahead: float, verdict: str, said: str
) -> None:
    """With how sure that is; beyond a minute it fails, for orders expire by it."""

    def play(peer: Any) -> None:
        peer.read_head()
        date = formatdate(wall_clock() - ahead, usegmt=True)
        peer.respond("404 Not Found", "Content-Length: 0", f"Date: {date}")
        peer.drain()

    with HostileServer(play) as server:
        finding = look("infinex", server.url, http_url=server.http_url)["clock"]
    assert finding.verdict.value == verdict
    assert "± 0." in finding.said
    offset, uncertainty = finding.facts["offset_seconds"], finding.facts["uncertainty_seconds"]
    assert abs(offset - ahead) <= uncertainty + 0.001  # they are told in whole milliseconds
    assert 0.5 <= uncertainty < 1.5
    assert said in finding.said
    assert ("NTP" in finding.advice) == (verdict != "ok")


def test_the_time_on_the_way_makes_it_less_certain() -> None:
    """By hand: asked at 100.0, answered 4 s later with the date 101: 102 against 101.5."""
    told = formatdate(101, usegmt=True)
    assert clock_offset(told, "", 100.0, 4.0) == (0.5, 2.5)
    assert clock_offset(told, "50", 100.0, 4.0) == (-49.5, 2.5)


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Nov 2026 00:00:00 GMT"])
def test_without_a_date_nothing_is_compared(date: str, asked: Any) -> None:
    """That is said, and is no fault."""
    assert clock_offset(date, "", 0.0, 0.0) is None
    finding = asked("200 OK", *([f"Date: {date}"] if date else []))["clock"]
    assert finding.verdict.value == "skipped"
    assert "no Date" in finding.said


@pytest.mark.parametrize(
    ("status", "headers", "verdict", "advice"),
    [
        ("404 Not Found", (), "ok", ""),
        ("401 Unauthorized", (), "ok", ""),
        ("502 Bad Gateway", (), "warning", "status page"),
        ("429 Too Many Requests", (), "warning", "wait"),
        ("302 Found", ("Location: http://portal.example/login?t=1",), "warning", "login page"),
        ("302 Found", ("Location: /docs",), "ok", ""),
    ],
)
def test_the_status_is_judged(
    asked: Any, status: str, headers: tuple[str, ...], verdict: str, advice: str
) -> None:
    """That a server answers is enough; trouble of the gateway, and a portal, are told."""
    finding = asked(status, *headers)["HTTP"]
    assert finding.verdict.value == verdict
    assert status[:3] in finding.said
    assert advice in finding.advice
    if "portal" in "".join(headers):
        assert finding.said.endswith("to portal.example")


def test_an_http_side_that_is_gone_fails_only_where_the_venue_has_one(
    look: Any, closed_port: int
) -> None:
    """A venue that speaks WebSocket alone may well answer nothing else."""

    def mute(peer: Any) -> None:
        peer.read_head()
        peer.finish()

    with HostileServer(mute) as server:
        gone = f"http://127.0.0.1:{closed_port}"
        own = look("infinex", server.url, http_url=gone)["HTTP"]
        other = look("infinex", server.url)["HTTP"]
    assert (own.verdict.value, other.verdict.value) == ("failed", "skipped")
    assert "refused" in own.said
    assert "--http-url" in own.advice
    assert "need not speak HTTP" in other.said


def test_credentials_in_the_clear_are_refused_here_too(look: Any) -> None:
    """http:// to another host is what no client asks."""
    with HostileServer("refused_503") as server:
        finding = look("infinex", server.url, http_url="http://venue.invalid")["HTTP"]
    assert finding.verdict.value == "failed"
    assert "https://" in finding.said
