"""A recorder writes down what happened, hides credentials, and never costs the client anything."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from venuesdk.errors import ClientClosed, ConnectFailed, RequestRejected
from venuesdk.secret import Secret
from venuesdk.session.worker import Worker
from venuesdk.testing.tape import Kind, Recorder, TapeError, read_tape, replay_into
from venuesdk.testing.tape import recorder as recorder_module
from venuesdk.testing.tape.file import TapeFile
from venuesdk.timing import Deadline
from venuesdk.venues.loopring import LoopringClient
from venuesdk.wire.frames import TEXT, encode_frame
from venuesdk.wire.parcel import Parcel

WAIT = 5.0


def frames(path: Path, kind: Kind) -> list[str]:
    """Return the text frames of a kind."""
    return [one.text for one in read_tape(path) if one.kind is kind and one.frame == "text"]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port at which nobody answers: it is bound, and not listened at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def until(condition: Any) -> None:
    """Wait for a condition that another thread brings about."""
    deadline, tick = Deadline(WAIT), threading.Event()
    while not condition():
        assert not deadline.expired()
        tick.wait(0.005)


@pytest.mark.parametrize("suffix", [".tape", ".tape.zst"])
def test_every_venue_is_recorded_frame_by_frame_without_a_credential(
    stage: Any, venue: str, program: Any, canaries: Any, suffix: str
) -> None:
    """What the simulator received, in its order, but for the masks; and all that it sent."""
    path = stage.path(suffix)
    sim = stage.venue(venue)
    client = stage.client(sim)
    with Recorder(client, path) as recorder, client:
        program(client)
    tape = read_tape(path)
    assert (tape.header.venue, tape.truncated) == (venue, False)
    entries = list(tape)
    assert not canaries.found_in("\n".join(map(repr, entries)))
    received = [text for _, text in sim.received]
    for value in sim.credentials.values():
        received = [text.replace(value, "********") for text in received]
    assert frames(path, Kind.OUT) == received
    came = [one for one in entries if one.kind is Kind.IN]
    assert len(came) == client.stats().frames_in
    assert recorder.written == len(entries)
    assert recorder.lost == 0
    kinds = [one.kind for one in entries]
    assert kinds.count(Kind.OPENED) == kinds.count(Kind.ENDED) == 1
    times = [one.monotonic for one in entries if one.kind is not Kind.HTTP]
    assert times == sorted(times)


def test_an_answer_never_stands_before_its_request(stage: Any) -> None:
    """Whatever threads saw them first, over a hundred requests of several callers."""
    path = stage.path()
    client = stage.client(stage.venue("onyx"))

    def ask() -> None:
        for _ in range(25):
            with pytest.raises(RequestRejected):
                client.request("order", {})

    with Recorder(client, path), client:
        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(WAIT)
    asked = set()
    for entry in read_tape(path):
        if '"order"' in entry.text:
            id = entry.text.split('"')[3]
            assert entry.kind is Kind.OUT or id in asked
            asked.add(id)
    assert len(asked) == 100


def test_the_words_of_the_protocol_are_on_the_tape(stage: Any) -> None:
    """The text pong that answers a text ping is, and so is the close frame."""
    path = stage.path()
    sim = stage.venue("loopring")
    client = stage.client(sim)
    with Recorder(client, path), client:
        sim.send_ping()
        assert sim.wait_for(lambda venue: (1, "pong") in venue.received)
    entries = [one for one in read_tape(path) if one.epoch]
    words = [(one.kind, one.text or one.frame) for one in entries]
    assert words.index((Kind.OUT, "pong")) > words.index((Kind.IN, "ping"))
    assert (Kind.OUT, "close") in words


def test_a_key_that_the_venue_hands_out_is_on_no_tape(stage: Any) -> None:
    """Neither in the answer that brings it nor in the URL of the connection."""
    path = stage.path(".tape")
    client = stage.client(stage.venue("loopring"))
    used = []
    dial = client._session._plan.dial

    def look(endpoint: Any, deadline: Any, wiretap: Any) -> Any:
        used.append(str(endpoint.url).partition("wsApiKey=")[2])
        return dial(endpoint, deadline, wiretap)

    client._session.use(look, client._fetch)
    with Recorder(client, path), client:
        pass
    assert len(used[0]) > 8
    text = path.read_text()
    assert used[0] not in text
    assert '\\"key\\": \\"********\\"' in text


def test_each_connection_has_its_epoch(stage: Any) -> None:
    """After a cut the next one has the next number, and the end says that it was not ours."""
    path = stage.path()
    sim = stage.venue("fuze")
    client = stage.client(sim)
    with Recorder(client, path), client:
        quotes = iter(client.subscribe_quotes("BTC_USD"))
        next(quotes)
        sim.drop()
        until(lambda: client.stats().epoch == 2)
        next(quotes)
    entries = list(read_tape(path))
    story = [(one.kind, one.epoch) for one in entries if one.kind in (Kind.OPENED, Kind.ENDED)]
    assert story == [(Kind.OPENED, 1), (Kind.ENDED, 1), (Kind.OPENED, 2), (Kind.ENDED, 2)]
    assert [one.here for one in entries if one.kind is Kind.ENDED] == [False, True]
    logins = [one.epoch for one in entries if "rpc.login" in one.text]
    assert logins == [1, 2]


def test_a_refused_login_is_on_the_tape(stage: Any, canaries: Any) -> None:
    """With the answer that refuses it, and without the credentials."""
    path = stage.path()
    sim = stage.venue("onyx")
    sim.refuse_login()
    client = stage.client(sim)
    with Recorder(client, path), pytest.raises(RequestRejected):
        client.connect()
    assert [one.kind for one in read_tape(path)][:3] == [Kind.OPENED, Kind.OUT, Kind.IN]
    assert not canaries.found_in(repr(list(read_tape(path))))


def test_an_address_that_nobody_gives_is_on_the_tape(stage: Any, closed_port: int) -> None:
    """Why there was no connection, though there was no answer; and so it is played."""
    path = stage.path()
    client = stage.client(stage.venue("loopring"), http_url=f"http://127.0.0.1:{closed_port}")
    with Recorder(client, path), pytest.raises(ConnectFailed):
        client.connect()
    (entry,) = read_tape(path)
    assert entry.exchange is not None
    assert (entry.exchange.url, entry.exchange.status) == ("/v3/ws/key", None)
    assert entry.exchange.error.startswith("ConnectFailed: ")
    played = LoopringClient(api_key="k" * 20)
    player = replay_into(played, read_tape(path))
    with pytest.raises(ConnectFailed, match="was not sent"):
        played.connect()
    assert player.surprises == []


def test_what_travels_over_http_is_recorded(stage: Any, canaries: Any) -> None:
    """Infinex's other route: the request with its key masked, and the answer."""
    path = stage.path()
    client = stage.client(stage.venue("infinex"), route="http")
    with Recorder(client, path), client:
        client.request("/spot/open_orders", {"offset": 0})
    (entry,) = read_tape(path)
    assert (entry.kind, entry.epoch) == (Kind.HTTP, 0)
    assert entry.exchange is not None
    assert (entry.exchange.method, entry.exchange.url) == ("POST", "/spot/open_orders")
    assert entry.exchange.sent == '{"api_key":"********","offset":0}'
    assert entry.exchange.status == 200
    assert '"success"' in entry.exchange.received


