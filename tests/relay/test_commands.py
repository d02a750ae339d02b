"""Entries in the bytes of Redis' protocol (redis.io, "Redis serialization protocol")."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from venuesdk.relay import Position
from venuesdk.relay.commands import Commands
from venuesdk.relay.entry import Draft, Head, fields_of

STREAM = "venuesdk:{onyx}:tickers"
RECEIVED = 1_763_776_549_123_456_789


def words_of(command: bytes) -> Iterator[bytes]:
    """Yield the words of a command: an array of bulk strings, each with its length before it."""
    count, _, rest = command.partition(b"\r\n")
    assert count[:1] == b"*"
    for _ in range(int(count[1:])):
        length, _, rest = rest.partition(b"\r\n")
        assert length[:1] == b"$"
        word, rest = rest[: int(length[1:])], rest[int(length[1:]) :]
        assert rest[:2] == b"\r\n"
        rest = rest[2:]
        yield word
    assert rest == b""


def test_each_entry_is_one_command_with_its_id_and_fields() -> None:
    """Whatever is in them: a sign of percent, the end of a line, nothing."""
    head = Head("event", "tickers 100%d", ("100%", "\u00fc"), "tickers 1", 3)
    drafts = [Draft(head, RECEIVED, 5, b"%s\r\n$3"), Draft(head, RECEIVED + 1, None, b"")]
    for seq, command in enumerate(Commands().of(STREAM, Position(7, 9), drafts)):
        add, key, id, *fields = words_of(command)
        assert (add, key, id) == (b"XADD", STREAM.encode(), b"7-%d" % (9 + seq))
        assert dict(zip(fields[::2], fields[1::2], strict=True)) == fields_of(drafts[seq])


def test_of_many_heads_only_some_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue with ever new topics does not fill the memory."""
    monkeypatch.setattr("venuesdk.relay.commands.REMEMBERED", 3)
    commands = Commands()
    for epoch in range(10):
        draft = Draft(Head("event", "t", (), "tickers 1", epoch), RECEIVED, None, b"{}")
        (command,) = commands.of(STREAM, Position(7, 1), [draft])
        assert b"%d" % epoch in list(words_of(command))
        assert len(commands._prepared) <= 3
