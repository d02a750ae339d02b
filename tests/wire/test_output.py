"""Frames leave whole or are told not to have left; nothing that was queued is forgotten."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque

import pytest

from venuesdk.errors import ConnectionLost, NotSent
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire import output
from venuesdk.wire.output import CLOSED_HERE, MAX_POSTED, SEAL
from venuesdk.wire.parcel import Parcel
from venuesdk.wire.sockets import NO_WAIT
from venuesdk.wire.stream import ByteStream

WAIT = 5.0


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


def submit(stream: ByteStream, data: bytes, timeout: float = WAIT) -> Parcel:
    """Submit some bytes; return their parcel."""
    parcel = Parcel(data)
    stream.submit(parcel, Deadline(timeout))
    return parcel


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


# ---- one write -----------------------------------------------------------------------------------


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


# ---- frames that leave together ------------------------------------------------------------------


def test_what_is_submitted_behind_a_writer_leaves_with_it(pair):
    """Whoever submits while another writes returns at once; the writer sends it for them."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    until(lambda: stream.bytes_out > 0)
    parcels = [submit(stream, b"%d" % number) for number in range(3)]
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
    assert submit(stream, b"hello").done
    assert exactly(peer, 5) == b"hello"
    filled = fill(stream)
    with pytest.raises(NotSent, match="took nothing"):
        submit(stream, b"never", 0.05)
    assert exactly(peer, filled) == b"\0" * filled
    submit(stream, b"later")
    assert exactly(peer, 5) == b"later"


def test_what_is_withdrawn_never_leaves(pair):
    """A parcel behind a writer can be taken back; the others leave, and the stream goes on."""
    stream, peer = pair
    frame = b"x" * 1_000_000
    thread, outcome = run(stream.write, frame, Deadline(WAIT))
    until(lambda: stream.bytes_out > 0)
    first, second = (submit(stream, text) for text in (b"first", b"second"))
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
        parcel = submit(stream, frame)
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
        parcels = [submit(stream, text) for text in texts]
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


def test_who_has_sent_its_frame_does_not_wait_for_others(pair):
    """The holder of the lock leaves what the peer takes no more of, and has no part in."""
    stream, peer = pair
    send, others = stream._send, []

    def send_while_others_submit(data, flags):
        if not others:
            others.append(b"x" * 1_000_000)
            thread, _ = run(submit, stream, others[0])
            thread.join(WAIT)
        return send(data, flags)

    stream._send = send_while_others_submit
    start = monotonic()
    assert submit(stream, b"order", WAIT).done
    assert monotonic() - start < WAIT / 2
    assert exactly(peer, 5) == b"order"


class Late(ByteStream):
    """A stream on which something happens when its writer has written, and has the lock still."""

    __slots__ = ("late",)

    def _drain(self) -> bool:
        emptied = super()._drain()
        late, self.late = self.late, None
        if late is not None:
            late()
        return emptied


def test_what_comes_as_the_writer_lets_go_is_not_forgotten(pair):
    """It was queued before the lock was tried; who lets go looks once more. No reader is about."""
    stream, peer = pair
    late = Late(stream._sock)

    def submit_beside():
        thread, outcome = run(submit, late, b"late")
        thread.join(WAIT)
        assert not outcome[0].done

    late.late = submit_beside
    late.write(b"first", Deadline(WAIT))
    assert exactly(peer, 9) == b"firstlate"
    assert not late._queue


