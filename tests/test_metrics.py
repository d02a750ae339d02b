"""The collector: what prometheus-client gets of any number of clients, and for how long."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from venuesdk.metrics import Collector
from venuesdk.session.exposition import families_of, text_of
from venuesdk.testing import simulate
from venuesdk.venues.fuze import FuzeClient
from venuesdk.venues.onyx import OnyxClient

PATIENCE = 5.0


@pytest.fixture
def venue() -> Iterator[Any]:
    """A simulated venue that streams when it is told to."""
    with simulate("onyx", interval=None) as started:
        yield started


@pytest.fixture
def open_client(venue: Any) -> Iterator[Callable[[], Any]]:
    """Make connected clients of it that are closed, whatever the test does."""
    made: list[Any] = []

    def make() -> Any:
        made.append(OnyxClient(url=venue.url, token=venue.token).connect())
        return made[-1]

    yield make
    for client in made:
        client.close()


def scraped(collector: Collector) -> dict[tuple[str, str], float]:
    """Return each sample that a scrape shows, by its name and its client."""
    registry = CollectorRegistry()
    registry.register(collector)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, sample.labels["client"]): sample.value
        for family in families
        for sample in family.samples
        if sample.labels.get("state") in (None, "closed")
    }


def names(collector: Collector) -> set[str]:
    """Return the clients that a scrape shows."""
    return {client for _, client in scraped(collector)}


def test_it_shows_what_the_text_of_the_counters_does(open_client: Callable[[], Any]) -> None:
    """Same names, labels, types and help texts: one dashboard is good for both."""
    client = open_client()
    client.subscribe_tickers(print, products=["ebob"])
    registry = CollectorRegistry()
    registry.register(Collector(client))
    theirs = list(text_string_to_metric_families(generate_latest(registry).decode()))
    ours = list(text_string_to_metric_families(client.stats().prometheus()))
    assert [one.name for one in theirs] == [one.name for one in ours]
    for one, other in zip(theirs, ours, strict=True):
        assert (one.type, one.documentation) == (other.type, other.documentation)
        assert [(s.name, s.labels) for s in one.samples] == [
            (s.name, s.labels) for s in other.samples
        ]


def test_the_text_is_what_prometheus_client_writes_for_the_same_values(
    open_client: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lines of help and type, and every sample reads back as the same."""
    client = open_client()
    stats = client.stats()
    monkeypatch.setattr(client, "stats", lambda: stats)
    registry = CollectorRegistry()
    registry.register(Collector(client))
    theirs = {line for line in generate_latest(registry).decode().splitlines() if "#" in line}
    assert theirs == {line for line in stats.prometheus().splitlines() if "#" in line}
    read = text_string_to_metric_families
    assert list(read(generate_latest(registry).decode())) == list(read(stats.prometheus()))


def test_several_clients_of_one_venue_are_told_apart(open_client: Callable[[], Any]) -> None:
    """By the name that each was given, or else by the venue's and a number."""
    first, second, third = open_client(), open_client(), open_client()
    collector = Collector(first, second)
    assert collector.register(third, "desk-7") == "desk-7"
    assert names(collector) == {"onyx", "onyx-2", "desk-7"}
    assert collector.register(second) == "onyx-2"
    assert scraped(collector)["venuesdk_connections_total", "desk-7"] == 1.0


def test_a_name_belongs_to_one_client(open_client: Callable[[], Any]) -> None:
    """Another one that wants it is refused, and so is a second name for the same one."""
    first, second = open_client(), open_client()
    collector = Collector(first)
    with pytest.raises(ValueError, match="another client is registered as 'onyx'"):
        collector.register(second, "onyx")
    with pytest.raises(ValueError, match="the client is registered as 'onyx'"):
        collector.register(first, "other")
    with pytest.raises(ValueError, match="not empty"):
        collector.register(second, "")
    with pytest.raises(TypeError, match="a client is needed"):
        collector.register(OnyxClient)  # type: ignore[arg-type]
    assert names(collector) == {"onyx"}


def test_a_client_is_shown_until_it_is_unregistered(open_client: Callable[[], Any]) -> None:
    """Unregistering it again does nothing; its name is free."""
    first, second = open_client(), open_client()
    collector = Collector(first)
    collector.unregister(first)
    collector.unregister(first)
    assert names(collector) == set()
    assert collector.register(second) == "onyx"


def test_a_closed_client_is_shown_as_closed_with_its_last_counts(
    open_client: Callable[[], Any],
) -> None:
    """What it counted since the last scrape is not lost."""
    client = open_client()
    collector = Collector(client)
    client.close()
    samples = scraped(collector)
    assert samples["venuesdk_state", "onyx"] == 1.0
    assert samples["venuesdk_connections_total", "onyx"] == 1.0
    assert ("venuesdk_connection_age_seconds", "onyx") not in samples


def test_the_collector_alone_keeps_no_client() -> None:
    """One that the program has let go of drops out, and its name is free again."""
    collector = Collector()
    collector.register(FuzeClient(api_key="k", api_secret="s"))
    gc.collect()
    kept = FuzeClient(api_key="k", api_secret="s")
    assert collector.register(kept) == "fuze"
    assert names(collector) == {"fuze"}
    collector.register(FuzeClient(api_key="k", api_secret="s"), "gone")
    gc.collect()
    assert names(collector) == {"fuze"}


def test_the_streams_may_be_left_out(open_client: Callable[[], Any]) -> None:
    """There may be thousands of them."""
    client = open_client()
    client.subscribe_tickers(print, products=["ebob"])
    short = {name for name, _ in scraped(Collector(client, subscriptions=False))}
    assert not [name for name in short if "subscription" in name]
    assert [name for name, _ in scraped(Collector(client)) if "subscription" in name]


def test_a_registry_refuses_a_second_collector(open_client: Callable[[], Any]) -> None:
    """As it does for any metric that is there twice; nobody is asked for counters for that."""
    registry = CollectorRegistry()
    registry.register(Collector())
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(Collector())


def test_a_forked_child_shows_nothing_of_the_parents(open_client: Callable[[], Any]) -> None:
    """The client is the parent's, and so are its counts."""
    client = open_client()
    client._session.standing.forked = True
    try:
        assert names(Collector(client)) == set()
    finally:
        client._session.standing.forked = False


def test_many_threads_may_register_and_scrape_at_once() -> None:
    """No name is given twice, and no scrape fails."""
    clients = [FuzeClient(api_key="k", api_secret="s") for _ in range(20)]
    collector, given, failures = Collector(), [], []

    def register(some: list[FuzeClient]) -> None:
        try:
            for client in some:
                given.append(collector.register(client))
                text_of(families_of([("a", client.stats())]))
                list(collector.collect())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=register, args=(clients[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []
    assert len(set(given)) == len(clients)


def test_without_prometheus_client_the_extra_is_named() -> None:
    """And everything else works."""
    program = (
        "import sys\n"
        "sys.modules['prometheus_client'] = None\n"
        "import venuesdk.client\n"
        "try:\n"
        "    import venuesdk.metrics\n"
        "except ImportError as error:\n"
        "    assert \"pip install 'venuesdk[metrics]'\" in str(error), error\n"
        "else:\n"
        "    raise SystemExit('no error')\n"
    )
    root = Path(__file__).parent.parent
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=30,
    )
