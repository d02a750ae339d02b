"""What FaultProxy does to the connections through it, seen from both of their ends."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from venuesdk import TimexClient
from venuesdk.testing import simulate
from venuesdk.testing.faults import FaultProxy

TARGET = ("127.0.0.1", 1)


# ---- what passes -------------------------------------------------------------------------------


def test_bytes_pass_unchanged_both_ways_and_are_counted(ends: Any) -> None:
    """What either end sends arrives at the other as it was, and the proxy counts it."""
    client, server = ends.pair()
    up, down = bytes(range(256)) * 4000, bytes(reversed(range(256))) * 3000
    sender = threading.Thread(target=client.sendall, args=(up,))
    sender.start()
    assert ends.read(server, len(up)) == up
    sender.join()
    server_sender = threading.Thread(target=server.sendall, args=(down,))
    server_sender.start()
    assert ends.read(client, len(down)) == down
    server_sender.join()
    assert (ends.proxy.bytes_up, ends.proxy.bytes_down) == (len(up), len(down))
    assert (ends.proxy.connections, ends.proxy.accepted) == (1, 1)


def test_an_end_is_passed_on_and_the_other_direction_lives(ends: Any) -> None:
    """A client that has said all may still read; when both have, the connection is gone."""
    client, server = ends.pair()
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    assert ends.read(server, 100) == b"last words"
    server.sendall(b"answer")
    server.close()
    assert ends.read(client, 100) == b"answer"
    assert ends.until(lambda: ends.proxy.connections == 0)
    assert (ends.proxy.bytes_up, ends.proxy.bytes_down, ends.proxy.accepted) == (10, 6, 1)


def test_a_reset_is_passed_on(ends: Any) -> None:
    """An end that resets its connection resets the other's."""
    client, server = ends.pair()
    client.sendall(b"x")
    assert ends.read(server, 1) == b"x"
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_target_that_nobody_listens_on_resets_the_client(make_ends: Callable[..., Any]) -> None:
    """A client whose target cannot be had is told so."""
    ends = make_ends()
    ends.server.close()
    with pytest.raises(ConnectionResetError):
        ends.dial().recv(1)


def test_a_tls_client_works_through_it(tls: Any) -> None:
    """TLS passes through unbroken, certificate and all, at the URL that the proxy gives."""
    with (
        simulate("timex", tls=tls.server_context, interval=None) as venue,
        FaultProxy.for_url(venue.url) as proxy,
        TimexClient(
            url=proxy.url(venue.url), ssl_context=tls.client_context, **venue.credentials
        ) as client,
    ):
        assert client.balances()
        assert proxy.accepted == 1


# ---- faults that last --------------------------------------------------------------------------


def test_latency_delays_both_ways_until_healed(ends: Any) -> None:
    """With latency a round trip takes twice of it at least, and hardly anything afterwards."""

    def round_trip() -> float:
        start = time.monotonic()
        client.sendall(b"?")
        ends.read(server, 1)
        server.sendall(b"!")
        ends.read(client, 1)
        return time.monotonic() - start

    client, server = ends.pair()
    ends.proxy.latency(0.1)
    assert round_trip() >= 0.2
    ends.proxy.heal()
    assert min(round_trip() for _ in range(5)) < 0.1


def test_jitter_keeps_the_order(ends: Any) -> None:
    """However different the delays, bytes arrive in the order in which they were sent."""
    client, server = ends.pair()
    ends.proxy.latency(0.0, jitter=0.02)
    sent = [bytes([number]) for number in range(200)]
    for one in sent:
        client.sendall(one)
    assert ends.read(server, 200) == b"".join(sent)


