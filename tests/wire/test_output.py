"""Frames leave whole or are told not to have left; nothing that was queued is forgotten."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest

from venuesdk.errors import ConnectionLost, NotSent
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire import output
from venuesdk.wire.output import CLOSED_HERE, MAX_POSTED
from venuesdk.wire.sockets import NO_WAIT
from venuesdk.wire.stream import ByteStream

WAIT = 5.0


@pytest.fixture
def pair():
    """Return a plain stream and the socket at its other end, both with small buffers."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    theirs.settimeout(WAIT)
    stream = ByteStream(ours)
    yield stream, theirs
    stream.shutdown()
    theirs.close()


def fill(stream: ByteStream) -> int:
    """Write to the stream's socket until it takes no more; return how much it took."""
    total = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            total += stream._sock.send(b"\0" * 4096, NO_WAIT)
    return total


def exactly(sock: socket.socket, count: int) -> bytes:
    """Read `count` bytes."""
    data = bytearray()
    while len(data) < count:
        more = sock.recv(count - len(data))
        assert more
        data += more
    return bytes(data)


def everything(sock: socket.socket) -> bytes:
    """Read until the other end closes."""
    data = bytearray()
    while more := sock.recv(65536):
        data += more
    return bytes(data)


def run(function, *arguments):
    """Run a function in a thread; return the thread and the list that its outcome goes to."""
    outcome = []

    def body():
        try:
            outcome.append(function(*arguments))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread, outcome


def until(condition) -> None:
    """Wait for a condition that another thread brings about."""
    deadline, tick = Deadline(WAIT), threading.Event()
    while not condition():
        assert not deadline.expired()
        tick.wait(0.001)


def test_a_write_arrives_and_is_counted(pair):
    """What is written arrives; bytes and frames are counted."""
    stream, peer = pair
    stream.write(b"hello", Deadline(1))
    assert exactly(peer, 5) == b"hello"
    assert stream.post(b"ab", 2)
    assert exactly(peer, 2) == b"ab"
    assert (stream.bytes_out, stream.written, stream.posted) == (7, 1, 2)


@pytest.mark.parametrize("timeout", [0, 0.1])
def test_zero_bytes_by_the_deadline_is_not_sent_and_keeps_the_stream(pair, timeout):
    """When the peer takes nothing, the error is NotSent, and later writes work on the stream."""
    stream, peer = pair
    filled = fill(stream)
    start = monotonic()
    with pytest.raises(NotSent) as caught:
        stream.write(b"never", Deadline(timeout))
    assert monotonic() - start < timeout + 0.5
    assert not caught.value.outcome_unknown
    assert not stream.dropped
    assert exactly(peer, filled) == b"\0" * filled
    stream.write(b"later", Deadline(1))
    assert exactly(peer, 5) == b"later"


def test_a_part_by_the_deadline_drops_the_stream(pair):
    """When a part of a frame has left, the outcome is unknown and nothing is ever written again."""
    stream, peer = pair
    frame = b"x" * 4_000_000
    with pytest.raises(ConnectionLost) as caught:
        stream.write(frame, Deadline(0.1))
    assert caught.value.outcome_unknown
    assert stream.dropped
    with pytest.raises(NotSent):
        stream.write(b"again", Deadline(1))
    assert not stream.post(b"again")
    received = everything(peer)
    assert 0 < len(received) < len(frame)
    assert received == b"x" * len(received)


def test_a_write_waits_for_a_slow_peer(pair):
    """A long frame arrives whole when the peer reads it in time."""
    stream, peer = pair
    frame = bytes(range(256)) * 10_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    assert exactly(peer, len(frame)) == frame
    thread.join(WAIT)
    assert outcome == [None]


def test_a_cancelled_deadline_ends_a_write(pair):
    """A deadline cancelled from another thread ends the write that waits."""
    stream, _ = pair
    fill(stream)
    deadline = Deadline(None)
    thread, outcome = run(stream.write, b"x", deadline)
    until(stream._write_lock.locked)
    deadline.cancel()
    thread.join(1)
    assert isinstance(outcome[0], NotSent)


