"""What a call would send, found out without sending it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from venuesdk import InfinexClient, LoopringClient, OnyxClient, TimexClient
from venuesdk.cli.rehearsal import rehearse
from venuesdk.client import clients

NOWHERE = {"url": "ws://127.0.0.1:1/", "http_url": "http://127.0.0.1:1"}


def test_the_frame_is_the_venues_with_masks_for_credentials() -> None:
    """An order of TimeX, as its document writes one; whether it only reads is known."""
    plan = rehearse(
        TimexClient,
        {"timeout": 3.0},
        lambda client: client.place_order("ethaudt", "BUY", Decimal("0.10"), type="MARKET"),
    )
    frame = json.loads(plan.frame)
    assert not plan.read
    assert frame["type"] == "REST"
    assert frame["stream"] == "/post/trading/orders/json"
    assert frame["auth"] == {"id": "********", "secret": "********"}
    assert frame["payload"]["body"][0]["quantity"] == "0.10"
    assert frame["payload"]["body"][0]["symbol"] == "ETHAUDT"


@pytest.mark.parametrize(
    ("path", "read"), [("/spot/markets", True), ("/spot/open_orders/new", False), ("/new", False)]
)
@pytest.mark.parametrize("options", [{}, {"http_url": "http://127.0.0.1:1"}, NOWHERE])
def test_what_is_not_known_to_read_does_not(path: str, read: bool, options: dict[str, Any]) -> None:
    """Whatever the route: an unknown path may change something."""
    plan = rehearse(InfinexClient, options, lambda client: client.request(path, {"a": 1}))
    assert plan.read is read
    assert json.loads(plan.frame)["url"] == path


def test_a_mistake_is_the_methods_own() -> None:
    """The client's own check raises, and nothing was connected to."""
    with pytest.raises(ValueError, match="expire_time"):
        rehearse(TimexClient, {}, lambda client: client.place_order("ETHAUDT", "BUY", 1, 2))


def test_what_sends_nothing_has_no_frame() -> None:
    """There is nothing to show of it."""
    with pytest.raises(ValueError, match="sends nothing"):
        rehearse(LoopringClient, NOWHERE, lambda client: client.unsubscribe(unsubscribe_all=True))


def test_the_actor_is_nobody_elses_client() -> None:
    """The registry keeps the real class."""
    rehearse(OnyxClient, {}, lambda client: client.request("ping"))
    assert clients()["onyx"] is OnyxClient
