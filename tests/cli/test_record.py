"""``venuesdk record``: a tape of what was watched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from venuesdk.cli import main
from venuesdk.testing import simulate
from venuesdk.testing.tape import Kind, read_tape

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal, environment  # noqa: E402


@pytest.mark.parametrize("name", ["a.tape.zst", "a.tape"])
def test_a_tape_has_every_frame_and_no_credential(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    canaries: Any,
) -> None:
    """From the login to the end; what is printed says how much it is."""
    path = tmp_path / name
    with simulate("onyx") as venue:
        monkeypatch.setenv("VENUESDK_ONYX_TOKEN", venue.credentials["token"])
        arguments = ["record", "onyx", "tickers:dub", "server_info", "--url", venue.url]
        assert main([*arguments, "-o", str(path), "--count", "5", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    tape = read_tape(path)
    entries = list(tape)
    assert not tape.truncated
    assert tape.header.venue == "onyx"
    assert record["entries"] == len(entries)
    assert record["events"] == 5
    assert record["bytes"] == path.stat().st_size
    assert record["lost"] == 0
    assert [entry.kind for entry in entries][:2] == [Kind.OPENED, Kind.OUT]
    assert entries[-1].kind is Kind.ENDED
    assert sum(entry.kind is Kind.IN for entry in entries) >= 8
    assert venue.credentials["token"] not in "".join(entry.text for entry in entries)


def test_a_tape_that_is_there_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """But where that is asked for."""
    path = tmp_path / "a.tape"
    path.write_text("precious")
    arguments = ["record", "fuze", "quotes:BTC_USD", "--sim", "-o", str(path), "--count", "1"]
    assert main(arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "precious"
    assert main([*arguments, "--force"]) == 0
    assert "entries, 1 event, 0 gaps" in capsys.readouterr().out
    assert read_tape(path).header.venue == "fuze"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["-o", "{}/a.txt"], 2, ".tape"),
        (["-o", "{}/nowhere/a.tape"], 2, "nowhere"),
        ([], 2, "--output"),
    ],
)
def test_what_cannot_be_written_is_told(
    arguments: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A name that is no tape's, a folder that is not there, no name at all."""
    filled = [one.format(tmp_path) for one in arguments]
    assert main(["record", "onyx", "server_info", "--sim", *filled]) == status
    assert said in capsys.readouterr().err


def test_a_disk_that_is_full_ends_it(tmp_path: Path) -> None:
    """It does not go on watching what nobody writes; the status is 1, and the cause is told."""
    program = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    program += "from venuesdk.cli import main; sys.exit(main(sys.argv[1:]))"
    path = tmp_path / "a.tape"
    arguments = ["record", "onyx", "tickers:brt,dub", "--sim", "-o", str(path)]
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert "the tape ended before its time" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(list(read_tape(path))) > 3


def test_ctrl_c_ends_a_tape_as_it_should_be(tmp_path: Path) -> None:
    """Progress is shown meanwhile; the tape is whole, and a loss on the way was told."""
    path = tmp_path / "a.tape.zst"
    with simulate("loopring") as venue:
        assert venue.http_url is not None
        with Terminal(
            "record", "loopring", "ticker:LRC-ETH", "-o", str(path),
            "--url", venue.url, "--http-url", venue.http_url,
        ) as terminal:  # fmt: skip
            terminal.wait_for("recording a.tape.zst  ", " events")
            venue.drop()
            terminal.wait_for("connected again", "gap in ticker:LRC-ETH: reconnected")
            assert terminal.end("\x03") == 130
            assert "entries" in terminal.text
            assert "Traceback" not in terminal.text
    tape = read_tape(path)
    assert {entry.epoch for entry in tape} >= {1, 2}
    assert not tape.truncated
