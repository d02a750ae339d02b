"""What a listener is told is what happened on the wire, in the order in which it did."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from venuesdk.errors import ConnectionLost
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.frames import PING, PONG, TEXT, encode_frame
from venuesdk.wire.parcel import Parcel
from venuesdk.wire.stream import ByteStream
from venuesdk.wire.tap import UNTAPPED, Wiretap
from venuesdk.wire.websocket import WebSocketConnection

WAIT = 5.0


class Listener:
    """A tap that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))

    def names(self) -> list[str]:
        return [name for name, *_ in self.told]


@pytest.fixture
def listener() -> Listener:
    """Return a tap."""
    return Listener()


@pytest.fixture
def pair(
    pair: tuple[ByteStream, socket.socket], listener: Listener
) -> tuple[ByteStream, socket.socket]:
    """Return a stream with small buffers that the tap listens in to, and its other end."""
    pair[0].wiretap = Wiretap([listener], 7)  # type: ignore[list-item]
    return pair


def test_what_leaves_is_told_before_it_is_written(pair: Any, listener: Listener) -> None:
    """So the answer to a frame can never be told before the frame."""
    stream, _ = pair
    send, seen = stream._send, []

    def looking(data: Any, flags: int) -> int:
        seen.append(listener.names())
        return send(data, flags)

    stream._send = looking
    stream.write(b"hello", Deadline(1))
    assert seen == [["leaving"]]
    ((name, epoch, (parcel,)),) = listener.told
    assert (name, epoch, parcel.data) == ("leaving", 7, b"hello")


def test_what_was_withdrawn_in_the_queue_is_never_told(pair: Any, listener: Listener) -> None:
    """Nobody began to write it."""
    stream, _ = pair
    parcels = [Parcel(b"first"), Parcel(b"second")]
    with stream._write_lock:
        for parcel in parcels:
            stream.submit(parcel, Deadline(WAIT))
        assert stream.withdraw(parcels[0])
    stream.post(b"")
    told = [parcel.data for _, _, batch in listener.told for parcel in batch]
    assert told == [b"second", b""]


def test_what_the_socket_did_not_take_is_told_to_have_stayed(
    pair: Any, listener: Listener
) -> None:
    """And told once more when it does leave; what is withdrawn meanwhile is not."""
    stream, _ = pair
    wanted, given_up = Parcel(b"wanted"), Parcel(b"given up")
    send = stream._send

    def full(data: Any, flags: int) -> int:
        raise BlockingIOError

    with stream._write_lock:
        stream.submit(given_up, Deadline(WAIT))
        stream.submit(wanted, Deadline(WAIT))
    stream._send = full
    stream.post(b"")
    stayed = {parcel.data for name, _, parcel in listener.told if name == "stayed"}
    assert stayed == {b"", b"wanted", b"given up"}
    assert stream.withdraw(given_up)
    stream._send = send
    listener.told.clear()
    stream.post(b"!")
    ((_, _, batch),) = listener.told
    assert [parcel.data for parcel in batch] == [b"wanted", b"", b"!"]


def test_what_the_end_of_a_connection_cuts_is_told(pair: Any, listener: Listener) -> None:
    """A frame of which a part has left is neither called sent nor unsent; those behind stayed."""
    stream, _ = pair
    long, behind = Parcel(b"x" * 1_000_000), Parcel(b"y" * 10)
    with stream._write_lock:
        stream.submit(long, Deadline(WAIT))
        stream.submit(behind, Deadline(WAIT))
    stream.post(b"")
    assert 0 < stream.bytes_out < 1_000_000
    stream.drop("the test is over")
    assert [
        (name, [parcel.data[:1] for parcel in parcels])
        for name, _, parcels in listener.told
        if name == "cut"
    ] == [("cut", [b"x"])]
    left = [parcel for name, _, batch in listener.told if name == "leaving" for parcel in batch]
    stayed = [parcel for name, _, parcel in listener.told if name == "stayed"]
    assert set(left) - set(stayed) == {long}


def test_a_connection_tells_of_messages_and_of_control_frames(
    serve: Any, listener: Listener
) -> None:
    """Messages by the gulp; pings, the pongs that answer them, and the peer's close frame."""

    def peer(sock: socket.socket) -> None:
        frames = [bytes([0x81, 2]) + b"ab", bytes([0x81, 1]) + b"c", bytes([0x89, 1]) + b"p"]
        sock.sendall(b"".join([*frames, bytes([0x88, 4]) + (1001).to_bytes(2, "big") + b"by"]))
        while sock.recv(4096):
            pass

    connection = serve(peer, Wiretap([listener], 3))  # type: ignore[list-item]
    with pytest.raises(ConnectionLost):
        while True:
            connection.read(WAIT)
    connection.shutdown()
    gulps = [frames for name, _, frames in listener.told if name == "received"]
    assert [frame for gulp in gulps for frame in gulp] == [b"ab", b"c"]
    control = [one for name, _, one in listener.told if name == "signalled"]
    assert control == [((PING, b"p"),), ((0x8, b"\x03\xe9by"),)]
    pong, *_ = next(batch for name, _, batch in listener.told if name == "leaving")
    assert pong.data[0] == 0x80 | PONG


def test_a_listener_that_leaves_while_others_are_told_takes_nothing_from_them() -> None:
    """Everything that is told goes round a copy of the list."""
    taps: list[Any] = []

    class Leaving(Listener):
        def received(self, *arguments: Any) -> None:
            taps.remove(self)

    last = Listener()
    taps += [Leaving(), last]
    Wiretap(taps, 1).received([b"frame"])
    assert last.told == [("received", 1, (b"frame",))]
    assert taps == [last]


def test_nobody_can_listen_in_where_there_is_no_wiretap() -> None:
    """The empty one is shared by all, so nothing can be put into it."""
    assert UNTAPPED.taps == ()
    assert encode_frame(TEXT, b"", b"\0\0\0\0")[0] == 0x81


@pytest.fixture
def serve() -> Iterator[Any]:
    """Return what connects to a peer that upgrades, and then does as the test says."""
    import base64
    import hashlib

    closing: list[Any] = []

    def connect(handler: Any, wiretap: Wiretap) -> WebSocketConnection:
        server = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            sock, _ = server.accept()
            closing.append(sock)
            sock.settimeout(WAIT)
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(4096)
            key = head.lower().split(b"sec-websocket-key:")[1].split(b"\r\n")[0]
            start = head.lower().index(key)
            key = head[start : start + len(key)].strip()
            guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key + guid).digest())
            sock.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            with contextlib.suppress(OSError):
                handler(sock)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        closing.append(server)
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/"
        connection = WebSocketConnection.connect(Endpoint(url), WAIT, wiretap)
        closing.append(thread)
        return connection

    yield connect
    for one in closing:
        if isinstance(one, threading.Thread):
            one.join(WAIT)
        else:
            one.close()
