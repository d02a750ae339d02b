"""Prometheus' text format, as prometheus-client's own parser reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import evolve
from attrs import fields as attrs_fields
from prometheus_client.parser import text_string_to_metric_families

from venuesdk.models import State
from venuesdk.session.exposition import Family, Sample, families_of, text_of
from venuesdk.session.stats import Stats
from venuesdk.session.subscription import SubscriptionStats

Read = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Read:
    """Return each sample of a text by its name and labels; none may come twice."""
    found: Read = {}
    names = []
    for family in text_string_to_metric_families(text):
        names.append(family.name)
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    assert len(names) == len(set(names))
    return found


def of(samples: Read, name: str, **labels: str) -> float:
    """Return the one sample that has a name and these labels among others."""
    (value,) = [
        value
        for (one, having), value in samples.items()
        if one == name and set(labels.items()) <= set(having)
    ]
    return value


STREAM = {
    "received": 31, "delivered": 32, "dropped": 33, "conflated": 34, "undecodable": 35,
    "gaps": 36, "queued": 37, "queued_bytes": 38, "callback_seconds": 39.5,
}  # fmt: skip
CLIENT = {
    "epoch": 2, "frames_in": 3, "frames_out": 4, "bytes_in": 5, "bytes_out": 6, "requests": 7,
    "responses": 8, "rejections": 9, "timeouts": 10, "late_responses": 11, "garbage": 12,
    "undecodable": 13, "unrouted_events": 14, "reconnects": 15, "errors": 16, "events": 17,
    "dropped": 18, "gaps": 19, "waiting_requests": 20, "queue_depth": 21, "connection_age": 22.5,
    "last_frame_age": 23.25, "callback_seconds": 24.125, "slow_callbacks": 25,
    "state_since_unix": 1_700_000_000.25,
}  # fmt: skip
NAMES = {
    "epoch": "connections_total",
    "frames_in": "received_frames_total",
    "frames_out": "sent_frames_total",
    "bytes_in": "received_bytes_total",
    "bytes_out": "sent_bytes_total",
    "timeouts": "request_timeouts_total",
    "garbage": "unreadable_frames_total",
    "undecodable": "undecodable_events_total",
    "dropped": "dropped_events_total",
    "received": "received_events_total",
    "delivered": "delivered_events_total",
    "conflated": "conflated_events_total",
    "waiting_requests": "waiting_requests",
    "queue_depth": "queued_items",
    "queued": "queued_events",
    "queued_bytes": "queued_bytes",
    "connection_age": "connection_age_seconds",
    "last_frame_age": "last_frame_age_seconds",
    "state_since_unix": "state_since_timestamp_seconds",
}
"""What a field is called; any other as it is, with ``_total``."""


@pytest.fixture
def stats() -> Stats:
    """Return counters that are all different, of one subscription of an awkward name."""
    topic = 'a "quoted" \\ topic\nof two lines'
    stream: Any = SubscriptionStats(topic=topic, number=1, **STREAM)
    return Stats(venue="toy", state="connected", subscriptions=(stream,), **CLIENT)


def test_every_counter_is_there_under_its_name_with_its_value(stats: Stats) -> None:
    """The parser of prometheus-client finds each that is counted; counters end with ``_total``."""
    samples = read(stats.prometheus())
    for field, value in CLIENT.items():
        name = NAMES.get(field, f"{field}_total")
        assert of(samples, f"venuesdk_{name}", venue="toy", client="toy") == value
    for field, value in STREAM.items():
        name = NAMES.get(field, f"{field}_total")
        assert of(samples, f"venuesdk_subscription_{name}", client="toy") == value
    for state in State:
        assert of(samples, "venuesdk_state", state=state.value) == (state is State.CONNECTED)
    assert len(samples) == len(CLIENT) + len(STREAM) + len(State)


def test_no_counter_of_the_values_is_forgotten() -> None:
    """What is added to them is added to the tables, and here."""
    told_otherwise = {"venue", "state", "subscriptions", "topic", "number"}
    fields = {one.name for cls in (Stats, SubscriptionStats) for one in attrs_fields(cls)}
    assert fields - told_otherwise == {*CLIENT, *STREAM}


def test_a_label_may_hold_any_text(stats: Stats) -> None:
    """Quotes, backslashes and new lines are escaped, and come back as they were."""
    samples = read(stats.prometheus())
    (stream,) = stats.subscriptions
    assert of(samples, "venuesdk_subscription_delivered_events_total", topic=stream.topic) == 32.0
    awkward = 'desk "7"\\n\n'
    assert of(read(stats.prometheus(awkward)), "venuesdk_requests_total", client=awkward) == 7.0


def test_the_name_of_a_client_is_text(stats: Stats) -> None:
    """Anything else is a mistake of the caller's, and said to be one."""
    with pytest.raises(TypeError, match="is text"):
        stats.prometheus(7)  # type: ignore[arg-type]


def test_without_a_connection_its_ages_are_absent(stats: Stats) -> None:
    """Rather than a number that means nothing."""
    samples = read(evolve(stats, connection_age=None, last_frame_age=None).prometheus())
    names = {name for name, _ in samples}
    assert "venuesdk_connection_age_seconds" not in names
    assert "venuesdk_last_frame_age_seconds" not in names


def test_streams_of_one_topic_and_clients_of_one_venue_are_told_apart(stats: Stats) -> None:
    """By the number of the subscription, and by the client's name; no sample comes twice."""
    (stream,) = stats.subscriptions
    other = evolve(stream, number=stream.number + 1, delivered=5)
    both = evolve(stats, subscriptions=(stream, other))
    samples = read(text_of(families_of([("a", both), ("b", stats)])))
    name = "venuesdk_subscription_delivered_events_total"
    assert of(samples, name, client="a", subscription=str(other.number)) == 5.0
    assert of(samples, name, client="b") == 32.0


def test_the_streams_may_be_left_out(stats: Stats) -> None:
    """There may be thousands of them."""
    assert "venuesdk_subscription_" not in stats.prometheus(subscriptions=False)


def test_every_metric_has_its_help_and_type_right_before_its_samples(stats: Stats) -> None:
    """As the format wants it: one group each, ``# HELP``, ``# TYPE``, then nothing but its own."""
    lines = stats.prometheus().splitlines()
    current = ""
    for number, line in enumerate(lines):
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert lines[number + 1].split()[:3] == ["#", "TYPE", current]
        elif not line.startswith("# TYPE "):
            assert line.startswith(current + "{")
    assert stats.prometheus().endswith("\n")


def test_names_are_of_the_kind_that_prometheus_recommends(stats: Stats) -> None:
    """Base units, plural nouns, ``_total`` on counters and on nothing else."""
    for family in families_of([("a", stats)]):
        assert re.fullmatch(r"venuesdk_[a-z_]+", family.name)
        assert not family.name.endswith("_total")
        assert family.sample_name.endswith("_total") == (family.kind == "counter")
        assert not re.search(r"_(ms|millis|minutes|kb|mb|count)\b", family.name)


def test_a_help_text_is_escaped_too() -> None:
    """A backslash and a new line would break the line; a quotation mark stays as it is."""
    text = text_of([Family("a", "gauge", 'one\\two\n"three"', [Sample({"b": "c"}, 1)])])
    assert text.splitlines()[0] == r'# HELP a one\\two\n"three"'
    (family,) = text_string_to_metric_families(text)
    assert family.documentation == 'one\\two\n"three"'