def test_what_has_left_does_not_count_as_waiting(pair):
    """A connection may post as much as it likes, as long as the peer takes it."""
    stream, peer = pair
    piece = b"x" * 16384
    for _ in range(2 * MAX_POSTED // len(piece)):
        assert stream.post(piece)
        assert exactly(peer, len(piece)) == piece
    assert not stream.dropped


def test_one_write_takes_only_so_much(pair):
    """A hundred long frames are not joined into one piece: memory is bounded by a few of them."""
    stream, _ = pair
    sizes = []

    def send(data, flags):
        sizes.append(len(data))
        return len(data)

    stream._send = send
    with stream._write_lock:
        for _ in range(100):
            submit(stream, b"x" * 50_000)
    stream.post(b"y")
    assert sum(sizes) == 100 * 50_000 + 1
    assert max(sizes) <= SEAL + 50_000


def test_what_is_withdrawn_while_it_is_being_sent_is_not_put_back(pair):
    """Its caller was told that it may have left. It leaves now or never, and not later."""
    stream, peer = pair
    parcels = []

    def send(data, flags):
        assert not stream.withdraw(parcels[0])
        raise BlockingIOError

    with stream._write_lock:
        parcels += [submit(stream, b"given up"), submit(stream, b"wanted")]
    send, stream._send = stream._send, send
    stream.post(b"!")
    assert not stream.dropped
    stream._send = send
    stream.post(b"?")
    assert exactly(peer, 8) == b"wanted!?"


def test_what_is_withdrawn_while_it_is_being_cut_ends_the_stream(pair):
    """A part of it is gone, and nobody waits for the rest: so it must never follow."""
    stream, _ = pair
    parcels = []

    def send(data, flags):
        if len(data) < 8:
            raise BlockingIOError
        stream.withdraw(parcels[0])
        return 3

    with stream._write_lock:
        parcels.append(submit(stream, b"given up"))
    stream._send = send
    stream.post(b"")
    assert stream.dropped


def test_a_withdrawal_during_a_send_after_a_stuck_one_ends_nothing(pair):
    """What is being sent now may well leave whole: only a send that is stuck is the end."""
    stream, peer = pair
    with stream._write_lock:
        parcel = submit(stream, b"x" * 1_000_000)
    stream.post(b"!")
    assert stream._stuck
    taken = stream.bytes_out
    withdrawn = []

    def send(data, flags):
        withdrawn.append(stream.withdraw(parcel))
        return len(data)

    exactly(peer, taken)
    stream._send = send
    stream.post(b"?")
    assert withdrawn[0] is False
    assert not stream.dropped
    assert parcel.done


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
        parcels = [submit(stream, text) for text in texts]
    assert stream.post(b"")
    assert stream.dropped
    starts = [0, 5, 11]
    assert [stream.withdraw(parcel) for parcel in parcels] == [start >= taken for start in starts]


# ---- the end -------------------------------------------------------------------------------------


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


# ---- Ctrl-C --------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("wait", [True, False])
def test_a_ctrl_c_of_the_writer_leaves_others_in_doubt_about_what_it_had_in_hand(pair, wait):
    """It sent their frame with its own, and was interrupted before that was written down."""
    stream, peer = pair
    send, waiting = stream._send, []

    def sent_and_interrupted(data, flags):
        send(data, flags)
        raise KeyboardInterrupt

    stream._send = sent_and_interrupted
    call = stream.write if wait else lambda data, deadline: stream.submit(Parcel(data), deadline)
    acquire = stream._write_lock.acquire

    class Held:
        """The lock, found free a moment later than the frame was queued."""

        release = stream._write_lock.release
        locked = stream._write_lock.locked

        def acquire(self, *arguments):
            if threading.current_thread() is not threading.main_thread() and not waiting:
                waiting.append(True)
                with pytest.raises(KeyboardInterrupt):
                    stream.post(b"mine")
            return acquire(*arguments)

    stream._write_lock = Held()
    thread, outcome = run(call, b"theirs", Deadline(WAIT))
    thread.join(WAIT)
    assert isinstance(outcome[0], ConnectionLost)
    assert outcome[0].outcome_unknown
    assert everything(peer) == b"theirsmine"


@pytest.mark.parametrize("call", ["appendleft", "pop"])
def test_a_ctrl_c_while_frames_are_put_back_sends_none_of_them_twice(pair, call):
    """The stream has ended then; what had not left is not told to have, and never does."""
    stream, peer = pair
    fill(stream)
    with stream._write_lock:
        parcels = [submit(stream, b"order%d" % number) for number in range(3)]

    class Interrupted(deque):
        """A deque that does what it must, and is interrupted as it returns."""

        def appendleft(self, item):
            super().appendleft(item)
            if call == "appendleft":
                raise KeyboardInterrupt

        def pop(self):
            super().pop()
            if call == "pop":
                raise KeyboardInterrupt

    if call == "appendleft":
        stream._queue = Interrupted(stream._queue)
    else:
        stream._loaded = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        stream.post(b"mine")
    assert stream.dropped
    assert not stream._write_lock.locked()
    [stream.withdraw(parcel) for parcel in parcels]
    assert b"order" not in everything(peer)


# ---- posts ---------------------------------------------------------------------------------------


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


# ---- everybody at once ---------------------------------------------------------------------------


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
                submit(stream, record)
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


# ---- the descriptor ------------------------------------------------------------------------------


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
