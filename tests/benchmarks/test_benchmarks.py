"""The benchmark's own promises: its sections run, and its floors make what the clients make."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# Behind the rest: other tests have modules of the same names.
sys.path.append(str(HERE))
from decoding import ONE_PASS, TWO_PASSES  # noqa: E402
from shapes import payloads, stamped  # noqa: E402

from venuesdk.client import clients  # noqa: E402
from venuesdk.protocol.codec import Event  # noqa: E402
from venuesdk.venues.onyx.models import Tickers  # noqa: E402

SECTIONS = ("streaming", "requests", "latency", "wss", "start", "growth", "recording", "relay")


@pytest.mark.parametrize("shape", TWO_PASSES)
def test_the_floor_makes_the_very_values_that_the_client_makes(shape: str) -> None:
    """Of every frame that the server sends, in one pass too where there is such a decoder."""
    kind = clients()[shape.split(".")[0]].codec
    codec = kind({}, kind.url, kind.http_url or "")
    for payload in payloads(shape):
        (message,) = codec.decode(payload)
        assert isinstance(message, Event)
        event = message.decode(message.payload)
        assert TWO_PASSES[shape](payload) == event
        assert ONE_PASS.get(shape, TWO_PASSES[shape])(payload) == event


@pytest.mark.parametrize("shape", TWO_PASSES)
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "sNaN"])
def test_the_floor_refuses_what_the_client_refuses(shape: str, number: str) -> None:
    """A price that is not finite, wherever the shape has its first one, and what is not UTF-8."""
    payload = next(iter(payloads(shape)))
    for decode in {TWO_PASSES[shape], ONE_PASS.get(shape, TWO_PASSES[shape])}:
        with pytest.raises(Exception, match="finite"):
            decode(_with_price(payload, number))
        with pytest.raises(UnicodeDecodeError):
            decode(payload[:-2] + b"\xff" + payload[-2:])


def test_a_stamp_is_where_the_clients_look_for_it() -> None:
    """The paced tickers are tickers, and their time is the one that was put there."""
    head, tail = stamped()
    event = TWO_PASSES["onyx.tickers-1"](head + b"1000000000000000042" + tail)
    assert isinstance(event, Tickers)
    assert event.tickers[0].timestamp_millis == 1000000000000000042


@pytest.mark.timeout(600)
@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_finds_figures_for_every_client_that_is_installed(
    section: str, tmp_path: Path
) -> None:
    """No figure is judged: that needs a quiet machine and a reader."""
    file = tmp_path / "figures.json"
    command = [sys.executable, str(HERE / "run.py"), section, "--json", str(file)]
    command += ["--rounds", "1", "--seconds", "0.2", "--idle", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    print(done.stdout)
    assert not done.returncode, done.stderr
    for table in json.loads(file.read_text())["tables"]:
        for name, rounds in table["rounds"].items():
            reason = table["reasons"].get(name, "")
            missing = reason.endswith("is not installed")
            assert all(rounds) and (rounds or missing), f"{table['title']}: {name}: {reason}"


def _with_price(payload: bytes, number: str) -> bytes:
    """Put a number that is none, as text, where the first price stands."""
    text = json.dumps(number)
    for name in (b'"price":', b'"bids":[[', b'"buyPrice":'):
        before, found, behind = payload.partition(name)
        if found:
            end = min(place for place in map(behind.find, (b",", b"]", b"}")) if place >= 0)
            return before + found + text.encode() + behind[end:]
    raise AssertionError(f"no price in {payload!r}")


def test_the_cost_of_a_kept_book_is_found() -> None:
    """A row for the floor and for the book, each with a figure for every depth."""
    command = [sys.executable, str(HERE / "books.py"), "--seconds", "0.001"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert result.returncode == 0, result.stderr
    rows = [line.strip("| ").split(" | ") for line in result.stdout.splitlines()[2:]]
    assert {row[0].partition(":")[0] for row in rows} == {"floor", "`Book`"}
    assert all(float(figure) > 0 for row in rows for figure in row[1:])
