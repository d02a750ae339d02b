"""``venuesdk replay``: a tape as lines, and as a venue."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest

from venuesdk import ConnectionLost, OnyxClient
from venuesdk.cli import main
from venuesdk.cli.replay import line_of, record_of
from venuesdk.testing.tape import Exchange, Kind, TapeEntry, read_tape

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a short tape of a simulated Onyx."""
    path = tmp_path_factory.mktemp("tapes") / "onyx.tape.zst"
    arguments = ["record", "onyx", "tickers:dub", "--sim", "-o", str(path), "--seconds", "0.3"]
    assert main(arguments) == 0
    return path


def test_a_pipe_gets_a_line_of_json_for_each_entry(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, with the seconds since the first, as fast as possible where that is asked for."""
    assert main(["replay", str(tape), "--speed", "max"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["number"] for one in records] == list(range(1, len(records) + 1))
    assert records[0]["kind"] == "opened"
    assert records[1]["kind"] == "out"
    assert '"token":"********"' in records[1]["text"]
    assert records[-1]["kind"] == "ended"
    seconds = [one["seconds"] for one in records]
    assert seconds == sorted(seconds)
    assert seconds[-1] > 0.2


@pytest.mark.parametrize(("speed", "factor"), [("1", 1.0), ("4", 0.25)])
def test_it_takes_the_time_that_it_took(
    tape: Path, speed: str, factor: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """In real time, or so many times as fast; never faster."""
    began = time.monotonic()
    assert main(["replay", str(tape), "--speed", speed]) == 0
    took = time.monotonic() - began
    last = json.loads(capsys.readouterr().out.splitlines()[-1])["seconds"]
    assert last * factor <= took < last * factor + 1.0


def test_a_terminal_gets_lines_for_people(
    tape: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which way, and what, on a line of its own."""
    monkeypatch.setattr("venuesdk.cli.replay.is_for_people", lambda: True)
    assert main(["replay", str(tape), "--speed", "max"]) == 0
    first, second, third, *_ = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == ["0.000", "·", "opened", first.split()[-1]]
    assert second.split()[1:3] == [">", "out"]
    assert third.split()[1:3] == ["<", "in"]


def test_a_person_sees_the_entries_as_lines(tape: Path) -> None:
    """At a terminal, one below the other, the token masked; there is no bar between them."""
    with Terminal("replay", str(tape), "--speed", "max", size=(40, 200)) as terminal:
        assert terminal.end() == 0
    lines = terminal.text.splitlines()
    assert [line.split()[2] for line in lines[:3]] == ["opened", "out", "in"]
    assert '"token":"********"' in lines[1]
    assert lines[-1].split()[1:3] == ["·", "ended"]
    assert len(lines) == sum(1 for _ in read_tape(tape))
    assert "━" not in terminal.text


def test_a_bar_shows_how_far_it_is_where_the_lines_go_elsewhere(
    tape: Path, tmp_path: Path
) -> None:
    """On the terminal that standard error is: up to the last entry, and no line is lost."""
    entries = sum(1 for _ in read_tape(tape))
    with (
        (tmp_path / "lines.jsonl").open("w+", encoding="utf-8") as output,
        Terminal("replay", str(tape), "--speed", "max", output=output) as terminal,
    ):
        assert terminal.end() == 0
        output.seek(0)
        assert [json.loads(line)["number"] for line in output] == list(range(1, entries + 1))
    assert re.search(rf"━+ +{entries}/{entries} 0:00:0\d", terminal.text)
    assert "{" not in terminal.text


def test_a_served_tape_is_a_venue(tape: Path) -> None:
    """Any credentials will do, the events are those of then; what it does not know is told."""
    with Terminal("replay", str(tape), "--serve", "--speed", "20") as terminal:
        terminal.wait_for("url  ", "credentials  any")
        (url,) = (line.split()[1] for line in terminal.text.splitlines() if line[:3] == "url")
        with OnyxClient(url=url, token="any") as client:
            tickers = client.subscribe_tickers(products=["dub"])
            assert tickers.get(timeout=5).tickers[0].product_symbol == "dub"
            with pytest.raises(ConnectionLost):
                client.request("nonsense")
        terminal.wait_for("not on the tape: ")
        assert terminal.end("\x03") == 130
        played, total = re.findall(r"played (\d+) of (\d+) frames", terminal.text)[0]
        # The bar counts to the same end, and was there while it played.
        assert re.search(rf"━+ +[1-9]\d*/{total} \d:\d\d:\d\d", terminal.text)
        assert 0 < int(played) <= int(total)
        assert "Traceback" not in terminal.text


def test_programs_are_told_where_it_is_served(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address is a line of JSON; it can end by itself, and says how much was played."""
    assert main(["replay", str(tape), "--serve", "--seconds", "0", "--json"]) == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["kind"] == "serving"
    assert facts["url"].startswith("ws://127.0.0.1:")
    assert "played 0 of " in captured.err


def test_a_tape_without_an_end_is_played_and_told(
    tape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there is there; a file that is no tape is a failure."""
    cut = tmp_path / "cut.tape.zst"
    cut.write_bytes(tape.read_bytes()[:-20])
    assert main(["replay", str(cut), "--speed", "max"]) == 0
    assert "has no end" in capsys.readouterr().err
    none = tmp_path / "none.tape"
    none.write_text("hello\n")
    assert main(["replay", str(none)]) == 1
    assert "no tape" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast"])
def test_a_speed_is_a_number_above_zero(
    tape: Path, speed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or the word max."""
    assert main(["replay", str(tape), "--speed", speed]) == 2
    assert "neither a number above 0 nor max" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("entry", "line", "record"),
    [
        (TapeEntry(2, Kind.IN, 9.0, 0.0, 1, binary=b"\1\2", frame="binary"),
         "< in        (binary) 01 02", {"base64": "AQI="}),
        (TapeEntry(2, Kind.LOST, 9.0, 0.0, count=12),
         "· lost      12 entries are missing here", {"count": 12}),
        (TapeEntry(2, Kind.WITHDRAWN, 9.0, 0.0, 1, refers=7),
         "· withdrawn the frame of entry 7", {"refers": 7}),
        (TapeEntry(2, Kind.HTTP, 9.0, 0.0, exchange=Exchange("GET", "/v3/ws/key", "", 200)),
         "· http      GET /v3/ws/key: 200", {"kind": "http"}),
    ],
)  # fmt: skip
def test_every_kind_of_entry_can_be_read(
    entry: TapeEntry, line: str, record: dict[str, object]
) -> None:
    """What is missing, taken back, binary or over HTTP is said, and not left out."""
    assert line_of(entry, 1.5) == f"     1.500  {line}"
    assert record.items() <= record_of(entry, 1.5).items()
