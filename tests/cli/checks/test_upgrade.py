"""The upgrade and the heartbeat: each refusal with its advice."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer


@pytest.mark.parametrize(
    ("play", "said", "advice"),
    [
        ("refused_401", "AuthenticationError: the venue refused the conn", "allow-list"),
        ("refused_403", "(403)", "blocked region"),
        ("refused_429", "RateLimitExceeded", "wait (1 s, it says)"),
        ("refused_503", "HTTP status 503", "status page"),
        ("http_302", "HTTP status 302: a redirect, which is never followed", "has moved"),
        ("http_web_page", "HTTP status 200: no upgrade", "check the path"),
        ("wrong_accept", "Accept does not fit", "not this venue's WebSocket"),
        ("garbage_answer", "not HTTP", "not this venue's WebSocket"),
        ("finish_at_once", "the peer closed the connection", "hangs up on it"),
    ],
)
def test_a_refused_upgrade_is_told(look: Any, play: str, said: str, advice: str) -> None:
    """In the SDK's words, and with what to do; what is behind it is skipped."""
    with HostileServer(play) as server:
        seen = look("infinex", server.url)
    assert seen["upgrade"].verdict.value == "failed"
    assert said in seen["upgrade"].said
    assert advice in seen["upgrade"].advice
    behind = ("heartbeat", "login", "read", "close")
    assert {seen[one].said for one in behind} == {"upgrade failed above"}


def test_a_server_that_is_mute_is_told_in_time(look: Any) -> None:
    """TCP is good, and nothing comes."""
    with HostileServer("silent") as server:
        seen = look("infinex", server.url, timeout=0.2)
    assert seen["TCP"].verdict.value == "ok"
    assert "did not finish the upgrade in time" in seen["upgrade"].said
    assert "does not answer" in seen["upgrade"].advice
    assert 0.2 <= (seen["upgrade"].seconds or 0) < 1.5


@pytest.mark.parametrize("venue", ["onyx", "infinex"])
def test_a_good_upgrade_is_followed_by_pings(look: Any, venue: str) -> None:
    """Of the WebSocket's own kind, or the venue's where it has one: with the median."""
    with simulate(venue) as simulator:
        options = {"http_url": simulator.http_url or "", "credentials": simulator.credentials}
        seen = look(venue, simulator.url, **options)
    assert seen["upgrade"].facts == {"status": 101}
    kind = "WebSocket pings" if venue == "onyx" else "pings of the venue's own kind"
    assert f"5 {kind}: p50 " in seen["heartbeat"].said
    facts = seen["heartbeat"].facts
    assert 0 < facts["p50_ms"] <= facts["longest_ms"]


def test_pings_that_nobody_answers_are_told(look: Any) -> None:
    """The connection stands, and is mute."""

    def mute(peer: Any) -> None:
        peer.accept()
        peer.drain()

    with HostileServer(mute) as server:
        seen = look("onyx", server.url, credentials={"token": "x"}, timeout=0.2)
    assert seen["upgrade"].verdict.value == "ok"
    assert seen["heartbeat"].verdict.value == "failed"
    assert seen["heartbeat"].said == "no ping was answered in 0.2 s"
    assert "holds frames back" in seen["heartbeat"].advice


def test_messages_are_no_answer_to_a_ping(look: Any) -> None:
    """Only a control frame is: a stream beside it proves nothing of the pings."""

    def chatter(peer: Any) -> None:
        peer.accept(behind=b"\x81\x02hi")
        for _ in range(100):
            peer.send(b"\x81\x02hi" * 3)
            peer.pause(0.01)

    with HostileServer(chatter) as server:
        seen = look("onyx", server.url, credentials={"token": "x"}, timeout=0.2)
    assert seen["heartbeat"].said == "no ping was answered in 0.2 s"


def test_a_connection_that_ends_at_once_is_told(look: Any) -> None:
    """With the code that the venue gave."""

    def leave(peer: Any) -> None:
        peer.accept()
        peer.read_frame()
        peer.send(b"\x88\x02" + (1013).to_bytes(2, "big"))
        peer.finish()
        peer.drain()

    with HostileServer(leave) as server:
        seen = look("onyx", server.url, credentials={"token": "x"})
    assert seen["heartbeat"].verdict.value == "failed"
    assert "code 1013" in seen["heartbeat"].said
    assert "status page" in seen["heartbeat"].advice


# ---- a venue that hands out its address ---------------------------------------------------------


def test_a_connection_key_is_asked_for_first(look: Any) -> None:
    """Its line says where it comes from, and nothing of the key."""
    with simulate("loopring") as venue:
        credentials = venue.credentials
        seen = look("loopring", venue.url, http_url=venue.http_url, credentials=credentials)
    assert seen["connection key"].said == f"handed out by {venue.http_url}/v3/ws/key"
    assert seen["upgrade"].verdict.value == "ok"
    assert "wsApiKey=" not in repr(seen.findings)


@pytest.mark.parametrize(
    ("play", "said", "advice"),
    [
        ("http_401", "AuthenticationError", "look at key"),
        ("http_429", "RateLimitExceeded", "wait"),
        ("http_503", "VenueUnavailable", "status page"),
        ("http_garbage", "", "--http-url"),
    ],
)
def test_a_refused_connection_key_is_told(look: Any, play: str, said: str, advice: str) -> None:
    """Without it there is no upgrade."""

    with simulate("loopring") as venue, HostileServer(play) as web:
        seen = look("loopring", venue.url, http_url=web.http_url)
    assert seen["connection key"].verdict.value == "failed"
    assert said in seen["connection key"].said
    assert advice in seen["connection key"].advice
    assert seen["login"].said == "connection key failed above"


def test_a_connection_key_needs_an_http_side(look: Any) -> None:
    """A URL of another venue is never mixed with the venue's own HTTP side."""
    with simulate("loopring") as venue:
        seen = look("loopring", venue.url)
    assert seen["connection key"].verdict.value == "failed"
    assert "--http-url beside --url" in seen["connection key"].advice