def test_the_wait_for_other_writers_counts(pair):
    """A write that waits for another until its deadline is NotSent, and leaves the other alone."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    until(stream._write_lock.locked)
    with pytest.raises(NotSent, match="other"):
        stream.write(b"y", Deadline(0.15))
    assert exactly(peer, len(frame)) == frame
    thread.join(WAIT)
    assert outcome == [None]


def test_what_is_submitted_behind_a_writer_leaves_with_it(pair):
    """Whoever submits while another writes returns at once; the writer sends it for them."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    until(lambda: stream.bytes_out > 0)
    parcels = [stream.submit(b"%d" % number, Deadline(WAIT)) for number in range(3)]
    assert not any(parcel.done for parcel in parcels)
    assert exactly(peer, len(frame) + 3) == frame + b"012"
    thread.join(WAIT)
    assert outcome == [None]
    until(lambda: all(parcel.done for parcel in parcels))
    assert not any(stream.withdraw(parcel) for parcel in parcels)
    assert stream.written == 4


def test_what_is_submitted_alone_is_written_as_any_other(pair):
    """With nobody else about, submit waits for the peer, and raises what write does."""
    stream, peer = pair
    assert stream.submit(b"hello", Deadline(1)).done
    assert exactly(peer, 5) == b"hello"
    filled = fill(stream)
    with pytest.raises(NotSent, match="took nothing"):
        stream.submit(b"never", Deadline(0.05))
    assert exactly(peer, filled) == b"\0" * filled
    stream.submit(b"later", Deadline(1))
    assert exactly(peer, 5) == b"later"


def test_what_is_withdrawn_never_leaves(pair):
    """A parcel behind a writer can be taken back; the others leave, and the stream goes on."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    until(lambda: stream.bytes_out > 0)
    first, second = (stream.submit(text, Deadline(WAIT)) for text in (b"first", b"second"))
    assert stream.withdraw(first)
    assert not stream.withdraw(first)
    assert exactly(peer, len(frame) + 6) == frame + b"second"
    thread.join(WAIT)
    assert outcome == [None]
    until(lambda: second.done)
    assert not first.done
    assert not stream.dropped


def test_what_is_withdrawn_half_way_ends_the_stream(pair):
    """A frame that was cut, and that nobody waits for any more, must never be completed."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    with stream._write_lock:
        parcel = stream.submit(frame, Deadline(WAIT))
    # A post lets out what waits, as far as the peer takes it, and never waits itself.
    assert stream.post(b"posted")
    assert 0 < stream.bytes_out < len(frame)
    assert not stream.withdraw(parcel)
    assert stream.dropped
    assert len(everything(peer)) == stream.bytes_out
    with pytest.raises(NotSent, match="only a part"):
        stream.write(b"x", Deadline(1))


def test_frames_that_leave_together_are_cut_between_those_that_left(pair):
    """Of many that stood in the queue some leave, one is cut, and the rest can be taken back."""
    stream, peer = pair
    texts = [bytes([65 + number]) * 40_000 for number in range(26)]
    with stream._write_lock:
        parcels = [stream.submit(text, Deadline(WAIT)) for text in texts]
    assert stream.post(b"posted")
    sent = stream.bytes_out
    whole, part = divmod(sent, 40_000)
    assert whole > 0
    assert [parcel.done for parcel in parcels] == [number < whole for number in range(26)]
    begun = whole + bool(part)
    assert all(stream.withdraw(parcel) for parcel in parcels[begun + 1 :])
    kept = texts[: begun + 1]
    assert exactly(peer, sent) == b"".join(texts)[:sent]
    rest = len(kept) * 40_000 - sent
    thread, outcome = run(stream.write, b"last", Deadline(WAIT))
    assert exactly(peer, rest + 10) == b"".join(kept)[sent:] + b"postedlast"
    thread.join(WAIT)
    assert outcome == [None]


@pytest.mark.parametrize("taken", [0, 3, 5, 12])
def test_an_error_tells_each_frame_apart_that_left_with_others(pair, taken):
    """What left whole or in part is unknown; of the rest it is certain that nothing left."""
    stream, _ = pair
    texts = [b"first", b"second", b"third"]
    counts = [taken] if taken else []

    def send(data, flags):
        if counts:
            return counts.pop()
        raise ConnectionResetError(104, "reset")

    stream._send = send
    with stream._write_lock:
        parcels = [stream.submit(text, Deadline(WAIT)) for text in texts]
    assert stream.post(b"")
    assert stream.dropped
    starts = [0, 5, 11]
    assert [stream.withdraw(parcel) for parcel in parcels] == [start >= taken for start in starts]