def test_bandwidth_bounds_each_connection(ends: Any) -> None:
    """20 kB at 50 kB a second take 0.35 seconds at least; without the bound they take none."""
    client, server = ends.pair()
    ends.proxy.bandwidth(50_000)
    start = time.monotonic()
    client.sendall(b"x" * 20_000)
    assert len(ends.read(server, 20_000)) == 20_000
    assert time.monotonic() - start >= 0.35
    ends.proxy.bandwidth(None)
    start = time.monotonic()
    client.sendall(b"x" * 20_000)
    ends.read(server, 20_000)
    assert time.monotonic() - start < 0.35


def test_slices_come_apart(ends: Any) -> None:
    """Sliced bytes come in pieces of that size, with the pause between them."""
    client, server = ends.pair()
    ends.proxy.slice(3, delay=0.02)
    start = time.monotonic()
    client.sendall(b"0123456789")
    assert server.recv(100) == b"012"
    assert ends.read(server, 7) == b"3456789"
    assert time.monotonic() - start >= 0.06


def test_a_stalled_reader_fills_the_senders_buffers(make_ends: Callable[..., Any]) -> None:
    """A side that is not read can soon send no more; after healing all of it arrives."""
    ends = make_ends(buffer=4096)
    client, server = ends.pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ends.proxy.stall("up")
    sent = ends.fill(client)
    assert 0 < sent < 1_000_000
    server.sendall(b"down still passes")
    assert ends.read(client, 17) == b"down still passes"
    assert ends.is_silent(server)
    ends.proxy.heal()
    assert len(ends.read(server, sent)) == sent


def test_a_black_hole_keeps_bytes_and_ends_from_the_other_side(ends: Any) -> None:
    """In a black hole nothing passes, not even an end; what was sent arrives when it is healed."""
    client, server = ends.pair()
    client.sendall(b"before")
    assert ends.read(server, 6) == b"before"
    ends.proxy.black_hole()
    client.sendall(b"into the dark")
    client.close()
    assert ends.is_silent(server)
    assert ends.proxy.connections == 1
    ends.proxy.heal()
    assert ends.read(server, 100) == b"into the dark"


def test_new_connections_fall_into_the_black_hole_too(ends: Any) -> None:
    """A connection made meanwhile hears nothing, and reaches the server when it is healed."""
    ends.proxy.black_hole()
    client = ends.dial()
    client.sendall(b"is anyone there")
    assert ends.is_silent(client)
    ends.proxy.heal()
    assert ends.read(ends.accept(), 15) == b"is anyone there"


def test_a_black_hole_with_fin_ends_reading_and_swallows(ends: Any) -> None:
    """Both ends read the end, and can send without ever being reset; healed, they are gone."""
    client, server = ends.pair()
    ends.proxy.black_hole(fin=True)
    assert client.recv(1) == server.recv(1) == b""
    for _ in range(20):
        client.sendall(b"x" * 10_000)
    late = ends.dial()
    assert late.recv(1) == b""
    ends.proxy.heal()
    assert ends.until(lambda: ends.proxy.connections == 0)


def test_refusing_is_of_new_connections_and_keeps_the_port(ends: Any) -> None:
    """New connections are refused, those that are open live, and the port is the same after."""
    client, server = ends.pair()
    port = ends.proxy.port
    ends.proxy.refuse()
    ends.proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        ends.dial()
    client.sendall(b"alive")
    assert ends.read(server, 5) == b"alive"
    ends.proxy.refuse(False)
    ends.pair()
    ends.proxy.refuse()
    ends.proxy.heal()
    ends.pair()
    assert (ends.proxy.port, ends.proxy.accepted) == (port, 3)


# ---- faults that strike once -------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_cut_passes_exactly_that_many_bytes(ends: Any, direction: str) -> None:
    """The bytes before a cut by FIN arrive, none after them, and both ends are told."""
    client, server = ends.pair()
    source, sink = (client, server) if direction == "up" else (server, client)
    ends.proxy.cut_after(7, direction, "finish")
    source.sendall(b"0123456789")
    assert ends.read(sink, 100) == b"0123456"
    assert ends.proxy.cuts == 1
    assert source.recv(1) == b""
    client.close()
    server.close()
    assert ends.until(lambda: ends.proxy.connections == 0)