def test_an_http_request_without_an_answer_is_recorded_with_the_reason(stage: Any) -> None:
    """Nobody listens there: it stands on the tape all the same."""
    path = stage.path()
    client = stage.client(
        stage.venue("infinex"), route="http", http_url="http://127.0.0.1:1/"
    )
    with Recorder(client, path), client, pytest.raises(ConnectFailed):
        client.request("/spot/open_orders", {"offset": 0})
    (entry,) = read_tape(path)
    assert entry.exchange is not None
    assert entry.exchange.status is None
    assert entry.exchange.error.startswith("ConnectFailed: ")


def test_credentials_that_change_are_masked_from_the_first_byte_on(stage: Any) -> None:
    """Those of each connection, whichever the tape is just at."""
    path = stage.path(".tape")
    sim = stage.venue("onyx")
    made: list[str] = []

    def token() -> Secret:
        made.append(f"rotating-token-{len(made)}-{os.urandom(8).hex()}")
        sim.token = made[-1]
        return Secret(made[-1])

    client = stage.client(sim, token=token)
    with Recorder(client, path), client:
        for epoch in (2, 3):
            sim.drop()
            until(lambda epoch=epoch: client.stats().epoch == epoch)
    text = path.read_text()
    assert text.count('\\"token\\":\\"********\\"') == 3
    assert not [one for one in made if one in text]


