"""Topics as they are written on a command line."""

from __future__ import annotations

import json
import sys

import click
import pytest

from venuesdk.cli import main
from venuesdk.cli.stream import Ending, open_stream
from venuesdk.cli.target import VENUES, Target
from venuesdk.cli.topics import TOPICS, complete, find, find_all

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402

KINDS = [(venue, kind) for venue, kinds in TOPICS.items() for kind in kinds]


@pytest.mark.parametrize("venue", sorted(TOPICS))
def test_every_example_brings_an_event_of_the_simulator(venue: str) -> None:
    """Every kind of topic can be watched as its example is written, conflated where it may be."""
    topics = [find(venue, kind.example) for kind in TOPICS[venue]]
    # An account has events when something happens to it; a snapshot is not asked for here.
    loud = {topic.text for topic in topics if topic.kind.name not in ("account", "orders")}
    with open_stream(Target(venue, simulated=True), topics, conflate=True) as stream:
        ending = Ending(seconds=8.0)
        while loud and not ending.come:
            loud -= {entry.topic for entry in stream.take(0.25) if entry.kind == "event"}
    assert not loud


@pytest.mark.parametrize(
    ("venue", "text", "said"),
    [
        ("onyx", "tickers", "tickers:dub"),
        ("onyx", "nonsense:1", "there are tickers:PRODUCT"),
        ("onyx", "server_info:x", "takes nothing"),
        ("onyx", "/orderbook.raw/ETHAUDT", "no topic"),
        ("infinex", "ticker:BTC", "no streams: venuesdk call infinex"),
    ],
)
def test_what_is_no_topic_is_told_with_what_there_is(venue: str, text: str, said: str) -> None:
    """A missing or needless argument, an unknown name, a venue without streams."""
    with pytest.raises(click.UsageError, match=said):
        find(venue, text)


@pytest.mark.parametrize(
    ("venue", "text"), [("timex", "trades:ETHAUDT"), ("loopring", "candlesticks:LRC-ETH")]
)
def test_an_argument_of_the_wrong_form_is_told_before_anything_is_sent(
    venue: str, text: str
) -> None:
    """Two tokens, a market and an interval: less is refused as a mistake in the command."""
    with pytest.raises(click.UsageError):
        find(venue, text).subscribe(object())


def test_a_pattern_of_timex_goes_word_for_word() -> None:
    """What begins with a slash is no name and no argument, colons or not."""
    assert find("timex", "/trade.symbols/BTC:USDT").argument == "/trade.symbols/BTC:USDT"


def test_a_topic_that_is_written_twice_is_one() -> None:
    """Nobody wants each event twice."""
    assert len(find_all("onyx", ("tickers:dub", "tickers:dub", "server_info"))) == 2


def test_they_are_listed_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """For one venue or all, for people and for programs; one without streams says so."""
    assert main(["topics"]) == 0
    out = capsys.readouterr().out
    assert all(kind.example in out for _, kind in KINDS)
    assert all(venue in out for venue in VENUES)
    assert "no streams" in out
    assert main(["topics", "fuze", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["example"] for row in rows] == ["quotes:BTC_USD", "market_data"]


def test_a_shell_completes_them_of_the_venue_that_stands_before() -> None:
    """What fits what is there already; nothing where there is no venue."""
    context = click.Context(click.Command("watch"))
    parameter = click.Argument(["topics"])
    context.params = {"venue": "loopring"}
    assert complete(context, parameter, "t") == ["ticker:LRC-ETH", "trades:LRC-ETH"]
    context.params = {}
    assert complete(context, parameter, "") == []


def test_a_person_sees_how_each_is_written_and_an_example() -> None:
    """At a terminal, below the name of the venue."""
    with Terminal("topics", "timex") as terminal:
        assert terminal.end() == 0
    head, *lines = terminal.text.splitlines()
    assert head == "timex"
    assert {kind.example for kind in TOPICS["timex"]} <= {line.strip() for line in lines}
