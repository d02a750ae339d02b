"""The reader gets what arrives, waits outside every lock, and always learns of the end."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import struct
import threading

import pytest

from venuesdk.errors import ConnectionLost, NotSent
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire import stream as stream_module
from venuesdk.wire.sockets import NO_WAIT
from venuesdk.wire.stream import ByteStream

WAIT = 5.0


@pytest.fixture
def pair():
    """Return a plain stream and the socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(WAIT)
    stream = ByteStream(ours)
    yield stream, theirs
    stream.shutdown()
    theirs.close()


@pytest.fixture
def tls_pair(peers, tls):
    """Return a TLS stream over TCP, and the TLS socket of the server at its other end."""
    accepted = []
    ready = threading.Event()

    def handler(sock):
        accepted.append(sock)
        ready.set()
        peers.stopped.wait(30)

    port = peers.listen(handler, tls.server_context)
    stream = ByteStream.connect("127.0.0.1", port, Deadline(WAIT), context=tls.client_context)
    assert ready.wait(WAIT)
    yield stream, accepted[0]
    stream.shutdown()


def read_all(stream: ByteStream, count: int, size: int = 65536) -> bytes:
    """Read until `count` bytes have come."""
    view, data, deadline = memoryview(bytearray(size)), bytearray(), Deadline(WAIT)
    while len(data) < count:
        assert not deadline.expired()
        data += view[: stream.read_into(view, WAIT)]
    return bytes(data)


def until(condition) -> None:
    """Wait for a condition that another thread brings about."""
    deadline, tick = Deadline(WAIT), threading.Event()
    while not condition():
        assert not deadline.expired()
        tick.wait(0.001)


def test_what_arrives_is_read_and_counted(pair):
    """Bytes that are there are returned at once, as many as there is room for."""
    stream, peer = pair
    peer.send(b"hello")
    view = memoryview(bytearray(3))
    assert stream.read_into(view, 0) == 3
    assert bytes(view) == b"hel"
    assert stream.read_into(view, None) == 2
    assert stream.bytes_in == 5


@pytest.mark.parametrize("timeout", [0, 0.05, 0.4])
def test_silence_is_zero_at_the_timeout(pair, timeout):
    """When nothing comes, 0 is returned once the timeout has passed, and not before."""
    stream, peer = pair
    view = memoryview(bytearray(10))
    start = monotonic()
    assert stream.read_into(view, timeout) == 0
    assert timeout <= monotonic() - start < timeout + 0.5
    peer.send(b"x")
    assert stream.read_into(view, 1) == 1


def test_the_end_comes_after_what_was_sent_before_it(pair):
    """When the peer closes, what it sent before is read first; then ConnectionLost, always."""
    stream, peer = pair
    peer.send(b"last")
    peer.close()
    view = memoryview(bytearray(10))
    assert stream.read_into(view, 1) == 4
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="peer closed") as caught:
            stream.read_into(view, 1)
        assert not caught.value.outcome_unknown
    assert stream.dropped
    assert stream._sock.fileno() == -1


@pytest.mark.parametrize("code", [errno.ETIMEDOUT, errno.ECONNRESET, errno.EHOSTUNREACH])
def test_a_timeout_of_the_kernel_is_a_lost_connection(pair, code):
    """ETIMEDOUT is a TimeoutError in Python, and a lost connection like any other here."""
    stream, _ = pair

    def failing(view, *flags):
        raise OSError(code, "told by the kernel")

    stream._recv_into = failing
    with pytest.raises(ConnectionLost, match="told by the kernel"):
        stream.read_into(memoryview(bytearray(1)), 10)
    with pytest.raises(NotSent):
        stream.write(b"x", Deadline(1))


def test_a_kernel_timeout_while_writing_is_not_the_deadline(pair):
    """ETIMEDOUT in a write drops the stream; the deadline had not come."""
    stream, _ = pair

    def failing(data, flags):
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    stream._send = failing
    with pytest.raises(NotSent, match="lost"):
        stream.write(b"x", Deadline(10))
    assert stream.dropped