def test_a_queue_that_is_full_is_told_of_in_its_place(stage: Any) -> None:
    """Entries are counted, not waited for; on_error hears of it once, and the tape goes on."""
    path = stage.path()
    errors: list[BaseException] = []
    client = stage.client(stage.venue("onyx"), on_error=errors.append, delivery="inline")
    recorder = Recorder(client, path, max_queue=10)
    gate = hold_the_writer(recorder)
    with client, recorder:
        recorder.received(1, (b"1",) * 6)
        until(lambda: gate.waiting)
        for _ in range(3):
            recorder.received(1, (b"2",) * 6)
        gate.open.set()
        until(lambda: recorder.written > 6)
        recorder.received(1, (b"3",))
    entries = [(one.kind, one.text, one.count) for one in read_tape(path)]
    taken = [(Kind.IN, "1", 0)] * 6 + [(Kind.IN, "2", 0)] * 6
    assert entries[:12] == taken
    assert [one for one in entries if one[0] is Kind.LOST] == [(Kind.LOST, "", 12)]
    assert (Kind.IN, "3", 0) in entries[13:]
    assert recorder.lost == 12
    until(lambda: errors)
    assert [str(one)[:23] for one in errors] == ["the tape is incomplete:"]
    assert type(errors[0]) is TapeError


