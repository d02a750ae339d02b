"""``venuesdk doctor``: what it writes, for people and for programs, and what its status is."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from venuesdk.cli import main
from venuesdk.cli.checks import CHECKS
from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer
from venuesdk.timing import Deadline

ROOT = Path(__file__).parent.parent.parent
LINE = re.compile(r"^([✓!✗–]) ([A-Za-z ]{15})(.*?) *((?:\d+\.\d ms|\d+\.\d\d s)?)$")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where nothing is set that the command looks at."""
    names = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]
    names += ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
    for name in (*names, *map(str.upper, names), "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def test_a_venue_in_order_is_told_line_by_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, canaries: Any, tls: Any
) -> None:
    """Over wss with a file of authorities: status 0, aligned, no colours in a pipe, 100 wide."""
    with simulate("onyx", tls=tls.server_context, token=canaries.token) as venue:
        monkeypatch.setenv("VENUESDK_ONYX_TOKEN", canaries.token)
        status = main(["doctor", "onyx", "--url", venue.url, "--ca-file", str(tls.ca_file)])
    out = capsys.readouterr().out
    assert status == 0, out
    lines = out.splitlines()
    assert lines[0] == "this machine"
    assert "onyx" in lines
    assert lines[-1] == "Nothing is wrong."
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in out
    assert canaries.found_in(out) == []
    told = [found for found in map(LINE.match, lines) if found]
    checks = [one[2].strip() for one in told]
    assert [name for name in checks if name in {check.name for check in CHECKS}] == [
        check.name for check in CHECKS
    ]
    assert all(one[4] for one in told if one[1] != "–"), "each step is timed"
    assert {len(one[0]) for one in told if one[4]} == {100}


def test_what_is_wrong_comes_with_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """The advice stands below its line; the status is 1, and the last line counts."""
    monkeypatch.setenv("VENUESDK_ONYX_TOKEN", canaries.token)
    with HostileServer("refused_401") as server:
        assert main(["doctor", "onyx", "--url", server.url]) == 1
    lines = capsys.readouterr().out.splitlines()
    (place,) = [index for index, line in enumerate(lines) if line.startswith("✗ upgrade")]
    assert "the venue refused the connection (401)" in lines[place]
    assert lines[place + 1].startswith(" " * 17 + "→ Before any login: an allow-list")
    assert "– login          upgrade failed above" in lines
    assert lines[-1] == "1 failed, 0 to be looked at."


def test_json_has_a_line_for_each_finding(
    capsys: pytest.CaptureFixture[str], canaries: Any
) -> None:
    """With verdict, words, advice, seconds and facts; of this machine the venue is null."""
    assert main(["doctor", "fuze", "--sim", "--json"]) == 0
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    keys = {"venue", "check", "verdict", "said", "advice", "seconds", "facts"}
    assert all(set(one) == keys for one in records)
    assert {one["verdict"] for one in records} <= {"ok", "warning", "skipped"}
    assert [one["venue"] for one in records if one["check"] == "versions"] == [None] * 3
    assert {one["venue"] for one in records} == {None, "fuze"}
    (tcp,) = [one for one in records if one["check"] == "TCP"]
    assert tcp["facts"]["address"] == "127.0.0.1"
    assert tcp["seconds"] > 0


def test_without_a_venue_those_with_credentials_are_looked_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """Half of a venue's credentials are none."""
    monkeypatch.setattr("venuesdk.cli.doctor.examine", lambda visit, checks, begins: look_at(visit))
    seen: list[tuple[str, bool]] = []

    def look_at(visit: Any) -> Any:
        seen.append((visit.subject.venue, visit.subject.named))
        yield from ()

    monkeypatch.setenv("VENUESDK_ONYX_TOKEN", canaries.token)
    monkeypatch.setenv("VENUESDK_FUZE_API_KEY", canaries.api_key)
    assert main(["doctor"]) == 0
    assert seen == [("onyx", False)]
    seen.clear()
    monkeypatch.delenv("VENUESDK_ONYX_TOKEN")
    assert main(["doctor"]) == 0
    assert [name for name, _ in seen] == ["fuze", "infinex", "loopring", "onyx", "timex"]
    capsys.readouterr()


def test_simulators_of_all_venues_can_be_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    """One part for each."""
    assert main(["doctor", "--sim"]) == 0
    out = capsys.readouterr().out
    titles = [line for line in out.splitlines() if line.endswith(", simulated")]
    assert titles == [f"{name}, simulated" for name in ("fuze", "infinex", "loopring", "onyx",
                                                        "timex")]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url=ws://127.0.0.1:9"], "name it"),
        (["--credential=token=env:A"], "name it"),
        (["infinex", "--http-url=http://127.0.0.1:9"], "goes with --url"),
    ],
)
def test_addresses_and_credentials_of_two_venues_are_not_mixed(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the command: status 2, before anything is looked at."""
    assert main(["doctor", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_terminal_of_another_age_gets_plain_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output takes ASCII alone nothing fails for a tick."""
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["doctor", "onyx", "--sim"]) == 0
    text = raw.getvalue().decode("ascii")
    assert "+ upgrade" in text
    assert "- TLS" in text
    assert "+/- 0.5 s" in text


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("colours", [True, False])
def test_no_color_is_respected(colours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marks are there in either case, so that nothing is told by colour alone."""
    shown = Terminal()
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    assert main(["doctor", "onyx", "--sim"]) == 0
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", shown.getvalue())) is colours
    assert "✓" in shown.getvalue()


def test_at_a_terminal_marks_have_colours_and_ctrl_c_ends_it(canaries: Any) -> None:
    """One session: what is good is shown as it is found, a mute server is left in between."""
    main_end, its_end = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "90"}
    environment["VENUESDK_ONYX_TOKEN"] = canaries.token

    def mute(peer: Any) -> None:
        if b"Upgrade:" not in peer.read_head():
            peer.respond("404 Not Found", "Content-Length: 0")
        peer.drain()

    with HostileServer(mute) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "venuesdk", "doctor", "onyx", "--url", server.url],
            stdin=its_end, stdout=its_end, stderr=its_end, env=environment,
            start_new_session=True, preexec_fn=take_terminal,
        )  # fmt: skip
        os.close(its_end)
        try:
            shown = read_until(main_end, b"clock", b"looking at upgrade")
            os.write(main_end, b"\x03")
            shown += read_until(main_end)
            assert process.wait(5) == 130
        finally:
            process.kill()
            process.wait()
            os.close(main_end)
    text = shown.decode()
    assert "\x1b[32m✓ \x1b[0m" in text
    assert "Traceback" not in text
    assert canaries.found_in(text) == []
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert max(len(line.strip("\r")) for line in bare.replace("\r", "\n").split("\n")) <= 90


def take_terminal() -> None:
    """Make standard input the terminal that Ctrl-C comes from."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def read_until(end: int, *marks: bytes) -> bytes:
    """Read what is shown until all marks were, or to the end where there are none."""
    shown = b""
    deadline = Deadline(10)
    while not deadline.expired() and not (marks and all(mark in shown for mark in marks)):
        try:
            more = os.read(end, 65536)
        except OSError:  # the other end is gone
            break
        if not more:
            break
        shown += more
    return shown