def test_a_false_alarm_is_a_timeout(pair):
    """A socket that is reported readable and has nothing costs one empty read, not a hang."""
    stream, peer = pair
    peer.send(b"x")

    def nothing(view, *flags):
        raise BlockingIOError

    stream._recv_into = nothing
    assert stream.read_into(memoryview(bytearray(1)), 0.2) == 0


@pytest.mark.parametrize("end", ["shutdown", "close"])
def test_the_reader_is_woken_from_another_thread(pair, end):
    """A reader without timeout learns of the end at once when another thread ends the stream."""
    stream, _ = pair
    caught = []

    def read():
        try:
            stream.read_into(memoryview(bytearray(1)), None)
        except ConnectionLost as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    until(lambda: stream.waiting)
    start = monotonic()
    getattr(stream, end)()
    thread.join(WAIT)
    assert monotonic() - start < 0.5
    assert "closed here" in str(caught[0])
    assert stream._sock.fileno() == -1


def test_a_reader_that_finds_output_waiting_lets_it_out_at_once(monkeypatch):
    """It does not wait inside of the read then, but for both directions, however long it may."""
    monkeypatch.setattr(stream_module, "LOOK_AGAIN", 2 * WAIT)
    ours, theirs = socket.socketpair()
    theirs.settimeout(WAIT)
    stream = ByteStream(ours)
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += stream._sock.send(b"\0" * 4096, NO_WAIT)
    stream.post(b"posted")
    thread = threading.Thread(
        target=lambda: stream.read_into(memoryview(bytearray(10)), 2 * WAIT), daemon=True
    )
    thread.start()
    received = 0
    while received < filled + 6:
        received += len(theirs.recv(65536))
    theirs.send(b"done")
    thread.join(WAIT)
    assert not thread.is_alive()
    stream.shutdown()
    theirs.close()


def test_a_busy_reader_does_not_starve_the_output(pair):
    """What waited for a full socket goes out although the reader never has to wait."""
    stream, peer = pair
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += stream._sock.send(b"\0" * 4096, NO_WAIT)
    stream.post(b"posted")
    received = 0
    while received < filled:
        received += len(peer.recv(65536))
    peer.send(b"busy")
    assert stream.read_into(memoryview(bytearray(10)), None) == 4
    assert peer.recv(100) == b"posted"


def test_tls_carries_both_ways(tls_pair):
    """What is written over TLS arrives, and what the peer writes is read."""
    stream, peer = tls_pair
    stream.write(b"hello", Deadline(WAIT))
    assert peer.recv(100) == b"hello"
    data = bytes(range(256)) * 4000
    thread = threading.Thread(target=peer.sendall, args=(data,))
    thread.start()
    assert read_all(stream, len(data)) == data
    thread.join(WAIT)
    assert stream.bytes_in > len(data)
    back = data * 2
    found = bytearray()

    def collect():
        while len(found) < len(back):
            found.extend(peer.recv(65536))

    thread = threading.Thread(target=collect)
    thread.start()
    stream.write(back, Deadline(WAIT))
    thread.join(WAIT)
    assert bytes(found) == back


def test_tls_reads_through_a_small_window(tls_pair):
    """What was decrypted and found no room is read next, without waiting for the socket."""
    stream, peer = tls_pair
    peer.sendall(b"0123456789" * 10)
    assert read_all(stream, 100, size=7) == b"0123456789" * 10
    assert stream.read_into(memoryview(bytearray(7)), 0.01) == 0


def test_tls_end_is_told(tls_pair):
    """A closing alert of the peer is the end of the stream."""
    stream, peer = tls_pair
    peer.send(b"last")
    with contextlib.suppress(OSError):
        peer.settimeout(0.05)
        peer.unwrap()
    assert read_all(stream, 4) == b"last"
    with pytest.raises(ConnectionLost, match="peer closed"):
        stream.read_into(memoryview(bytearray(1)), WAIT)
    assert stream.dropped


def test_tls_cut_off_is_told(tls_pair):
    """A TLS peer that vanishes without an alert is a lost connection."""
    stream, peer = tls_pair
    # With linger 0, closing resets.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    with pytest.raises(ConnectionLost):
        read_all(stream, 1)


