"""``venuesdk book``: a ladder for people, lines for programs, and never a wrong book."""

from __future__ import annotations

import json
import sys

import pytest

from venuesdk.cli import main
from venuesdk.cli.book import MARKETS
from venuesdk.cli.watch import FRAME
from venuesdk.testing import simulate
from venuesdk.testing.clients import client_class
from venuesdk.venues import names

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402


def test_its_help_names_the_venues_that_have_books(capsys: pytest.CaptureFixture[str]) -> None:
    """All whose client keeps one, and no others."""
    keeping = [venue for venue in names() if hasattr(client_class(venue), "keep_order_book")]
    assert main(["book", "--help"]) == 0
    assert f"venuesdk book [OPTIONS] {{{'|'.join(keeping)}}} MARKET" in capsys.readouterr().out


@pytest.mark.parametrize("venue", sorted(MARKETS))
def test_once_is_one_book(venue: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its best levels, as exact text, best first."""
    arguments = ["book", venue, MARKETS[venue], "--sim", "--once", "--levels", "3"]
    assert main(arguments) == 0
    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert record["kind"] == "book"
    assert record["market"] == MARKETS[venue]
    bids = [float(row["price"]) for row in record["bids"]]
    asks = [float(row["price"]) for row in record["asks"]]
    assert len(bids) == len(asks) == 3
    assert sorted(asks) == asks
    assert sorted(bids, reverse=True) == bids
    assert bids[0] < asks[0]


def test_a_pipe_gets_every_book(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, between the changes of state."""
    assert main(["book", "loopring", "LRC-ETH", "--sim", "--seconds", "0.4"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    books = [one for one in records if one["kind"] == "book"]
    assert len(books) >= 3
    assert [one["version"] for one in books] == sorted({one["version"] for one in books})
    assert {one["kind"] for one in records} == {"state", "book"}


def test_a_terminal_sees_a_ladder_and_no_book_while_it_is_lost() -> None:
    """At most eight pictures a second; the loss is told in words, and the book comes back."""
    with simulate("timex") as venue, Terminal(
        "book", "timex", "ETHAUDT", "--url", venue.url, "--levels", "4"
    ) as terminal:
        terminal.wait_for("✓ synchronised", "spread", "ask", "bid")
        venue.refuse_connections()
        venue.drop()
        terminal.wait_for("resynchronising: no book to be trusted", "◌ reconnecting")
        venue.refuse_connections(False)
        terminal.wait_for("connected again", "gap in ETHAUDT: reconnected")
        assert terminal.end("\x03") == 130
        assert "Traceback" not in terminal.text
        assert 3 <= terminal.raw.count("timex ETHAUDT\x1b") <= terminal.lasted / FRAME + 2
        assert terminal.raw.rstrip().endswith("\x1b[?25h")


def test_once_at_a_terminal_is_one_ladder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is redrawn, so that it can be copied."""
    monkeypatch.setattr("venuesdk.cli.book.is_for_people", lambda: True)
    assert main(["book", "timex", "ETHAUDT", "--sim", "--once", "--levels", "2"]) == 0
    out = capsys.readouterr().out
    assert [line[:3] for line in out.splitlines()] == ["   ", "ask", "ask", "   ", "bid", "bid"]
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["onyx", "dubm25"], 2, "'onyx' is not one of 'loopring', 'timex'"),
        (["timex", "ETH/AUDT"], 2, "symbol"),
        (["timex", "NOSUCH", "--seconds", "1"], 1, "venuesdk:"),
        (["loopring", "NO-SUCH"], 1, "venuesdk:"),
        (["timex", "ETHAUDT", "--levels", "0"], 2, "levels"),
    ],
)
def test_what_is_no_book_is_told(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A venue without books, no symbol, a market that there is not, no level at all."""
    assert main(["book", *arguments, "--sim"]) == status
    assert said in capsys.readouterr().err
