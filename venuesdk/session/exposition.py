"""Exposition: what the counters of clients are called in Prometheus, and its text format.

Names, kinds and help texts stand in two tables, which the text here and the collector of
`venuesdk.metrics` are both made from. Nothing here counts, serves or knows a client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..models import State

if TYPE_CHECKING:
    from .stats import Stats

__all__ = ["Family", "Sample", "families_of", "text_of"]

COUNTER, GAUGE = "counter", "gauge"

CLIENT = (
    ("connections", COUNTER, "epoch", "Connections made."),
    ("reconnects", COUNTER, "reconnects", "Connections made after the first."),
    (
        "connection_age_seconds", GAUGE, "connection_age",
        "Time since the connection was logged in; absent without one.",
    ),
    (
        "last_frame_age_seconds", GAUGE, "last_frame_age",
        "Time since the last byte came; absent without a connection.",
    ),
    ("received_frames", COUNTER, "frames_in", "Frames that came."),
    ("sent_frames", COUNTER, "frames_out", "Frames that were sent."),
    ("received_bytes", COUNTER, "bytes_in", "Bytes that came, TLS included."),
    ("sent_bytes", COUNTER, "bytes_out", "Bytes that were sent, TLS included."),
    ("requests", COUNTER, "requests", "Requests that callers made."),
    ("responses", COUNTER, "responses", "Answers that said yes, those to the client's own too."),
    ("rejections", COUNTER, "rejections", "Answers that said no, those to the client's own too."),
    ("request_timeouts", COUNTER, "timeouts", "Requests that were not answered in time."),
    ("late_responses", COUNTER, "late_responses", "Answers that nobody waited for any more."),
    ("waiting_requests", GAUGE, "waiting_requests", "Requests without an answer so far."),
    ("unreadable_frames", COUNTER, "garbage", "Frames that could not be read."),
    ("undecodable_events", COUNTER, "undecodable", "Events that could not be read."),
    ("unrouted_events", COUNTER, "unrouted_events", "Events that no subscription claimed."),
    ("events", COUNTER, "events", "Events that came for a subscription."),
    ("dropped_events", COUNTER, "dropped", "Events lost to the bound of a queue."),
    ("gaps", COUNTER, "gaps", "Gaps that were told."),
    ("errors", COUNTER, "errors", "Errors that no caller waited for."),
    ("queued_items", GAUGE, "queue_depth", "Items that wait for a callback."),
    ("callback_seconds", COUNTER, "callback_seconds", "Time spent in callbacks."),
    ("slow_callbacks", COUNTER, "slow_callbacks", "Calls of callbacks over 250 ms."),
)  # fmt: skip
"""Of each client: the name, the kind, the field of `Stats`, and what to say about it."""

SUBSCRIPTION = (
    ("received_events", COUNTER, "received", "Events that came for the subscription."),
    ("delivered_events", COUNTER, "delivered", "Events that its consumer was given."),
    ("dropped_events", COUNTER, "dropped", "Events lost to the bound of its queue."),
    ("conflated_events", COUNTER, "conflated", "Values that newer ones took the place of."),
    ("undecodable_events", COUNTER, "undecodable", "Its events that could not be read."),
    ("gaps", COUNTER, "gaps", "Gaps that its consumer was told of."),
    ("queued_events", GAUGE, "queued", "Events that wait in its queue."),
    ("queued_bytes", GAUGE, "queued_bytes", "Bytes that wait in its queue."),
    ("callback_seconds", COUNTER, "callback_seconds", "Time spent in its callback."),
)
"""Of each subscription that is open, the same of `SubscriptionStats`."""


@frozen
class Sample:
    """One value with its labels."""

    labels: Mapping[str, str]
    value: float


@frozen
class Family:
    """One metric: `name` is without the ``_total`` that a counter's samples end with."""

    name: str
    kind: str
    help: str
    samples: list[Sample] = field(factory=list)

    @property
    def sample_name(self) -> str:
        """What its samples are called."""
        return f"{self.name}_total" if self.kind == COUNTER else self.name


def families_of(clients: Iterable[tuple[str, Stats]], subscriptions: bool = True) -> list[Family]:
    """Return every metric with the samples of all clients, each given as its name and counters.

    No two clients of one venue may have one name.
    """
    state = Family("venuesdk_state", GAUGE, "1 for the state that the client is in, else 0.")
    since = Family(
        "venuesdk_state_since_timestamp_seconds", GAUGE, "When the state was entered, Unix time."
    )
    ours = [(which, Family(f"venuesdk_{name}", kind, say)) for name, kind, which, say in CLIENT]
    streams = [
        (which, Family(f"venuesdk_subscription_{name}", kind, say))
        for name, kind, which, say in SUBSCRIPTION
    ]
    for name, stats in clients:
        labels = {"venue": stats.venue, "client": name}
        for one in State:
            state.samples.append(Sample({**labels, "state": one.value}, one.value == stats.state))
        since.samples.append(Sample(labels, stats.state_since_unix))
        _add(ours, stats, labels)
        for stream in stats.subscriptions if subscriptions else ():
            told_apart = {"topic": stream.topic, "subscription": str(stream.number)}
            _add(streams, stream, {**labels, **told_apart})
    return [state, since, *(family for _, family in (*ours, *(streams if subscriptions else ())))]


def _add(families: Iterable[tuple[str, Family]], values: Any, labels: Mapping[str, str]) -> None:
    for name, family in families:
        value = getattr(values, name)
        if value is not None:
            family.samples.append(Sample(labels, value))


def text_of(families: Iterable[Family]) -> str:
    """Return metrics in Prometheus' text format, those without a sample included."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# HELP {family.sample_name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.sample_name} {family.kind}")
        for sample in family.samples:
            labels = ",".join(
                f'{name}="{_escaped(value, quoted=True)}"' for name, value in sample.labels.items()
            )
            lines.append(f"{family.sample_name}{{{labels}}} {float(sample.value)!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str, quoted: bool = False) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quoted else text