def test_garbage_under_tls_is_a_lost_connection(tls_pair):
    """Bytes that are not TLS end the stream with ConnectionLost."""
    stream, peer = tls_pair
    raw = socket.socket(fileno=peer.detach())
    raw.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ConnectionLost, match="lost"):
        read_all(stream, 1)
    assert stream.dropped
    raw.close()


def test_closing_tls_says_goodbye(tls_pair):
    """A TLS peer is told of the end: it reads a clean end of the stream."""
    stream, peer = tls_pair
    stream.close()
    assert peer.recv(10) == b""
    stream.close()
    assert stream._sock.fileno() == -1


def test_tls_that_takes_nothing_is_not_sent_and_kept(peers, tls):
    """When the socket is full before encryption, the write is NotSent and the stream lives on."""
    stream, read = slow_tls(peers, tls)
    total = 0
    with pytest.raises(NotSent):
        while True:
            stream.write(b"\0" * 512, Deadline(0.2))
            total += 512
    assert not stream.dropped
    read.set()
    stream.write(b"later", Deadline(WAIT))
    stream.close()
    assert read.result(WAIT) == b"\0" * total + b"later"


@pytest.mark.long
def test_tls_that_takes_a_part_is_dropped(peers, tls):
    """When a part of the ciphertext has left at the deadline, the outcome is unknown."""
    stream, read = slow_tls(peers, tls)
    with pytest.raises(ConnectionLost) as caught:
        stream.write(b"x" * 20_000_000, Deadline(0.2))
    assert caught.value.outcome_unknown
    assert stream.dropped
    with pytest.raises(NotSent):
        stream.write(b"y", Deadline(1))
    read.set()


class SlowReader:
    """What a peer reads once it is let: a result that another thread waits for."""

    def __init__(self):
        self._go, self._done, self._data = threading.Event(), threading.Event(), b""

    def set(self):
        self._go.set()

    def read(self, peers, sock):
        self._go.wait(WAIT)
        with contextlib.suppress(ssl.SSLError):
            self._data = peers.everything(sock)
        self._done.set()

    def result(self, timeout):
        assert self._done.wait(timeout)
        return self._data


def slow_tls(peers, tls):
    """Return a TLS stream whose peer reads only when told."""
    reader = SlowReader()
    port = peers.listen(lambda sock: reader.read(peers, sock), tls.server_context)
    stream = ByteStream.connect("127.0.0.1", port, Deadline(WAIT), context=tls.client_context)
    stream._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    return stream, reader


@pytest.mark.parametrize("failure", [BlockingIOError(), ConnectionResetError(104, "reset")])
def test_ciphertext_of_which_nothing_left_is_not_sent_but_the_end(tls_pair, failure):
    """Once encrypted, a frame must leave: where none of it does, NotSent, and the stream ends."""
    stream, _ = tls_pair

    def refusing(data, flags):
        raise failure

    stream._send = refusing
    with pytest.raises(NotSent) as caught:
        stream.write(b"x", Deadline(0.05))
    assert not caught.value.outcome_unknown
    assert stream.dropped


def test_a_ctrl_c_after_encryption_drops_the_stream(tls_pair):
    """An interrupt once a frame is encrypted ends the stream: its records cannot be left out."""
    stream, _ = tls_pair

    def interrupted(data, flags):
        raise KeyboardInterrupt

    stream._send = interrupted
    with pytest.raises(KeyboardInterrupt):
        stream.write(b"x", Deadline(1))
    assert stream.dropped


def test_posts_are_encrypted_in_their_order(tls_pair):
    """Posted and written bytes leave in the order in which they were given."""
    stream, peer = tls_pair
    for turn in range(50):
        stream.post(b"p%02d" % turn)
        stream.write(b"w%02d" % turn, Deadline(WAIT))
    wanted = b"".join(b"p%02dw%02d" % (turn, turn) for turn in range(50))
    found = b""
    while len(found) < len(wanted):
        found += peer.recv(65536)
    assert found == wanted


def test_what_tls_itself_has_to_say_goes_out(tls_pair):
    """Output that only TLS made, while reading, is flushed by the reader."""
    stream, peer = tls_pair
    with stream._state:
        stream._tls.encrypt(b"made by reading")
    peer.send(b"x")
    assert read_all(stream, 1) == b"x"
    assert peer.recv(100) == b"made by reading"
