"""The values that every layer shares: frozen, comparable, silent about what may be secret."""

from __future__ import annotations

import attrs
import pytest

from venuesdk import models
from venuesdk.models import Gap, GapReason, HttpRequest, HttpResponse, State, StateChange

VALUES = [
    Gap(GapReason.OVERFLOW, 3, 2),
    HttpRequest("GET", "/ping"),
    HttpResponse(200, {"content-type": "text/plain"}, b"pong"),
    StateChange(State.CONNECTED, State.CONNECTING),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_frozen_and_slotted(value: object) -> None:
    """A value that two threads share cannot be changed by either, nor grow attributes."""
    for name in (*(f.name for f in attrs.fields(type(value))), "anything"):  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            setattr(value, name, None)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_compare_by_content(value: object) -> None:
    """Two values of the same content are equal; one with another content is not."""
    first = attrs.fields(type(value))[0].name  # type: ignore[arg-type]
    assert attrs.evolve(value) == value  # type: ignore[misc]
    assert attrs.evolve(value, **{first: "other"}) != value  # type: ignore[misc]


def test_a_gap_does_not_claim_a_count_that_nobody_knows() -> None:
    """Where only the reason is known, the count is None and not zero."""
    gap = Gap(GapReason.RECONNECTED)
    assert gap.count is None
    assert gap.epoch == 0


def test_a_state_changes_cause_takes_no_part_in_comparison() -> None:
    """Two reports of one step are equal although each carries its own exception object."""
    one = StateChange(State.FAILED, State.CONNECTING, error=ValueError("a"))
    two = StateChange(State.FAILED, State.CONNECTING, error=ValueError("b"))
    assert one == two
    assert one.error is not two.error


def test_the_states_are_the_six_that_a_client_can_be_in() -> None:
    """A program that shows the state can rely on these words."""
    assert [state.value for state in State] == [
        "new", "connecting", "connected", "reconnecting", "failed", "closed",
    ]  # fmt: skip


def test_the_reasons_for_a_gap_are_told_apart() -> None:
    """A word for each thing that a client meets, and for each that only a relay does."""
    assert {reason.value for reason in GapReason} == {
        "reconnected", "overflow", "undecodable", "resubscribed", "stale", "taken_over", "lost",
    }  # fmt: skip


def test_a_request_shows_neither_headers_nor_body_nor_query() -> None:
    """Keys travel in all three: the repr of a request stops after method and path."""
    request = HttpRequest(
        "POST", "/orders?key=canary", {"X-API-Key": "canary"}, b'{"apiKey":"canary"}'
    )
    assert "canary" not in repr(request)
    assert "X-API-Key" not in repr(request)
    assert "POST" in repr(request)
    assert "/orders" in repr(request)


def test_a_response_does_not_show_its_body() -> None:
    """A fetched key travels in a body: the repr of a response leaves it out."""
    response = HttpResponse(200, {}, b'{"key":"canary"}')
    assert "canary" not in repr(response)
    assert "200" in repr(response)


def test_a_request_has_no_body_and_no_headers_of_its_own_accord() -> None:
    """Two requests do not share one mapping of headers."""
    one, two = HttpRequest("GET", "/"), HttpRequest("GET", "/")
    assert one.body is None
    assert one.headers == {}
    assert one.headers is not two.headers


def test_all_names_are_public_and_sorted() -> None:
    """Everything defined in the module is listed, in order."""
    defined = [
        name for name, value in vars(models).items()
        if getattr(value, "__module__", None) == models.__name__ and not name.startswith("_")
    ]  # fmt: skip
    assert sorted(defined) == models.__all__
