"""A tunnel is asked for with the proxy's credentials and nothing of the endpoint's."""

from __future__ import annotations

import base64
import socket
import threading

import pytest

from venuesdk._version import __version__
from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.proxy import environment_proxy, open_tunnel
from venuesdk.wire.sockets import dial

WAIT = 5.0
PROXY = Proxy("http://127.0.0.1")


@pytest.fixture
def connect(peers):
    """Return a function that connects to a proxy which does what `handler` does."""
    opened = []

    def start(handler):
        port = peers.listen(handler)
        address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        opened.append(dial([address], Deadline(WAIT), "the proxy"))
        return opened[-1]

    yield start
    for sock in opened:
        sock.close()


def test_the_request_says_where_to_and_no_more(peers, connect):
    """CONNECT carries the authority, who asks, and nothing else."""
    requests = []

    def handler(sock):
        requests.append(peers.request(sock))
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        sock.sendall(sock.recv(4))

    sock = connect(handler)
    open_tunnel(sock, PROXY, "api.example.com:443", Deadline(WAIT))
    assert requests == [
        b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
        + f"User-Agent: venuesdk/{__version__}\r\n\r\n".encode()
    ]
    sock.settimeout(WAIT)
    sock.send(b"ping")
    assert sock.recv(4) == b"ping"


@pytest.mark.parametrize(("password", "login"), [("p:wö", "me:p:wö"), (None, "me:")])
def test_credentials_are_sent_as_basic(peers, connect, password, login):
    """The proxy's user and password go to the proxy, in the Basic scheme."""
    requests = []

    def handler(sock):
        requests.append(peers.request(sock))
        sock.sendall(b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\n")

    open_tunnel(connect(handler), Proxy("http://p", "me", password), "h:1", Deadline(WAIT))
    wanted = base64.b64encode(login.encode())
    assert b"\r\nProxy-Authorization: Basic " + wanted + b"\r\n" in requests[0]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\n", "407"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", "302"),
        (b"HTTP/1.1 200 OK\r\n\r\nintruder", "bytes of its own"),
        (b"\x05\x00garbage\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nH: " + b"x" * 70_000, "65536"),
    ],
)
def test_a_proxy_that_gives_no_tunnel_is_connect_failed(peers, connect, answer, says):
    """Any other answer than a plain 2xx is ConnectFailed, which shows no credential."""

    def handler(sock):
        peers.request(sock)
        sock.sendall(answer)
        peers.stopped.wait(30)

    proxy = Proxy("http://p", "me", "a-password-that-is-secret")
    with pytest.raises(ConnectFailed, match=says) as caught:
        open_tunnel(connect(handler), proxy, "h:1", Deadline(WAIT))
    assert not isinstance(caught.value, ConnectTimeout)
    assert "a-password" not in str(caught.value)
    assert caught.value.status == (int(says) if len(says) == 3 else None)


def test_a_proxy_that_hangs_up_is_connect_failed(peers, connect):
    """A proxy that closes, or resets, gave no tunnel."""

    def closes(sock):
        peers.request(sock)
        sock.shutdown(socket.SHUT_RDWR)

    with pytest.raises(ConnectFailed, match="hung up"):
        open_tunnel(connect(closes), PROXY, "h:1", Deadline(WAIT))
    broken = connect(lambda sock: None)
    broken.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ConnectFailed, match="no tunnel"):
        open_tunnel(broken, PROXY, "h:1", Deadline(WAIT))


def test_a_proxy_that_does_not_answer_ends_at_the_deadline(peers, connect):
    """Silence, and a dripped answer, end at the deadline; with none left nothing is sent."""
    stop = threading.Event()

    def drips(sock):
        peers.request(sock)
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50:
            sock.sendall(bytes((byte,)))
            if stop.wait(0.03):
                return

    start = monotonic()
    with pytest.raises(ConnectTimeout):
        open_tunnel(connect(drips), PROXY, "h:1", Deadline(0.2))
    assert 0.1 < monotonic() - start < 0.8
    stop.set()
    with pytest.raises(ConnectTimeout):
        open_tunnel(connect(lambda sock: peers.stopped.wait(30)), PROXY, "h:1", Deadline(0))


@pytest.fixture
def environment(monkeypatch):
    """Return a function that sets the proxy variables, and no other."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def set_to(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_to


def test_the_environment_names_a_proxy_per_scheme(environment):
    """`https_proxy` is for wss, `http_proxy` for ws, `all_proxy` for both, `no_proxy` for none."""
    assert environment_proxy("h.example", True) is None
    environment(all_proxy="http://all:1")
    assert environment_proxy("h.example", True) == Proxy("http://all:1")
    environment(https_proxy="http://me:pw@secure:2", http_proxy="plain:3", no_proxy="own.example")
    assert environment_proxy("h.example", True) == Proxy("http://secure:2", "me", "pw")
    assert environment_proxy("h.example", False) == Proxy("http://plain:3")
    assert environment_proxy("api.own.example", True) is None


def test_a_proxy_of_another_kind_is_connect_failed(environment):
    """What is not an HTTP proxy fails in words, without the credentials that stand in it."""
    environment(https_proxy="socks5://me:a-password-that-is-secret@p:1080")
    with pytest.raises(ConnectFailed, match="environment") as caught:
        environment_proxy("h.example", True)
    assert "a-password" not in str(caught.value)
