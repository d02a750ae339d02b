"""Address, proxy, name and TCP: each fault by its name, with what to do."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any

import pytest

from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer, UnansweredPort

SKIPPED = ["TLS", "HTTP", "upgrade", "heartbeat", "login", "read", "close"]


def test_a_good_way_is_told_step_by_step(look: Any) -> None:
    """An address that needs no lookup, no proxy, and a port that answers."""
    with simulate("onyx") as venue:
        seen = look("onyx", venue.url, credentials=venue.credentials)
    assert seen["address"].said == venue.url
    assert "none is used" in seen["proxy"].said
    assert seen["name"].facts["addresses"] == ["127.0.0.1"]
    assert seen["TCP"].said == venue.url.removeprefix("ws://").partition("/")[0]
    assert "failed" not in seen.verdicts.values()


def test_credentials_in_the_clear_are_refused_before_anything_is_sent(look: Any) -> None:
    """ws:// to another host is what no client connects to; the query of a URL is not shown."""
    seen = look("onyx", "ws://venue.invalid/?token=abc123")
    assert seen["address"].verdict.value == "failed"
    assert "use wss://" in seen["address"].said
    assert "abc123" not in repr(seen.findings)
    assert seen["name"].said == "address failed above"


def test_a_name_that_is_unknown_is_told(look: Any) -> None:
    """And everything behind it is skipped, with the reason."""
    seen = look("infinex", "wss://venue.invalid")
    assert seen["name"].verdict.value == "failed"
    assert "no address for venue.invalid: Name or service not known" in seen["name"].said
    assert "Check the spelling" in seen["name"].advice
    assert {seen.verdicts[one] for one in ["TCP", *SKIPPED]} == {"skipped"}
    assert {seen[one].said for one in ["TCP", *SKIPPED]} == {"name failed above"}


def test_a_name_server_that_is_mute_costs_the_timeout(look: Any) -> None:
    """What to look at then is said."""
    ended = threading.Event()

    def hanging(host: str, port: int, *, type: int) -> list[Any]:
        ended.wait(10)
        return []

    try:
        seen = look("infinex", "wss://venue.invalid", lookup=hanging, timeout=0.2)
    finally:
        ended.set()
    assert seen["name"].verdict.value == "failed"
    assert "no answer in time" in seen["name"].said
    assert "resolv.conf" in seen["name"].advice
    assert 0.2 <= (seen["name"].seconds or 0) < 1.5


def test_a_venues_own_name_that_leads_inside_is_told(
    look: Any, lookup: Any, closed_port: int
) -> None:
    """A hosts file or a filter answers; a name that the user chose may lead anywhere."""
    seen = look("infinex", usual=True, lookup=lookup(("127.0.0.1", closed_port)))
    assert seen["name"].verdict.value == "warning"
    assert "127.0.0.1 is no address of the public network" in seen["name"].said
    assert "/etc/hosts" in seen["name"].advice
    chosen = look("infinex", "wss://venue.invalid", lookup=lookup(("127.0.0.1", closed_port)))
    assert chosen["name"].verdict.value == "ok"
    assert "(1 IPv4, 0 IPv6)" in chosen["name"].said


def test_a_port_that_refuses_is_told(look: Any, closed_port: int) -> None:
    """Refused is not the same as no answer."""
    seen = look("infinex", f"ws://127.0.0.1:{closed_port}/")
    assert seen["TCP"].verdict.value == "failed"
    assert seen["TCP"].said == f"127.0.0.1:{closed_port}: the connection was refused"
    assert "Nobody listens" in seen["TCP"].advice
    assert {seen.verdicts[one] for one in SKIPPED} == {"skipped"}


def test_a_port_that_answers_nothing_is_told(look: Any) -> None:
    """It costs no more than the timeout."""
    with UnansweredPort() as hole:
        seen = look("infinex", f"ws://127.0.0.1:{hole.port}/", timeout=0.2)
    assert seen["TCP"].verdict.value == "failed"
    assert "no answer" in seen["TCP"].said
    assert "firewall drops" in seen["TCP"].advice
    assert 0.2 <= (seen["TCP"].seconds or 0) < 1.5


