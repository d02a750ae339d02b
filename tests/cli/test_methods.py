"""The calls of the clients, and arguments as text."""

from __future__ import annotations

from decimal import Decimal

import click
import pytest

from venuesdk import (
    FuzeClient,
    InfinexClient,
    LoopringClient,
    OnyxClient,
    TimexClient,
)
from venuesdk.cli.methods import methods


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (FuzeClient, ["request"]),
        (InfinexClient, ["ping", "request", "networks"]),
        (LoopringClient, []),
        (OnyxClient, ["request"]),
        (
            TimexClient,
            [
                "rest",
                "raw_order_book",
                "balances",
                "open_orders",
                "place_order",
                "amend_order",
                "cancel_order",
            ],
        ),
    ],
)
def test_calls_are_what_a_client_answers(kind: type, names: list[str]) -> None:
    """Not what subscribes, nor what every client has; every one can be written down."""
    found = methods(kind)
    assert list(found) == names
    assert all(one.signature.startswith(one.name) and one.what for one in found.values())


def test_a_signature_says_how_values_are_written() -> None:
    """What may be left out stands in brackets."""
    assert methods(TimexClient)["open_orders"].signature == (
        "open_orders [page=INT] [size=INT] [timeout=SECONDS]"
    )


def test_values_are_read_by_their_annotations() -> None:
    """Money is exact, objects are JSON, text stays what it is."""
    place = methods(TimexClient)["place_order"].arguments(
        ["symbol=ETHAUDT", "side=BUY", "quantity=0.10", "price=1000", "timeout=2.5",
         "client_order_id=a=b"]
    )  # fmt: skip
    assert place == {
        "symbol": "ETHAUDT",
        "side": "BUY",
        "quantity": Decimal("0.10"),
        "price": Decimal("1000"),
        "timeout": 2.5,
        "client_order_id": "a=b",
    }
    assert str(place["quantity"]) == "0.10"
    params = methods(InfinexClient)["request"].arguments(["path=/a", 'params={"amount":0.10}'])
    assert str(params["params"]["amount"]) == "0.10"
    assert methods(TimexClient)["open_orders"].arguments(["size=5"]) == {"size": 5}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["symbol=ETHAUDT"], "side is missing"),
        (["symbol=A", "symbol=B"], "symbol is given twice"),
        (["colour=red"], "no argument 'colour'"),
        (["hunter2hunter2"], "NAME=VALUE"),
        (["symbol=A", "side=BUY", "quantity=much"], "quantity=much is not DECIMAL"),
        (["symbol=A", "side=BUY", "quantity=NaN"], "is not DECIMAL"),
        (["symbol=A", "side=BUY", "quantity=1e3"], "quantity=1e3 is not DECIMAL"),
        (["symbol=A", "side=BUY", "quantity=1_000"], "is not DECIMAL"),
        (["symbol=A", "side=BUY", "quantity= 5 "], "is not DECIMAL"),
        (["symbol=A", "side=BUY", "quantity=٣"], "is not DECIMAL"),
        (["symbol=A", "side=BUY", "quantity=1", "timeout=soon"], "is not SECONDS"),
        (["symbol=A", "side=BUY", "quantity=1", "timeout=inf"], "is not SECONDS"),
    ],
)
def test_a_mistake_names_what_is_wrong_and_how_it_is_written(words: list[str], said: str) -> None:
    """The signature stands behind it; what is no argument at all may be a secret, and is not."""
    with pytest.raises(click.UsageError) as mistake:
        methods(TimexClient)["place_order"].arguments(words)
    assert said in str(mistake.value)
    assert "hunter2" not in str(mistake.value)


@pytest.mark.parametrize("size", ["1_0", "2.0", "true", "٣"])
def test_a_count_is_digits(size: str) -> None:
    """What Python would also take for an int is a mistake here, as it is in an amount."""
    with pytest.raises(click.UsageError, match="is not INT"):
        methods(TimexClient)["open_orders"].arguments([f"size={size}"])


@pytest.mark.parametrize(
    "text", ["{", "007", '{"size":"1","size":"100"}', '[{"a":{"b":1,"b":2}}]', "[" * 50_000]
)
def test_what_is_no_json_is_a_mistake(text: str) -> None:
    """So is an object in which a name stands twice: the one that is meant may be the other."""
    with pytest.raises(click.UsageError, match="is not JSON"):
        methods(OnyxClient)["request"].arguments(["method=a", f"fields={text}"])