def test_a_cut_by_reset_resets_both_ends(ends: Any) -> None:
    """Both ends of a connection that is cut by a reset get an error, not an end."""
    client, server = ends.pair()
    ends.proxy.cut_after(4, "up", "reset")
    client.sendall(b"0123456789")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionResetError):
        assert len(ends.read(server, 5)) < 5


def test_a_held_connection_goes_on_when_healed(ends: Any) -> None:
    """After the bytes of a holding cut nothing passes; healed, the rest arrives, nothing lost."""
    client, server = ends.pair()
    ends.proxy.cut_after(4, "up", "hold")
    client.sendall(b"0123456789")
    assert ends.read(server, 4) == b"0123"
    assert ends.is_silent(server)
    server.sendall(b"answer")
    assert ends.is_silent(client)
    ends.pair()  # others are not held
    ends.proxy.heal()
    assert ends.read(server, 6) == b"456789"
    assert ends.read(client, 6) == b"answer"


def test_a_cut_waits_for_the_next_connection_where_none_is_open(ends: Any) -> None:
    """Without an open connection the next one is cut, and only that one."""
    ends.proxy.cut_after(2, "up", "finish")
    client, server = ends.pair()
    client.sendall(b"0123")
    assert ends.read(server, 10) == b"01"
    client, server = ends.pair()
    client.sendall(b"0123")
    assert ends.read(server, 4) == b"0123"


def test_a_cut_after_no_byte_is_now(ends: Any) -> None:
    """A cut after 0 bytes needs none to pass."""
    client, _ = ends.pair()
    ends.proxy.cut_after(0, "down", "reset")
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_healing_disarms_a_cut(ends: Any) -> None:
    """A cut that has not happened yet does not happen after healing."""
    client, server = ends.pair()
    ends.proxy.cut_after(2, "up", "reset")
    ends.proxy.heal()
    client.sendall(b"0123")
    assert ends.read(server, 4) == b"0123"
    assert ends.proxy.cuts == 0


def test_reset_strikes_every_connection(ends: Any) -> None:
    """All ends of all connections are reset, and new ones are not."""
    pairs = [ends.pair(), ends.pair()]
    ends.proxy.reset()
    for sock in (*pairs[0], *pairs[1]):
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert ends.proxy.connections == 0
    client, server = ends.pair()
    client.sendall(b"x")
    assert ends.read(server, 1) == b"x"


def test_finish_ends_in_order_and_resets_whoever_still_sends(ends: Any) -> None:
    """Both ends read an end; the first that sends afterwards is reset."""
    client, server = ends.pair()
    server.sendall(b"unread at the client")
    assert ends.until(lambda: ends.proxy.bytes_down == 20)
    ends.proxy.finish()
    assert ends.read(client, 100) == b"unread at the client"
    assert server.recv(1) == b""
    client.sendall(b"x")
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        ends.until(lambda: client.send(b"x") < 0)


# ---- its life ----------------------------------------------------------------------------------


