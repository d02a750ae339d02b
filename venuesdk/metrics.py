"""Metrics: the counters of clients for prometheus-client, collected when they are asked for.

Names and labels are those of `Stats.prometheus`. Nothing is counted here, no thread is started and
nothing is served: that is for prometheus-client, and for the program.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from weakref import ref

from .client import Client
from .errors import ClientClosed
from .session.exposition import Family, families_of

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector as PrometheusCollector
except ImportError as error:
    raise ImportError(
        "the collector needs the prometheus-client package: pip install 'venuesdk[metrics]'"
    ) from error

__all__ = ["Collector"]


class Collector(PrometheusCollector):
    """Collect the counters of any number of clients; give it to a registry of prometheus-client.

    ``REGISTRY.register(Collector(client, other))``. Any thread may use it. Every sample has the
    labels ``venue`` and ``client``; the latter is the name that a client was registered with, by
    default the venue's, with ``-2`` and so on where that is taken. Without `subscriptions` the
    samples of each subscription are left out: of thousands, they are many.

    A closed client is shown as closed, with its last counts, until it is unregistered or the
    program has let go of it: the collector alone keeps no client.
    """

    def __init__(self, *clients: Client, subscriptions: bool = True) -> None:
        # Each step on it is a single one: it needs no lock.
        self._clients: dict[str, ref[Client]] = {}
        self._subscriptions = subscriptions
        for client in clients:
            self.register(client)

    def register(self, client: Client, name: str | None = None) -> str:
        """Show `client` from now on, and return the name that it has in the label ``client``.

        The same client again keeps the name that it has. Raises `ValueError` where another client
        has the `name` that was asked for, or this one has another.
        """
        if not isinstance(client, Client):
            raise TypeError(f"a client is needed, not {client!r}")
        if name is not None and (not isinstance(name, str) or not name):
            raise ValueError(f"a name is text that is not empty, not {name!r}")
        for other, known in self._clients.copy().items():
            if known() is client:
                if name not in (None, other):
                    raise ValueError(f"the client is registered as {other!r}")
                return other
        mine = ref(client)
        numbered = (f"{client.venue}-{number}" for number in count(2))
        for one in [name] if name is not None else chain([client.venue], numbered):
            if self._claim(one, mine):
                return one
        raise ValueError(f"another client is registered as {name!r}")

    def unregister(self, client: Client) -> None:
        """Show `client` no more; does nothing where it is not registered."""
        for name, known in self._clients.copy().items():
            if known() is client:
                self._clients.pop(name, None)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with the samples of all clients, as they are now."""
        found = []
        for name, known in self._clients.copy().items():
            client = known()
            if client is None:
                self._forget(name, known)
                continue
            try:
                found.append((name, client.stats()))
            except ClientClosed:
                # In a forked child: it is the parent process that has the client.
                continue
        for family in families_of(found, self._subscriptions):
            yield _metric(family)

    def describe(self) -> Iterator[Metric]:
        """Yield every metric without a sample: what a registry wants to know of beforehand."""
        for family in families_of([], self._subscriptions):
            yield _metric(family)

    def _claim(self, name: str, mine: ref[Client]) -> bool:
        known = self._clients.setdefault(name, mine)
        if known is not mine and known() is None:
            self._forget(name, known)
            known = self._clients.setdefault(name, mine)
        return known is mine

    def _forget(self, name: str, known: ref[Client]) -> None:
        """Give up a name whose client is gone, unless another has it by now."""
        if self._clients.get(name) is known:
            self._clients.pop(name, None)


def _metric(family: Family) -> Metric:
    make = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric: Metric = make(family.name, family.help)
    for sample in family.samples:
        metric.add_sample(family.sample_name, dict(sample.labels), float(sample.value))
    return metric
