"""Sockets are waited for within deadlines, and connected with the options that keep them honest."""

from __future__ import annotations

import errno
import select
import socket
import threading

import pytest

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire import sockets
from venuesdk.wire.sockets import Watch, await_ready, dial, receive


@pytest.fixture(params=["poll", "select"])
def waiting(request, monkeypatch):
    """Wait once by poll and once by select, as where there is no poll."""
    monkeypatch.setattr(sockets, "_HAS_POLL", request.param == "poll" and hasattr(select, "poll"))


@pytest.fixture
def pair():
    """Return two connected sockets."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


def fill(sock: socket.socket) -> int:
    """Write until the socket takes no more; return how much it took."""
    total = 0
    try:
        while True:
            total += sock.send(b"\0" * 65536)
    except BlockingIOError:
        return total


def test_a_watch_tells_reading_from_writing(waiting, pair):
    """A socket is readable once something is there, writable while it takes more."""
    ours, theirs = pair
    watch = Watch(ours)
    assert watch.wait(0, read=True) == (False, False)
    assert watch.wait(0, read=True, write=True) == (False, True)
    theirs.send(b"x")
    assert watch.wait(1, read=True, write=True) == (True, True)
    assert watch.wait(1, read=True) == (True, False)
    fill(ours)
    assert watch.wait(0, write=True) == (False, False)
    theirs.close()
    assert watch.wait(1, read=True)[0]


def test_waiting_ends_at_the_deadline_or_when_it_is_cancelled(waiting, pair):
    """`await_ready` returns False at its deadline, and soon after another thread cancels it."""
    ours, theirs = pair
    assert await_ready(ours, Deadline(1), write=True)
    assert not await_ready(ours, Deadline(0.05), read=True)
    deadline = Deadline(None)
    thread = threading.Timer(0.05, deadline.cancel)
    thread.start()
    start = monotonic()
    assert not await_ready(ours, deadline, read=True)
    assert monotonic() - start < 1
    thread.join()
    theirs.send(b"x")
    assert await_ready(ours, Deadline(1), read=True)


def test_receive_tells_silence_from_the_end(pair):
    """None is silence, b"" the end of the stream."""
    ours, theirs = pair
    assert receive(ours, 0.01) is None
    theirs.send(b"hello")
    assert receive(ours, 1) == b"hello"
    theirs.close()
    assert receive(ours, 1) == b""


class Deaf:
    """A socket that is said to be readable and has nothing to read."""

    def __init__(self, sock):
        self.fileno = sock.fileno

    def recv(self, size):
        raise BlockingIOError


def test_a_false_alarm_is_silence(pair):
    """A socket that is reported readable and is not counts as silent."""
    ours, theirs = pair
    theirs.send(b"x")
    assert receive(Deaf(ours), 1) is None


def address_of(sock):
    """Return the address of a listener as ``getaddrinfo`` gives it."""
    return (sock.family, sock.type, sock.proto, "", sock.getsockname())


def unused_address():
    """Return an address of this machine that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return address_of(listener)


def test_the_first_address_that_answers_is_used(waiting):
    """Addresses are tried in order; those that refuse, or cannot be made, are passed over."""
    impossible = (socket.AF_INET, socket.SOCK_STREAM, 9999, "", ("127.0.0.1", 1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = dial([impossible, unused_address(), address_of(listener)], Deadline(5), "it")
        with sock:
            assert sock.getpeername() == listener.getsockname()
            assert sock.gettimeout() == 0


def test_the_options_of_a_live_connection_are_set():
    """Small writes go at once; keepalive is 10/5/3; unacknowledged data kills after 15 s."""
    wanted = {
        "TCP_NODELAY": 1,
        "TCP_KEEPIDLE": 10,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 14_000,
    }
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        dial([address_of(listener)], Deadline(5), "it") as sock,
    ):
        for name, value in wanted.items():
            if hasattr(socket, name):
                assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_refusal_says_so():
    """When every address refuses, the error is ConnectFailed with the reason."""
    with pytest.raises(ConnectFailed, match="the venue: Connection refused") as caught:
        dial([unused_address(), unused_address()], Deadline(5), "the venue")
    assert not isinstance(caught.value, ConnectTimeout)
    with pytest.raises(ConnectFailed, match="no address"):
        dial([], Deadline(5), "the venue")


@pytest.fixture
def silent():
    """Return the address of a listener whose queue is full: it answers no SYN."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(8):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    yield address_of(listener)
    for sock in [*fillers, listener]:
        sock.close()


def test_an_address_that_swallows_packets_ends_at_the_deadline(waiting, silent):
    """Where nobody answers, the error is ConnectTimeout, in time."""
    start = monotonic()
    with pytest.raises(ConnectTimeout):
        dial([silent], Deadline(0.3), "it")
    assert 0.2 < monotonic() - start < 1


def test_a_silent_address_leaves_time_for_the_next(silent):
    """A silent first address uses its share of the time, and the second one connects."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        dial([silent, address_of(listener)], Deadline(0.6), "it") as sock,
    ):
        assert sock.getpeername() == listener.getsockname()


def test_an_unlimited_connect_can_be_cancelled(silent):
    """A deadline without limit that another thread cancels ends the connect."""
    deadline = Deadline(None)
    thread = threading.Timer(0.05, deadline.cancel)
    thread.start()
    with pytest.raises(ConnectTimeout):
        dial([silent], deadline, "it")
    thread.join()


def test_a_socket_connected_to_itself_counts_as_refused(monkeypatch):
    """TCP may connect a socket to itself where nobody listens: that is no connection."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    assert sock.connect_ex(sock.getsockname()) == 0
    assert sock.getsockname() == sock.getpeername()

    class Selfish:
        def __init__(self, *arguments):
            self.setblocking = sock.setblocking
            self.getsockname = sock.getsockname
            self.getpeername = sock.getpeername
            self.close = sock.close

        def connect_ex(self, address):
            return 0

    monkeypatch.setattr(socket, "socket", Selfish)
    with pytest.raises(ConnectFailed, match="Connection refused"):
        dial([(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))], Deadline(1), "it")


def test_an_interrupted_connect_leaves_no_socket(monkeypatch):
    """A Ctrl-C during a connect closes the socket and goes on."""
    closed = []

    class Interrupted:
        def __init__(self, *arguments):
            pass

        def setblocking(self, flag):
            raise KeyboardInterrupt

        def close(self):
            closed.append(True)

    monkeypatch.setattr(socket, "socket", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        dial([(0, 0, 0, "", None)], Deadline(1), "it")
    assert closed == [True]

    def no_socket(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(KeyboardInterrupt):
        dial([(0, 0, 0, "", None)], Deadline(1), "it")


def test_an_option_that_the_system_refuses_is_left_out(monkeypatch):
    """A system that refuses an option gives a connection all the same."""

    class Picky(socket.socket):
        def setsockopt(self, *arguments):
            raise OSError(errno.ENOPROTOOPT, "no such option")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = address_of(listener)
        monkeypatch.setattr(socket, "socket", Picky)
        with dial([address], Deadline(5), "it") as sock:
            assert sock.getpeername() == listener.getsockname()
