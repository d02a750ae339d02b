"""``venuesdk relay``: streams into a Redis, and what a person is told meanwhile."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from redis_server import RedisServer

from venuesdk.cli import main
from venuesdk.relay.redis import RedisEngine
from venuesdk.testing import simulate

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402

TICKERS = ("relay", "onyx", "tickers:dub", "--sim")
STREAM = "venuesdk:{onyx}:tickers"
DEADLINE = 10.0


def entries(server: RedisServer, stream: str) -> list[dict[bytes, bytes]]:
    """Return what stands in a stream, as any program reads it."""
    with server.client() as client:
        return [fields for _, fields in client.xrange(stream)]


def wait_for_entries(server: RedisServer) -> None:
    """Wait until something was published."""
    deadline = time.monotonic() + DEADLINE
    while not server.ask("EXISTS", STREAM):
        assert time.monotonic() < deadline


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of JSON that were written."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_kind_of_channel_has_its_stream(
    redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Events stand there as the venue sent them, with their topic; the last line counts them."""
    arguments = [*TICKERS, "server_info", "--to", redis_server.url, "--seconds", "0.4"]
    assert main([*arguments, "--shard", "eu", "--json"]) == 0
    written = records(capsys)
    assert {"state", "standing"} <= {one["kind"] for one in written}
    total = written[-1]
    assert total["kind"] == "relayed"
    assert total["to"] == redis_server.url
    tickers = entries(redis_server, "venuesdk:{onyx.eu}:tickers")
    infos = entries(redis_server, "venuesdk:{onyx.eu}:server_info")
    assert total["published"] == len(tickers) + len(infos)
    assert total["unpublished"] == 0
    events = [one for one in tickers if one[b"kind"] == b"event"]
    first = json.loads(events[0][b"payload"])
    assert {one["product_symbol"] for one in first} == {"dub"}
    assert {one[b"topic"] for one in infos if one[b"kind"] == b"event"} == {b"server_info"}