def test_shutdown_wakes_a_writer_and_those_who_wait_for_it(pair):
    """Whoever writes half a frame gets ConnectionLost, whoever waits for it NotSent, at once."""
    stream, _ = pair
    first, lost = run(stream.write, b"x" * 1_000_000, Deadline(None))
    until(stream._write_lock.locked)
    second, waited = run(stream.write, b"y", Deadline(None))
    until(lambda: stream.bytes_out > 0)
    stream.shutdown()
    first.join(1)
    second.join(1)
    assert isinstance(lost[0], ConnectionLost)
    assert lost[0].outcome_unknown
    assert isinstance(waited[0], NotSent)
    assert str(waited[0]) == CLOSED_HERE
    assert stream._sock.fileno() == -1


def test_a_reset_is_not_sent_or_lost(pair):
    """A peer that is gone drops the stream: NotSent, since not a byte was taken."""
    stream, peer = pair
    peer.close()
    with pytest.raises(NotSent) as caught:
        stream.write(b"x", Deadline(1))
    assert not caught.value.outcome_unknown
    assert stream.dropped
    assert stream._sock.fileno() == -1


def interrupting(take):
    """Return a `send` that takes some bytes and is then interrupted."""
    calls = []

    def send(data, flags=0):
        if calls:
            raise KeyboardInterrupt
        calls.append(True)
        if not take:
            raise KeyboardInterrupt
        return take

    return send


@pytest.mark.parametrize("take", [0, 2])
def test_a_ctrl_c_while_sending_drops_the_stream(pair, take):
    """An interrupt once a byte may have left goes through, and nothing is written behind it."""
    stream, _ = pair
    stream._send = interrupting(take)
    with pytest.raises(KeyboardInterrupt):
        stream.write(b"frame", Deadline(1))
    assert stream.dropped
    assert not stream._write_lock.locked()
    assert stream._sock.fileno() == -1