def test_what_waits_is_bounded_by_its_bytes_too(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few frames may be long ones; the first is taken whatever its length."""
    monkeypatch.setattr(recorder_module, "MAX_BYTES", 1000)
    path = stage.path()
    client = stage.client(stage.venue("onyx"), on_error=lambda error: None)
    recorder = Recorder(client, path)
    gate = hold_the_writer(recorder)
    with recorder:
        recorder.received(1, (b"1" * 1001,))
        until(lambda: gate.waiting)
        for size in (600, 600, 300):
            recorder.received(1, (b"2" * size,))
        gate.open.set()
    entries = [(one.kind, len(one.text), one.count) for one in read_tape(path)]
    kept, missing = [(Kind.IN, 1001, 0), (Kind.IN, 600, 0)], (Kind.LOST, 0, 1)
    assert entries == [*kept, missing, (Kind.IN, 300, 0)]


def test_what_takes_a_frame_back_is_never_left_out(stage: Any) -> None:
    """However full the queue: a tape must not say of a frame that it left when it did not."""
    path = stage.path()
    client = stage.client(stage.venue("onyx"), on_error=lambda error: None)
    recorder = Recorder(client, path, max_queue=1)
    gate = hold_the_writer(recorder)
    parcel = client_parcel(b"order")
    with recorder:
        recorder.received(1, (b"1",))
        until(lambda: gate.waiting)
        recorder.leaving(1, (parcel,))
        recorder.received(1, (b"2",))
        recorder.stayed(1, parcel)
        gate.open.set()
    kinds = [one.kind for one in read_tape(path)]
    assert kinds == [Kind.IN, Kind.OUT, Kind.LOST, Kind.WITHDRAWN]


class Gate:
    """What the writing thread waits at."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.waiting = False


def hold_the_writer(recorder: Recorder) -> Gate:
    """Let the writing thread wait within its first entry, as for a disk, until the gate opens."""
    gate = Gate()
    scribe = recorder._scribe
    write = scribe.write

    def slowly(waiting: Any) -> Any:
        if waiting and not gate.waiting:
            gate.waiting = True
            assert gate.open.wait(WAIT)
        return write(waiting)

    scribe.write = slowly  # type: ignore[method-assign]
    return gate


def client_parcel(text: bytes) -> Parcel:
    """Return a parcel as a client makes it."""
    return Parcel(encode_frame(TEXT, text, b"mask"))


def test_a_full_disk_ends_the_recording_and_not_the_client(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """on_error is told once, though not even closing the file succeeds; the client goes on."""
    errors: list[BaseException] = []
    path = stage.path()

    def full(self: TapeFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    client = stage.client(stage.venue("onyx"), on_error=errors.append)
    def closed(self: TapeFile) -> None:
        raise OSError(5, "Input/output error")

    recorder = Recorder(client, path).start()
    file = recorder._file
    monkeypatch.setattr(TapeFile, "_out", full)
    monkeypatch.setattr(TapeFile, "close", closed)
    with client:
        events = client.subscribe_server_info()
        until(lambda: next(iter(events)) and recorder.error)
        assert next(iter(events)).uid
    recorder.close()
    monkeypatch.undo()
    file.close()
    assert [str(one) for one in errors] == ["the recording ended: No space left on device"]
    assert client._taps == []
    assert read_tape(path).truncated


def test_a_recorder_may_be_closed_while_frames_come(stage: Any) -> None:
    """The tape ends whole, between two frames; the client goes on."""
    path = stage.path()
    client = stage.client(stage.venue("onyx", interval=0.001))
    with client:
        recorder = Recorder(client, path).start()
        events = iter(client.subscribe_server_info())
        list(islice(events, 20))
        recorder.close()
        recorder.close()
        list(islice(events, 20))
    assert read_tape(path).truncated is False
    assert len(frames(path, Kind.IN)) >= 20
    assert repr(recorder) == "<Recorder of onyx closed>"
    assert not any(one.name.endswith("-tape") for one in threading.enumerate())


def test_a_frame_on_its_way_at_the_end_of_the_recording_is_not_called_sent(stage: Any) -> None:
    """Whoever looks on the tape for what became of an order must not be told that it left."""
    path = stage.path()
    parcel = client_parcel(b"order")
    with Recorder(stage.client(stage.venue("onyx")), path) as recorder:
        recorder.leaving(1, (parcel,))
    recorder.stayed(1, parcel)
    assert not recorder._queue
    entries = [(one.kind, one.refers) for one in read_tape(path)]
    assert entries == [(Kind.OUT, 0), (Kind.CUT, 1)]


def test_two_recorders_write_the_same(stage: Any) -> None:
    """Each to its own file; that one of them ends does not touch the other."""
    first, second = stage.path(), stage.path(".tape")
    client = stage.client(stage.venue("onyx"))
    with Recorder(client, first), client:
        with Recorder(client, second):
            list(islice(client.subscribe_server_info(), 3))
        list(islice(client.subscribe_dashboards(), 1))
    one, other = frames(first, Kind.IN), frames(second, Kind.IN)
    assert len(one) > len(other) > 2
    assert other[:3] == [text for text in one if "server_info" in text][:3]


def test_a_recorder_may_outlive_its_client(stage: Any) -> None:
    """The end of the connection is on the tape; a further recording is another file."""
    path = stage.path()
    client = stage.client(stage.venue("onyx"))
    with Recorder(client, path):
        client.connect()
        client.close()
    assert [one.kind for one in read_tape(path)][-1] is Kind.ENDED


def test_a_client_that_is_connected_already_is_recorded_from_there_on(stage: Any) -> None:
    """With the number of its connection, and with its credentials masked all the same."""
    path = stage.path()
    client = stage.client(stage.venue("timex"))
    with client, Recorder(client, path):
        client.open_orders()
    (asked,) = frames(path, Kind.OUT)
    assert asked.count("********") == 2
    assert {one.epoch for one in read_tape(path)} == {1}


def test_it_is_told_at_once_what_cannot_be(stage: Any, tmp_path: Path) -> None:
    """A name that is no tape's, a file that is there, a client that is none, a second start."""
    client = stage.client(stage.venue("onyx"))
    with pytest.raises(ValueError, match="ends in"):
        Recorder(client, tmp_path / "x.json").start()
    with pytest.raises(TypeError, match="a client"):
        Recorder("onyx", tmp_path / "x.tape")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_queue"):
        Recorder(client, tmp_path / "x.tape", max_queue=0)
    path = tmp_path / "there.tape"
    path.write_text("mine")
    with pytest.raises(FileExistsError), Recorder(client, path):
        pass
    assert path.read_text() == "mine"
    recorder = Recorder(client, path, overwrite=True)
    with recorder:
        pass
    with pytest.raises(ValueError, match="started once"):
        recorder.start()
    assert client._taps == []
    assert read_tape(path).truncated is False


def test_a_recorder_that_cannot_begin_leaves_the_client_alone(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full at the first line, or there is no thread to be had."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    client = stage.client(stage.venue("onyx"))
    for owner, name in ((TapeFile, "begin"), (Worker, "start")):
        recorder = Recorder(client, stage.path())
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
            patch.setattr(owner, name, full)
            recorder.start()
        assert client._taps == []
        assert recorder._file is not None and recorder._file._file.closed
        recorder.close()


def test_ctrl_c_when_the_thread_was_just_started_ends_it(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has the recorder yet who could close it; what was begun is a whole tape."""
    path = stage.path()
    client = stage.client(stage.venue("onyx"))
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    recorder = Recorder(client, path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(threading.Thread, "start", interrupted)
        recorder.start()
    assert recorder._thread.ended(Deadline(WAIT))
    assert (client._taps, recorder.error) == ([], None)
    assert recorder._file is not None and recorder._file._file.closed
    assert read_tape(path).truncated is False


def test_a_recorder_that_was_never_started_is_closed_without_a_file(
    stage: Any, tmp_path: Path
) -> None:
    """It does nothing."""
    Recorder(stage.client(stage.venue("onyx")), tmp_path / "x.tape").close()
    assert not list(tmp_path.iterdir())


def test_what_a_crash_leaves_is_read_up_to_a_second_before(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries are let out while they come without a pause, and nobody has to close it for that."""
    assert recorder_module.PASS + recorder_module.FLUSH_SECONDS < 1.0
    monkeypatch.setattr(recorder_module, "PASS", 0.01)
    monkeypatch.setattr(recorder_module, "FLUSH_SECONDS", 0.05)
    path, copy = stage.path(), stage.path()
    client = stage.client(stage.venue("onyx"))
    with Recorder(client, path) as recorder, client:
        until(lambda: recorder.received(1, (b"more",)) or path.stat().st_size > 300)
        copy.write_bytes(path.read_bytes())
    tape = read_tape(copy)
    assert [one.kind for one in tape][:2] == [Kind.OPENED, Kind.OUT]
    assert tape.truncated


def test_a_forked_child_leaves_the_tape_alone(stage: Any) -> None:
    """It can close recorder and client, and writes nothing; the parent records on."""
    path = stage.path()
    client = stage.client(stage.venue("onyx"))
    with Recorder(client, path) as recorder, client:
        list(islice(client.subscribe_server_info(), 2))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                client.request("order", {})
            except ClientClosed:
                recorder.close()
                client.close()
                status = 0 if recorder._file and recorder._file._file.closed else 2
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        list(islice(client.subscribe_dashboards(), 1))
    tape = read_tape(path)
    assert tape.truncated is False
    assert any("dashboards" in one.text for one in tape)


def test_what_is_encrypted_on_the_wire_is_recorded_in_clear(stage: Any, tls: Any) -> None:
    """Over TLS the frames are what they are without, in the order of the wire."""
    path = stage.path()
    sim = stage.venue("onyx", tls=tls.server_context)
    client = stage.client(sim, ssl_context=tls.client_context)
    with Recorder(client, path), client:
        list(islice(client.subscribe_server_info(), 2))
    received = [text.replace(sim.token, "********") for _, text in sim.received]
    assert frames(path, Kind.OUT) == received
    assert next(iter(read_tape(path))).text.startswith("wss://")