@pytest.mark.parametrize("kind", ["env", "file", "address"])
def test_the_password_comes_from_where_it_is_said_to_be(
    kind: str,
    redis_server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    canaries: Any,
) -> None:
    """Nothing shows it; the address, with or without it, may come from the environment.

    A wrong one is refused.
    """
    (tmp_path / "password").write_text(f"{canaries.api_secret}\n")
    monkeypatch.setenv("MY_PASSWORD", canaries.api_secret)
    user = f"desk:{canaries.api_secret}" if kind == "address" else "desk"
    monkeypatch.setenv("VENUESDK_RELAY_URL", f"redis://{user}@127.0.0.1:{redis_server.port}")
    source = f"file:{tmp_path / 'password'}" if kind == "file" else "env:MY_PASSWORD"
    given = [] if kind == "address" else ["--password", source]
    arguments = [*TICKERS, "--seconds", "0.2", *given]
    assert main(arguments) == 1
    assert "invalid username-password pair" in capsys.readouterr().err
    redis_server.ask("ACL", "SETUSER", "desk", "on", f">{canaries.api_secret}", "~*", "+@all")
    try:
        assert main(arguments) == 0
    finally:
        redis_server.ask("ACL", "DELUSER", "desk")
    out, err = capsys.readouterr()
    assert f"redis://127.0.0.1:{redis_server.port}: " in out
    assert not canaries.found_in(out + err)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "VENUESDK_RELAY_URL"),
        (["--to", "redis://127.0.0.1:1"], 3, "EngineUnavailable: "),
        (["--to", "http://127.0.0.1"], 2, "redis://"),
        (["--to", "redis://:hunter2/abcdef@127.0.0.1"], 2, "percent-encoded"),
        (["--to", "redis://:123/hunter2@127.0.0.1"], 2, "percent-encoded"),
        (["--to", "redis://127.0.0.1/hunter2@"], 2, "a database"),
        (["--to", "redis://a", "--password", "hunter2"], 2, "env:VARIABLE"),
        (["--to", "redis://a", "--password", "env:NOT_SET_ANYWHERE"], 2, "NOT_SET_ANYWHERE"),
        (["--to", "redis://a", "--redis-ca-file", __file__], 2, "rediss://"),
        (["--to", "redis://127.0.0.1:1", "--shard", "a:b"], 2, "a shard"),
        (["--to", "redis://127.0.0.1:1", "--lease", "0"], 2, "--lease"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No address, nobody there, no such thing; the password in it, or in clear, is not repeated."""
    assert main([*TICKERS, *arguments]) == status
    err = capsys.readouterr().err
    assert said in err
    assert "hunter2" not in err
    assert "Traceback" not in err


def test_without_its_library_it_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As every extra does."""
    monkeypatch.setitem(sys.modules, "redis", None)
    for name in ("redis", "reaching"):
        monkeypatch.delitem(sys.modules, f"venuesdk.relay.{name}")
    assert main([*TICKERS, "--to", "redis://a"]) == 2
    assert "pip install 'venuesdk[relay]'" in capsys.readouterr().err


def test_one_that_stands_by_says_so(
    redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """It publishes nothing while another has the lease, and that is no failure."""
    other = RedisEngine(redis_server.url)
    assert other.claim("venuesdk:{onyx}", "another", 30.0, 0)
    other.close()
    assert main([*TICKERS, "--to", redis_server.url, "--seconds", "0.3"]) == 0
    out, err = capsys.readouterr()
    assert err == (
        f"standing by: another publishes venuesdk:{{onyx}} to {redis_server.url}; other topics or "
        "another account need a --shard of their own\n"
    )
    assert "0 entries published" in out
    assert not redis_server.ask("EXISTS", STREAM)


def test_what_is_forgotten_unread_is_told(
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bound on the length takes from a group what it has not read."""
    monkeypatch.setattr("venuesdk.relay.flusher.TRIM_EVERY", 0.05)
    redis_server.ask("XGROUP", "CREATE", STREAM, "slow", "0", "MKSTREAM")
    arguments = [*TICKERS, "--to", redis_server.url, "--max-length", "2", "--seconds", "0.5"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "FORGOTTEN before all had read them" in err
    assert "FORGOTTEN UNREAD" in out


def test_what_is_left_unpublished_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Redis dies and stays away: the last line counts what it never got, and the status is 1."""
    monkeypatch.setattr("venuesdk.cli.relay.PATIENCE", 0.2)
    status = []
    server = RedisServer(tmp_path)
    try:
        arguments = [*TICKERS, "--to", server.url, "--seconds", "1.0", "--json"]
        run = threading.Thread(target=lambda: status.append(main(arguments)))
        run.start()
        wait_for_entries(server)
        server.kill()
        run.join(DEADLINE)
    finally:
        server.close()
    assert status == [1]
    written = records(capsys)
    (away,) = (one for one in written if one["kind"] == "engine")
    assert away["down"]
    assert written[-1]["unpublished"] > 0
    assert written[-1]["outages"] == 1


def test_a_person_sees_how_it_goes_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """A cut, a Redis that goes and comes back, the end: each is told, and nothing is left."""
    server = RedisServer(tmp_path, appendonly="yes", appendfsync="always")
    try:
        with simulate("onyx") as venue, Terminal(
            "relay", "onyx", "tickers:dub", "--url", venue.url, "--to", server.url,
            env={"VENUESDK_ONYX_TOKEN": venue.credentials["token"]}, size=(40, 160),
        ) as terminal:  # fmt: skip
            terminal.wait_for(f"publishing to {server.url}  ", " kept")
            terminal.wait_for(f'publishes {STREAM}, read as "onyx:tickers"')
            venue.drop()
            terminal.wait_for("connected again", "1 gap in tickers:dub")
            server.kill()
            terminal.wait_for("EngineUnavailable: ", f"away: {server.url}", " waiting")
            server.start()
            terminal.wait_for(f"{server.url} is back; ")
            assert terminal.end("\x03") == 130
            last = terminal.text.rstrip().splitlines()[-1]
            assert last.startswith(f"{server.url}: ")
            assert last.endswith("entries published, 1 gap")
            assert "Traceback" not in terminal.text
            published = int(last.split(" ")[1].replace(",", ""))
        assert len(entries(server, STREAM)) == published
    finally:
        server.close()


def test_ctrl_c_that_leaves_something_unpublished_is_a_failure(tmp_path: Path) -> None:
    """A person is told that Redis has some seconds more, and the status tells what came of it."""
    server = RedisServer(tmp_path)
    try:
        with Terminal(*TICKERS, "--to", server.url, size=(40, 160)) as terminal:
            terminal.wait_for(" kept")
            server.kill()
            terminal.wait_for(f"away: {server.url}", " waiting")
            terminal.press("\x03")
            terminal.wait_for("waiting up to 5 s for Redis")
            assert terminal.end() == 1
            assert "LEFT UNPUBLISHED" in terminal.text
    finally:
        server.close()