def test_a_ctrl_c_before_the_first_byte_keeps_the_stream(pair, monkeypatch):
    """An interrupt while waiting for the peer to take anything leaves the stream as it was."""
    stream, peer = pair
    filled = fill(stream)

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(output, "await_ready", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.write(b"frame", Deadline(1))
    assert not stream.dropped
    exactly(peer, filled)
    stream.write(b"later", Deadline(1))
    assert exactly(peer, 5) == b"later"


def test_a_ctrl_c_while_flushing_drops_the_stream(pair):
    """An interrupt while queued bytes are written drops the stream, and closes its descriptor."""
    stream, _ = pair
    stream._send = interrupting(0)
    with pytest.raises(KeyboardInterrupt):
        stream.post(b"frame")
    assert stream.dropped
    assert stream._sock.fileno() == -1


def test_a_post_never_blocks_and_goes_out_with_the_next_write(pair):
    """What is posted to a full socket waits, and leaves before what is written next."""
    stream, peer = pair
    filled = fill(stream)
    start = monotonic()
    assert stream.post(b"first")
    assert stream.post(b"second")
    assert monotonic() - start < 0.5
    with pytest.raises(NotSent):
        stream.write(b"no", Deadline(0.05))
    exactly(peer, filled)
    stream.write(b"third", Deadline(1))
    assert exactly(peer, 16) == b"firstsecondthird"


def test_a_post_behind_a_writer_goes_out_without_a_reader(pair):
    """What is posted while a frame is being written leaves as soon as the frame has."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    until(stream._write_lock.locked)
    assert stream.post(b"posted")
    assert exactly(peer, len(frame) + 6) == frame + b"posted"
    thread.join(WAIT)
    assert outcome == [None]


def test_the_reader_lets_out_what_others_left(pair):
    """What another thread posted to a full socket goes out while the reader only reads."""
    stream, peer = pair
    filled = fill(stream)
    buffer = memoryview(bytearray(100))
    thread, outcome = run(stream.read_into, buffer, WAIT)
    until(lambda: stream.waiting)
    assert stream.post(b"posted")
    exactly(peer, filled)
    assert exactly(peer, 6) == b"posted"
    peer.send(b"done")
    thread.join(WAIT)
    assert outcome == [4]


def test_a_partly_written_post_is_finished_before_anything_else(pair):
    """A post of which the socket took a part is finished before the next frame."""
    stream, peer = pair
    long = bytes(range(256)) * 2000
    assert stream.post(long)
    assert 0 < stream.bytes_out < len(long)
    thread, outcome = run(stream.write, b"next", Deadline(WAIT))
    assert exactly(peer, len(long) + 4) == long + b"next"
    thread.join(WAIT)
    assert outcome == [None]


def test_a_peer_that_reads_nothing_is_dropped_at_a_mebibyte(pair):
    """When more than 1 MiB waits to be written, the stream is dropped."""
    stream, _ = pair
    fill(stream)
    piece = b"x" * 65536
    posts = [stream.post(piece) for _ in range(MAX_POSTED // len(piece))]
    assert all(posts)
    assert not stream.dropped
    assert not stream.post(b"x")
    assert stream.dropped
    with pytest.raises(NotSent, match="reads nothing"):
        stream.write(b"x", Deadline(1))


def test_a_post_to_a_dead_peer_drops_the_stream(pair):
    """A post that finds the peer gone drops the stream; the next one is refused."""
    stream, peer = pair
    peer.close()
    stream.post(b"x")
    assert stream.dropped
    assert not stream.post(b"x")


def test_a_dead_peer_found_while_flushing_is_not_sent(pair):
    """When older output finds the peer gone, the write is NotSent: not a byte of it left."""
    stream, peer = pair
    fill(stream)
    stream.post(b"older")
    peer.close()
    with pytest.raises(NotSent, match="lost"):
        stream.write(b"x", Deadline(1))
    assert stream.dropped


def test_no_frame_is_torn_or_forgotten_among_many_threads(pair):
    """Frames of many writers and posters arrive whole, each in its thread's order, to the last.

    No reader runs, so a post that was left behind by everybody would never arrive.
    """
    stream, peer = pair
    threads, count = 6, 400

    def body(number):
        for turn in range(count):
            record = struct.pack("!BH", number, turn) * 7
            if number % 3 == 0:
                stream.write(record, Deadline(WAIT))
            elif number % 3 == 1:
                stream.submit(record, Deadline(WAIT))
            else:
                assert stream.post(record)

    running = [run(body, number) for number in range(threads)]
    data = exactly(peer, threads * count * 21)
    for thread, outcome in running:
        thread.join(WAIT)
        assert outcome == [None]
    seen = dict.fromkeys(range(threads), 0)
    for start in range(0, len(data), 21):
        record = data[start : start + 21]
        number, turn = struct.unpack("!BH", record[:3])
        assert record == record[:3] * 7
        assert turn == seen[number]
        seen[number] += 1
    assert set(seen.values()) == {count}
    assert stream.written + stream.posted == threads * count


def test_the_descriptor_stays_while_the_reader_is_inside(pair):
    """A dropped stream's descriptor is closed by the reader on leaving, not under it."""
    stream, _ = pair
    stream._reading = True
    stream.shutdown()
    assert stream._sock.fileno() != -1
    stream._reading = False
    with pytest.raises(ConnectionLost):
        stream.read_into(memoryview(bytearray(1)), 0)
    assert stream._sock.fileno() == -1


def test_the_descriptor_stays_while_somebody_writes(pair):
    """Whoever shuts down leaves the closing to the holder of the write lock."""
    stream, _ = pair
    with stream._write_lock:
        stream.shutdown()
        assert stream._sock.fileno() != -1
    stream.shutdown()
    assert stream._sock.fileno() == -1
    stream.shutdown()


def test_abandon_takes_no_lock(pair):
    """With every lock held for ever, abandon closes the descriptor, and every call ends at once."""
    stream, peer = pair
    held, release = threading.Event(), threading.Event()

    def hold():
        with stream._write_lock, stream._state:
            held.set()
            release.wait(WAIT)

    thread, _ = run(hold)
    held.wait(WAIT)
    other_end = stream._sock.dup()
    start = monotonic()
    stream.abandon()
    stream.shutdown()
    stream.close()
    assert not stream.post(b"x")
    with pytest.raises(NotSent, match="forked"):
        stream.write(b"x", Deadline(None))
    with pytest.raises(ConnectionLost, match="forked"):
        stream.read_into(memoryview(bytearray(1)), None)
    assert monotonic() - start < 1
    assert stream._sock.fileno() == -1
    # As in a parent process, the connection itself goes on through its other descriptor.
    other_end.send(b"alive")
    assert exactly(peer, 5) == b"alive"
    other_end.close()
    release.set()
    thread.join(WAIT)