def test_a_url_keeps_all_but_host_and_port() -> None:
    """Scheme, path and query stay; a URL of somebody else is refused."""
    with FaultProxy.for_url("wss://127.0.0.1:8443/v1?x=1") as proxy:
        assert proxy.target == ("127.0.0.1", 8443)
        where = f"127.0.0.1:{proxy.port}"
        assert proxy.url("wss://localhost:8443/v1?x=1") == f"wss://{where}/v1?x=1"
        with pytest.raises(ValueError, match="not a URL of"):
            proxy.url("wss://127.0.0.1:8444/v1")


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: FaultProxy(("", 1)),
        lambda: FaultProxy(("127.0.0.1", 0)),
        lambda: FaultProxy(("127.0.0.1", 65536)),
        lambda: FaultProxy(TARGET, buffer=0),
        lambda: FaultProxy(TARGET, host=""),
        lambda: FaultProxy(TARGET, port=-1),
        lambda: FaultProxy.for_url("ftp://127.0.0.1/"),
        lambda: FaultProxy.for_url("127.0.0.1:80"),
        lambda: FaultProxy.for_url("ws://127.0.0.1:0/"),
        lambda: FaultProxy.for_url("ws://127.0.0.1:http/"),
        lambda: FaultProxy(TARGET).latency(-1),
        lambda: FaultProxy(TARGET).latency(1, jitter=float("nan")),
        lambda: FaultProxy(TARGET).bandwidth(0),
        lambda: FaultProxy(TARGET).slice(0),
        lambda: FaultProxy(TARGET).slice(1, delay=-1),
        lambda: FaultProxy(TARGET).stall("sideways"),
        lambda: FaultProxy(TARGET).cut_after(-1),
        lambda: FaultProxy(TARGET).cut_after(1, "sideways"),
        lambda: FaultProxy(TARGET).cut_after(1, "up", "gently"),
    ],
)
def test_what_cannot_be_is_a_value_error(mistake: Callable[[], object]) -> None:
    """What cannot be done is refused before anything is."""
    with pytest.raises(ValueError):
        mistake()


ODD: Any = None
TEXT: Any = "9"
HALF: Any = 1.5


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: FaultProxy(ODD),
        lambda: FaultProxy("127.0.0.1:9"),  # type: ignore[arg-type]
        lambda: FaultProxy(("127.0.0.1", TEXT)),
        lambda: FaultProxy(TARGET, buffer=HALF),
        lambda: FaultProxy(TARGET, port=True),
        lambda: FaultProxy.for_url(ODD),
        lambda: FaultProxy(TARGET).latency(TEXT),
        lambda: FaultProxy(TARGET).latency(True),
        lambda: FaultProxy(TARGET).latency(1, jitter=ODD),
        lambda: FaultProxy(TARGET).bandwidth(TEXT),
        lambda: FaultProxy(TARGET).bandwidth(True),
        lambda: FaultProxy(TARGET).slice(HALF),
        lambda: FaultProxy(TARGET).slice(True),
        lambda: FaultProxy(TARGET).slice(1, delay=ODD),
        lambda: FaultProxy(TARGET).stall(ODD),
        lambda: FaultProxy(TARGET).black_hole(fin=ODD),
        lambda: FaultProxy(TARGET).refuse(TEXT),
        lambda: FaultProxy(TARGET).cut_after(HALF),
        lambda: FaultProxy(TARGET).cut_after(False),
        lambda: FaultProxy(TARGET).cut_after(1, ODD),
        lambda: FaultProxy(TARGET).cut_after(1, "up", ODD),
    ],
)
def test_what_is_no_such_thing_is_a_type_error(mistake: Callable[[], object]) -> None:
    """A number of bytes is an int, a time a number, a word text; a bool is none of them."""
    with pytest.raises(TypeError):
        mistake()


def test_faults_need_a_proxy_that_was_started() -> None:
    """Before the start there is no port and no fault; after the end faults do nothing."""
    proxy = FaultProxy(TARGET)
    for early in (proxy.reset, proxy.refuse, lambda: proxy.port):
        with pytest.raises(RuntimeError, match="not started|no port yet"):
            early()
    assert (proxy.bytes_up, proxy.connections) == (0, 0)
    proxy.start()
    proxy.start()
    proxy.close()
    proxy.close()
    proxy.reset()
    assert proxy.bytes_up == 0


