"""Ids, the login's steps and the heartbeat's judgement, with time as an argument."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from venuesdk.errors import AuthenticationError, RequestRejected
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.protocol.codec import Codec, Pulse, Request
from venuesdk.protocol.conversation import Beat, Heart, Ids, Opening, find_address


class TwoSteps(Codec):
    """A venue whose login takes two requests."""

    venue = "two"
    url = "ws://127.0.0.1/"

    def opening(self) -> Generator[Request, bytes, None]:
        try:
            first = yield Request("hello")
        except RequestRejected as refusal:
            raise AuthenticationError(refusal.message) from refusal
        second = yield Request("prove", {"hello": first.decode()})
        if second == b"false":
            raise AuthenticationError("the venue said false")


class NoLogin(Codec):
    """A venue that lets everybody in."""

    venue = "open"
    url = "ws://127.0.0.1/"


def test_ids_count_from_one_and_never_repeat() -> None:
    """Ids start at 1, go up by 1 and are all different."""
    ids = Ids()
    assert [ids.next() for _ in range(5)] == [1, 2, 3, 4, 5]


def test_opening_hands_each_answer_to_the_next_step() -> None:
    """What the first request brought is in the second one."""
    opening = Opening(TwoSteps({}))
    assert opening.step() == Request("hello")
    assert opening.step(b"welcome") == Request("prove", {"hello": "welcome"})
    assert opening.step(b"true") is None


def test_opening_raises_what_the_codec_makes_of_an_answer() -> None:
    """A successful response that means no is an AuthenticationError."""
    opening = Opening(TwoSteps({}))
    opening.step()
    opening.step(b"welcome")
    with pytest.raises(AuthenticationError, match="the venue said false"):
        opening.step(b"false")


def test_opening_throws_a_refusal_into_the_codec() -> None:
    """A refused request reaches the generator as the exception that it is."""
    opening = Opening(TwoSteps({}))
    opening.step()
    with pytest.raises(AuthenticationError, match="no entry"):
        opening.step(RequestRejected("no entry"))


def test_a_venue_without_a_login_has_nothing_to_ask() -> None:
    """The default opening ends before its first step."""
    assert Opening(NoLogin({})).step() is None


def test_heart_asks_once_after_quiet_and_gives_up_after_patience() -> None:
    """Ten quiet seconds bring one question, five more without an answer the end."""
    heart = Heart(Pulse(quiet=10, patience=5))
    assert heart.beat(109.9, heard_at=100.0) is Beat.NOTHING
    assert heart.beat(110.0, heard_at=100.0) is Beat.ASK
    assert heart.beat(110.1, heard_at=100.0) is Beat.NOTHING
    assert heart.beat(114.9, heard_at=100.0) is Beat.NOTHING
    assert heart.beat(115.0, heard_at=100.0) is Beat.DEAD


def test_any_byte_is_life() -> None:
    """A byte after the question clears it; the next question needs ten more quiet seconds."""
    heart = Heart(Pulse(quiet=10, patience=5))
    assert heart.beat(110.0, heard_at=100.0) is Beat.ASK
    assert heart.beat(115.0, heard_at=111.0) is Beat.NOTHING
    assert heart.beat(120.9, heard_at=111.0) is Beat.NOTHING
    assert heart.beat(121.0, heard_at=111.0) is Beat.ASK


def test_heart_says_when_it_has_something_new_to_say() -> None:
    """The wait ends with the quiet time, then with the patience, and is never negative."""
    heart = Heart(Pulse(quiet=10, patience=5))
    assert heart.wait(104.0, heard_at=100.0) == 6.0
    assert heart.wait(111.0, heard_at=100.0) == 0.0
    heart.beat(111.0, heard_at=100.0)
    assert heart.wait(112.0, heard_at=100.0) == 4.0
    assert heart.wait(112.0, heard_at=111.5) == 9.5


class Asking(Codec):
    """A venue that hands out a key, and then an address for it."""

    venue = "asking"
    url = "wss://venue.example"

    def address(self):
        key = yield HttpRequest("GET", "/key")
        place = yield HttpRequest("GET", f"/place/{key.body.decode()}")
        return f"wss://{place.body.decode()}"


def test_an_address_is_asked_for_step_by_step():
    """Each answer is handed in before the next question; the last step is the address."""
    asked = []

    def fetch(request):
        asked.append(request.url)
        return HttpResponse(200, {}, b"k1" if request.url == "/key" else b"there.example")

    assert find_address(Asking({}), fetch) == "wss://there.example"
    assert asked == ["/key", "/place/k1"]


def test_most_addresses_are_known_without_asking():
    """Nothing is fetched, and the client's own URL is the address."""
    assert find_address(Codec({}, "wss://mine.example"), None) == "wss://mine.example"
