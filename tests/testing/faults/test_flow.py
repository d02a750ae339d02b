"""One direction of a connection: how faults in it go together."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from venuesdk.testing.faults.flow import Weather


def test_healing_ends_every_fault_of_the_weather() -> None:
    """After healing nothing of the weather is left but its seed and its buffers."""
    weather = Weather(7, 4096)
    fresh = {name: value for name, value in vars(weather).items() if name != "random"}
    weather.latency = weather.jitter = weather.slice_delay = 1.0
    weather.rate, weather.slice_size, weather.stalled = 1.0, 1, frozenset({"up"})
    weather.heal()
    assert {name: value for name, value in vars(weather).items() if name != "random"} == fresh


def test_the_seed_fixes_the_jitter() -> None:
    """Two weathers of one seed are the same."""
    assert Weather(3, None).random.random() == Weather(3, None).random.random()


def test_all_faults_together_lose_and_change_nothing(ends: Any) -> None:
    """Delayed, sliced and throttled at once, both directions still carry every byte in order."""
    client, server = ends.pair()
    data = bytes(range(256)) * 40
    ends.proxy.latency(0.01, jitter=0.02)
    ends.proxy.slice(101)
    ends.proxy.bandwidth(200_000)
    for source, sink in ((client, server), (server, client)):
        sender = threading.Thread(target=source.sendall, args=(data,))
        sender.start()
        assert ends.read(sink, len(data)) == data
        sender.join()


def test_healing_lets_what_was_delayed_arrive_at_once(ends: Any) -> None:
    """Bytes that were not due for a minute arrive when the latency is healed."""
    client, server = ends.pair()
    ends.proxy.latency(60)
    client.sendall(b"slow")
    assert ends.is_silent(server)
    ends.proxy.heal()
    assert ends.read(server, 4) == b"slow"


@pytest.mark.parametrize("how", ["reset", "finish", "hold"])
def test_a_cut_counts_bytes_that_pass_in_slices(ends: Any, how: str) -> None:
    """A cut between two slices, or inside of one, lets through no byte too many."""
    client, server = ends.pair()
    ends.proxy.slice(4)
    ends.proxy.cut_after(10, "up", how)
    client.sendall(b"0123456789abcdef")
    assert ends.until(lambda: ends.proxy.bytes_up == 10)
    assert ends.read(server, 10) == b"0123456789"
    if how == "hold":
        assert ends.is_silent(server)
