"""The peer of the benchmark."""

from __future__ import annotations

import json
from decimal import Decimal

from venuesdk import OnyxClient
from venuesdk.cli.firehose import EVENT, firehose
from venuesdk.testing.faults import HostileServer


def test_it_is_onyx_enough_for_a_real_client() -> None:
    """It takes a login, answers requests, and floods who subscribes, with a whole ticker."""
    with HostileServer(firehose) as server, OnyxClient(url=server.url, token="any") as client:
        assert client.request("ping").message == "ok"
        tickers = client.subscribe_tickers(products=["dub"])
        for _ in range(1000):
            (row,) = tickers.get(timeout=5).tickers
        assert row.bid is not None
        assert row.bid.price == Decimal(json.loads(EVENT)["message"][0]["bid"]["price"])
