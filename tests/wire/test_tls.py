"""TLS between two memory buffers: every byte that was good is delivered, and then the error."""

from __future__ import annotations

import contextlib
import ssl

import pytest

from venuesdk.wire.tls import TlsEngine, default_context, explain, file_context


class Server:
    """The other end, in memory as well."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=True)


@pytest.fixture
def ends(tls):
    """Return an engine and its server, which have shaken hands."""
    engine, server = TlsEngine(tls.client_context, "localhost"), Server(tls.server_context)
    done = False
    while not done:
        done = engine.handshake()
        server.incoming.write(engine.output())
        with contextlib.suppress(ssl.SSLWantReadError):
            server.object.do_handshake()
        engine.feed(server.outgoing.read())
    return engine, server


def test_what_the_handshake_agreed_on_is_known_afterwards(tls, ends):
    """The version and the cipher, as the other end has them; nothing before."""
    engine, server = ends
    assert engine.agreed == (server.object.version(), server.object.cipher()[0])
    assert TlsEngine(tls.client_context, "localhost").agreed == ("", "")


def test_many_records_are_decrypted_in_one_call(ends):
    """All records that were fed come out at once, as far as there is room; the rest stays."""
    engine, server = ends
    data = bytes(range(256)) * 400
    for start in range(0, len(data), 1000):
        server.object.write(data[start : start + 1000])
    engine.feed(server.outgoing.read())
    view = memoryview(bytearray(200_000))
    assert engine.has_input()
    assert engine.decrypt_into(view[:2500]) == 2500
    assert engine.has_input()
    assert engine.decrypt_into(view[2500:]) == len(data) - 2500
    assert bytes(view[: len(data)]) == data
    assert not engine.has_input()
    assert engine.decrypt_into(view) == 0


def test_a_part_of_a_record_waits_for_the_rest(ends):
    """Half a record gives nothing, and is completed by the other half."""
    engine, server = ends
    server.object.write(b"hello")
    wire = server.outgoing.read()
    view = memoryview(bytearray(100))
    engine.feed(wire[:-3])
    assert engine.decrypt_into(view) == 0
    engine.feed(wire[-3:])
    assert engine.decrypt_into(view) == 5


def test_what_was_good_is_returned_before_the_error(ends):
    """Garbage behind a good record costs the connection, not the record."""
    engine, server = ends
    server.object.write(b"good")
    engine.feed(server.outgoing.read() + b"\x17\x03\x03\x00\x20" + b"\0" * 32)
    view = memoryview(bytearray(100))
    assert engine.decrypt_into(view) == 4
    assert engine.has_input()
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            engine.decrypt_into(view)


def test_the_end_of_the_stream_is_told_after_what_came_before(ends):
    """The peer's closing alert is None, once everything before it was read."""
    engine, server = ends
    server.object.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        server.object.unwrap()
    engine.feed(server.outgoing.read())
    view = memoryview(bytearray(100))
    assert engine.decrypt_into(view) == 4
    assert engine.has_input()
    assert engine.decrypt_into(view) is None


def test_a_long_message_is_encrypted_whole(ends):
    """Everything is encrypted, over as many records as it needs."""
    engine, server = ends
    data = bytes(range(256)) * 500
    engine.encrypt(data)
    assert engine.has_output()
    server.incoming.write(engine.output())
    assert not engine.has_output()
    found = b""
    while len(found) < len(data):
        found += server.object.read(65536)
    assert found == data


def test_the_goodbye_reaches_the_peer(ends):
    """The closing alert ends the peer's stream cleanly, and may be said twice."""
    engine, server = ends
    engine.say_goodbye()
    engine.say_goodbye()
    server.incoming.write(engine.output())
    assert server.object.read(10) == b""


def test_the_contexts_verify_and_refuse_renegotiation(tls):
    """The default context is one per process; both kinds verify peer and name."""
    assert default_context() is default_context()
    for context in (default_context(), file_context(tls.ca_file), file_context(str(tls.ca_file))):
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_RENEGOTIATION
    assert [c["subject"] for c in file_context(tls.ca_file).get_ca_certs()]


def test_a_file_that_cannot_be_read_is_an_os_error(tmp_path):
    """A missing authority file, or one with nonsense in it, is an OSError."""
    with pytest.raises(OSError):
        file_context(tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("nonsense")
    with pytest.raises(OSError):
        file_context(tmp_path / "bad.pem")


def test_errors_are_told_in_words():
    """What an error says is a short text, whatever its kind."""
    assert explain(ConnectionResetError(104, "Connection reset by peer")) == (
        "Connection reset by peer"
    )
    assert explain(OSError()) == "OSError"
    assert explain(ssl.SSLError(1, "[SSL] something")) == "TLS failed"
    assert explain(ValueError("a value that may be secret")) == "ValueError"