def test_a_closed_proxy_cannot_be_used_again() -> None:
    """A second start would do nothing, and the port may be another's: both are errors."""
    used, unused = FaultProxy(TARGET), FaultProxy(TARGET, port=9)
    used.start()
    for proxy in (used, unused):
        proxy.close()
        uses: list[Callable[[], object]] = [
            proxy.start,
            lambda proxy=proxy: proxy.port,  # type: ignore[misc]
            lambda proxy=proxy: proxy.url("ws://127.0.0.1:1/"),  # type: ignore[misc]
        ]
        for late in uses:
            with pytest.raises(RuntimeError, match="was closed"):
                late()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_proxy_that_fails_resets_everything_and_says_so(ends: Any) -> None:
    """Where its own thread ends by an error, no end waits for it, and no fault seems to work."""
    client, server = ends.pair()
    ends.proxy.cut_after(1, "up", "hold")
    client.sendall(b"xx")
    assert ends.until(lambda: ends.proxy.cuts == 1)
    port, loop = ends.proxy.port, ends.proxy._loop
    loop.run(lambda: loop.at(0.0, lambda: 1 / 0), None)
    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            ends.read(end, 2)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        ends.proxy.heal()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_a_port_that_is_taken_is_an_error() -> None:
    """Two proxies, or a proxy and a server, cannot have one port."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
    ):
        FaultProxy(TARGET, port=taken.getsockname()[1]).start()


@pytest.mark.parametrize("fault", ["none", "black_hole", "swallow", "stall", "finish", "latency"])
def test_closing_ends_everything_at_once(ends: Any, fault: str) -> None:
    """Whatever the fault, a closed proxy leaves no thread and no connection within a second."""
    client, _ = ends.pair()
    {
        "none": lambda: None,
        "black_hole": ends.proxy.black_hole,
        "swallow": lambda: ends.proxy.black_hole(fin=True),
        "stall": ends.proxy.stall,
        "finish": ends.proxy.finish,
        "latency": lambda: ends.proxy.latency(100),
    }[fault]()
    # A connection that was finished is reset where somebody still sends.
    with contextlib.suppress(OSError):
        client.sendall(b"on its way")
    port = ends.proxy.port
    start = time.monotonic()
    ends.proxy.close()
    assert time.monotonic() - start < 1.0
    assert ends.proxy.connections == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("venuesdk-fault")]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_it_does_not_spin(ends: Any) -> None:
    """While nothing can happen it takes no processor time, whatever state connections are in."""
    ends.proxy.cut_after(1, "up", "hold")
    held = ends.pair()
    held[0].sendall(b"xx")
    half, _ = ends.pair()
    half.shutdown(socket.SHUT_WR)
    stalled, quiet = ends.pair()
    ends.proxy.stall("up")
    stalled.sendall(b"x")
    held[0].close()
    stalled.close()
    spent = time.process_time()
    assert ends.is_silent(quiet, 0.4)
    assert time.process_time() - spent < 0.1


def test_many_threads_may_use_it_at_once(ends: Any) -> None:
    """Faults from several threads, while connections come and go, leave it working."""
    failed: list[BaseException] = []

    def play(number: int) -> None:
        try:
            for turn in range(30):
                with contextlib.suppress(ConnectionError):  # another's reset may have come first
                    sock = socket.create_connection(("127.0.0.1", ends.proxy.port), 5)
                    with sock:
                        sock.send(b"x")
                faults = (ends.proxy.reset, ends.proxy.finish, ends.proxy.black_hole)
                (*faults, ends.proxy.heal)[(turn + number) % 4]()
        except BaseException as error:
            failed.append(error)

    ends.server.listen(512)
    threads = [threading.Thread(target=play, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failed
    assert ends.until(lambda: ends.proxy.accepted == 120)
    ends.proxy.heal()
    ends.proxy.reset()
    assert ends.proxy.connections == 0


def test_a_tls_handshake_that_is_cut_is_an_error_of_the_client(ends: Any, tls: Any) -> None:
    """A cut in the middle of a TLS handshake is seen as such by a plain TLS client."""
    ends.proxy.cut_after(50, "up", "reset")
    with pytest.raises((ConnectionResetError, ssl.SSLError)):
        tls.client_context.wrap_socket(ends.dial(), server_hostname="127.0.0.1")