def test_each_address_is_tried_by_itself(look: Any, lookup: Any, closed_port: int) -> None:
    """One that fails beside one that answers is a warning: clients go on to the next."""
    with simulate("infinex") as venue:
        port = int(venue.url.rpartition(":")[2].partition("/")[0])
        places = [("127.0.0.2", closed_port), ("127.0.0.1", port), ("127.0.0.1", port)]
        seen = look("infinex", f"ws://localhost:{port}/", lookup=lookup(*places))
    refused, good = seen.all("TCP")
    assert (refused.verdict.value, good.verdict.value) == ("warning", "ok")
    assert "goes on to the next" in refused.advice
    assert "(2 IPv4, 0 IPv6)" in seen["name"].said


def test_addresses_that_there_is_no_time_for_are_not_called_mute(look: Any, lookup: Any) -> None:
    """The first one that does not answer may take it all; the others are named."""
    with UnansweredPort() as hole:
        places = [("127.0.0.1", hole.port), ("127.0.0.2", hole.port)]
        url = f"ws://localhost:{hole.port}/"
        seen = look("infinex", url, lookup=lookup(*places), timeout=0.1)
    assert [one.verdict.value for one in seen.all("TCP")] == ["failed", "skipped"]
    assert seen.all("TCP")[1].said == "not tried, for want of time: 127.0.0.2"
    assert seen["upgrade"].said == "TCP failed above"


# ---- proxies -----------------------------------------------------------------------------------


@pytest.fixture
def through(look: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what examines Infinex through a proxy that plays a part."""

    def examined(play: Any, url: str = "ws://localhost:9/", **options: Any) -> Any:
        with HostileServer(play) as server:
            monkeypatch.setenv("http_proxy", server.http_url)
            return look("infinex", url, environment_proxy=True, **options)

    return examined


def tunnel(peer: Any) -> None:
    """Be a proxy: connect to where one is asked to, and pass everything on."""
    where = peer.read_head().split(b" ")[1].decode()
    host, _, port = where.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as venue:
        peer.respond("200 Connection established")
        ends = [peer.socket, venue]
        while True:
            for one in select.select(ends, [], [])[0]:
                data = one.recv(65536)
                if not data:
                    return
                ends[1 - ends.index(one)].sendall(data)


def test_a_proxy_that_opens_its_tunnel_is_part_of_the_way(through: Any) -> None:
    """TCP is to the proxy, and the upgrade goes through it."""
    with simulate("infinex") as venue:
        seen = through(tunnel, venue.url, http_url=venue.http_url)
    assert seen["proxy"].verdict.value == "ok"
    assert "without a login" in seen["proxy"].said
    assert seen["TCP"].said == seen["proxy"].facts["proxy"].removeprefix("http://")
    assert seen["tunnel"].verdict.value == "ok"
    assert seen["upgrade"].verdict.value == seen["read"].verdict.value == "ok"


@pytest.mark.parametrize(
    ("play", "said", "advice"),
    [
        ("proxy_wants_login", "407", "user and password"),
        ("proxy_hangs", "did not answer in time", "hangs"),
        ("proxy_garbage", "not HTTP", "not be an HTTP proxy"),
    ],
)
def test_a_proxy_that_gives_no_tunnel_is_told(
    through: Any, play: str, said: str, advice: str
) -> None:
    """Its own line says why, and what is behind is skipped."""
    seen = through(play, timeout=0.2)
    assert seen["TCP"].verdict.value == "ok"
    assert seen["tunnel"].verdict.value == "failed"
    assert said in seen["tunnel"].said
    assert advice in seen["tunnel"].advice
    assert seen["upgrade"].said == "tunnel failed above"


def test_a_host_that_the_environment_exempts_is_told(
    look: Any, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    """no_proxy may be the answer to why the proxy is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    seen = look("infinex", f"ws://127.0.0.1:{closed_port}/", environment_proxy=True)
    assert seen["proxy"].verdict.value == "skipped"
    assert "no_proxy" in seen["proxy"].said


def test_a_proxy_of_another_kind_is_refused(
    look: Any, monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """SOCKS is not spoken, and its login is not shown."""
    monkeypatch.setenv("all_proxy", f"socks5://me:{canaries.api_secret}@127.0.0.1:9")
    seen = look("infinex", "ws://127.0.0.1:9/", environment_proxy=True)
    assert seen["proxy"].verdict.value == "failed"
    assert "http://" in seen["proxy"].advice
    assert seen["name"].said == "proxy failed above"
