"""RFC 6455 conformance: the Autobahn cases, served and judged by kosoku, not by us.

The client under test is a `WebSocketConnection` used alone, which sends back whatever it receives.
A case passes where the suite's report says so: both what the client did and how it closed are
``OK``, ``NON-STRICT`` or ``INFORMATIONAL``. The whole table, in a few seconds:

    python -m pytest tests/wire/test_conformance.py -m long
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from venuesdk.errors import ConnectFailed, ConnectionLost, NetworkError
from venuesdk.wire import frames
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.websocket import WebSocketConnection

TABLE = "RFC 6455 conformance (Autobahn cases)"
AGENT = "venuesdk"
PATIENCE = 20.0
"""Seconds of silence after which a case is given up; the longest that a case keeps quiet is two."""

AT_A_TIME = 6
"""Cases that are run side by side: six of them do little but wait."""

GROUPS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits and performance",
    "10": "automatic fragmentation",
    "12": "compression",
    "13": "compression, its parameters",
}
CASES = {
    "1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1,
    "12": 90, "13": 126,
}  # fmt: skip
"""How many cases the Autobahn suite has of each group; none may be missing from a report."""

QUICK = ("1", "2", "3", "4", "5", "6", "7", "10")
WHOLE = ("1", "2", "3", "4", "5", "6", "7", "9", "10")
COMPRESSION = ("12", "13")

NON_STRICT = {"6.4.1", "6.4.2", "6.4.3", "6.4.4"}
"""Text that turns out not to be UTF-8 in the middle: the RFC would have it refused at once, and
has nothing against refusing it at the end of the message, which is when it is looked at here."""

SERVER = Path(__file__).with_name("autobahn_server.py")

Report = list[dict[str, Any]]


@contextmanager
def autobahn(patterns: Iterable[str]) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Serve the cases that match; give the port and the process, which never outlives the block."""
    process = subprocess.Popen(
        [sys.executable, str(SERVER), *patterns], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


def echo(port: int, resource: str) -> list[str | bytes]:
    """Send back all that comes until the peer ends it, or for `PATIENCE`; return what came."""
    connection = WebSocketConnection.connect(Endpoint(f"ws://127.0.0.1:{port}{resource}"), PATIENCE)
    received: list[str | bytes] = []
    try:
        while messages := connection.receive(PATIENCE):
            for message in messages:
                received.append(message)
                connection.send(message, PATIENCE)
    except NetworkError:
        pass  # how it ended is for the suite to judge
    finally:
        connection.close()
    return received


def run_cases(patterns: Sequence[str], at_a_time: int = AT_A_TIME) -> Report:
    """Run the cases that match, and return what the suite's report says of each."""
    with autobahn(patterns) as (port, process):
        count = int(echo(port, "/getCaseCount")[0])
        with ThreadPoolExecutor(at_a_time) as pool:
            asked = [f"/runCase?case={number}&agent={AGENT}" for number in range(1, count + 1)]
            list(pool.map(echo, [port] * count, asked))
        echo(port, f"/updateReports?agent={AGENT}")
        report: Report = json.loads(process.communicate(timeout=PATIENCE)[0])
    assert len(report) == count
    return report


def group_of(line: dict[str, Any]) -> str:
    """Return the group of a line of the report: 6 for the case 6.4.1."""
    return str(line["case"].partition(".")[0])


def check(report: Report, groups: Sequence[str], figures: Any) -> None:
    """Add a row for each group to the figures, and fail where a case failed or is missing."""
    for group in groups:
        lines = [line for line in report if group_of(line) == group]
        lenient = [line["case"] for line in lines if line["behavior"] == "NON-STRICT"]
        passed = sum(line["passed"] for line in lines)
        figures.add(
            TABLE,
            group=f"{group} {GROUPS[group]}",
            cases=len(lines),
            passed=passed,
            **{"non-strict": ", ".join(lenient) or 0, "failed": len(lines) - passed},
        )
    passed = sum(line["passed"] for line in report)
    figures.add(
        TABLE,
        group="in all",
        cases=len(report),
        passed=passed,
        **{
            "non-strict": sum(line["behavior"] == "NON-STRICT" for line in report),
            "failed": len(report) - passed,
        },
    )
    failed = [line for line in report if not line["passed"]]
    assert not failed, "\n".join(
        f"{line['case']}: {line['behavior']}, close {line['close']}: {line['why']}"
        for line in failed
    )
    found = [group_of(line) for line in report]
    assert {group: found.count(group) for group in groups} == {g: CASES[g] for g in groups}
    assert {line["agent"] for line in report} == {AGENT}
    lenient_cases = {line["case"] for line in report if line["behavior"] == "NON-STRICT"}
    assert lenient_cases == NON_STRICT


def test_the_autobahn_cases_pass(figures: Any) -> None:
    """Framing, pings, reserved bits, opcodes, fragments, UTF-8 and closing: every case passes."""
    check(run_cases([f"{group}.*" for group in QUICK]), QUICK, figures)


@pytest.mark.long
def test_the_whole_of_the_autobahn_suite_passes(figures: Any) -> None:
    """All 301 cases without compression pass, messages of 16 MiB among them; 216 are not ours."""
    report = run_cases([f"{group}.*" for group in WHOLE if group != "9"])
    report += run_cases(["9.*"], at_a_time=1)
    assert len(report) == 301
    check(report, WHOLE, figures)
    check_compression(figures)


# ---- the suite would tell -----------------------------------------------------------------------


def failed_cases(patterns: Sequence[str]) -> set[str]:
    """Run the cases that match; return those that failed."""
    return {line["case"] for line in run_cases(patterns) if not line["passed"]}


def test_a_client_that_does_not_check_utf_8_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check of UTF-8 the report says failed, so its verdicts can be relied on."""
    assert not failed_cases(["6.3.*"])
    monkeypatch.setattr(frames, "_is_utf8", lambda payload: True)
    # What came is not UTF-8, so nothing can be sent back as text: `receive` does not even return.
    monkeypatch.setattr(
        WebSocketConnection,
        "receive",
        lambda self, timeout=None: [text.decode("utf-8", "replace") for text in self.read(timeout)],
    )
    assert failed_cases(["6.3.*"]) == {"6.3.1", "6.3.2"}


def test_a_client_that_closes_with_the_wrong_code_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """To end a connection on a reserved bit with 1000 instead of 1002 is a failure."""
    assert not failed_cases(["3.*"])
    monkeypatch.setattr(frames, "PROTOCOL_ERROR", 1000)
    assert failed_cases(["3.*"]) == {f"3.{number}" for number in range(1, 8)}


# ---- compression ---------------------------------------------------------------------------------


def check_compression(figures: Any) -> None:
    """Run the cases of compression, and fail where it was offered or a close was not clean."""
    report = run_cases([f"{group}.*" for group in COMPRESSION])
    for group in COMPRESSION:
        lines = [line for line in report if group_of(line) == group]
        assert len(lines) == CASES[group]
        figures.add(
            TABLE,
            group=f"{group} {GROUPS[group]}",
            cases=len(lines),
            passed="not offered (refused cleanly)",
            **{"non-strict": 0, "failed": 0},
        )
    assert {(line["behavior"], line["close"]) for line in report} == {("UNIMPLEMENTED", "OK")}
    assert not any("sec-websocket-extensions" in line["request"].lower() for line in report)


def test_compression_is_never_offered(figures: Any) -> None:
    """To the 216 cases of compression no extension is offered, and each ends with a clean close."""
    check_compression(figures)


def test_an_extension_that_nobody_asked_for_is_refused(peers: Any) -> None:
    """A server that takes compression for agreed gets no connection."""

    def force(sock: Any) -> None:
        request = peers.request(sock)
        assert b"extension" not in request.lower()
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
            b"Sec-WebSocket-Accept: " + peers.accept_for(request).encode() + b"\r\n\r\n"
        )
        assert peers.everything(sock) == b"", "a frame was sent over a connection that is none"

    port = peers.listen(force)
    with pytest.raises(ConnectFailed, match="extension"):
        WebSocketConnection.connect(Endpoint(f"ws://127.0.0.1:{port}/"), PATIENCE)


def test_a_compressed_frame_is_refused(peers: Any) -> None:
    """A frame with RSV1, which means compressed where that was agreed, is answered with 1002."""
    answers = []

    def compress(sock: Any) -> None:
        # "Hello", compressed: the example of RFC 7692, section 7.2.3.1.
        peers.upgrade(sock, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00")
        answers.append(peers.frame(sock))

    port = peers.listen(compress)
    connection = WebSocketConnection.connect(Endpoint(f"ws://127.0.0.1:{port}/"), PATIENCE)
    with pytest.raises(ConnectionLost) as lost:
        connection.receive(PATIENCE)
    connection.close()
    peers.stop()
    assert lost.value.code == 1002
    [(opcode, payload)] = answers
    assert (opcode, payload[:2]) == (frames.CLOSE, (1002).to_bytes(2, "big"))
