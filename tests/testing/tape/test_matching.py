"""Frames that say the same are found to, whatever their ids and whoever's credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from venuesdk.testing.tape.matching import Said, marks_of, same, shown, with_id


def alike(recorded: str, sent: str) -> bool:
    """Compare two texts."""
    return same(Said(recorded).rest, Said(sent).rest)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ('{"id":"msg:1","method":"auth","token":"********"}', '{"method":"auth","token":"x",'
         '"id":"msg:9"}'),
        ('{"requestId":"ab-1","auth":{"id":"********","secret":"********"}}',
         '{"requestId":"cd-7","auth":{"id":"1","secret":""}}'),
        ('{"sequence":1,"topics":[]}', '{"sequence":2,"topics":[]}'),
        ('"Bearer ********"', '"Bearer abc\\ndef"'),
        ("pong", "pong"),
    ],
)  # fmt: skip
def test_frames_are_alike_but_for_ids_and_credentials(recorded: str, sent: str) -> None:
    """At the venue's own place for the id, and wherever a mask stands."""
    assert alike(recorded, sent)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ('{"id":1,"amount":"1.0"}', '{"id":1,"amount":"1.00"}'),
        ('{"id":1,"amount":1.0}', '{"id":1,"amount":1.00}'),
        ('{"id":1,"post":1}', '{"id":1,"post":true}'),
        ('{"id":1}', '{"id":1,"post":{}}'),
        ('{"id":1,"post":{"id":5}}', '{"id":1,"post":{"id":6}}'),
        ('{"id":1,"list":[1]}', '{"id":1,"list":[1,2]}'),
        ('{"token":"********x"}', '{"token":"abc"}'),
        ("pong", "ping"),
        ("pong", '"pong"x'),
    ],
)
def test_frames_that_differ_in_anything_else_are_not(recorded: str, sent: str) -> None:
    """To the digit; an id further inside is not the frame's."""
    assert not alike(recorded, sent)


@pytest.mark.parametrize(
    ("answer", "id", "wanted"),
    [
        ('{"id":3,"result":true}', 7, '{"id":7,"result":true}'),
        ('{"body":{"id":3,"x":[{}]}, "id" : 3 ,"f":1.10}', 12,
         '{"body":{"id":3,"x":[{}]}, "id" : 12 ,"f":1.10}'),
        ('{"requestId":"ab-1","message":"ab-1"}', "cd-2", '{"requestId":"cd-2","message":"ab-1"}'),
        ('{"requestId":"5"}', 6, '{"requestId":"6"}'),
        ('\n{ "op":"sub","sequence":1 }', 4, '\n{ "op":"sub","sequence":4 }'),
        ('{"id":"1","id":"2"}', "3", '{"id":"1","id":"3"}'),
    ],
)  # fmt: skip
def test_an_answer_gets_the_id_and_nothing_else_changes(answer: str, id: Any, wanted: str) -> None:
    """Not a digit, not a space; as text where the venue sent text."""
    assert with_id(Said(answer), id) == wanted


@pytest.mark.parametrize(
    ("frame", "marks"),
    [
        ('{"channel":"tickers","message":[]}', {"tickers"}),
        ('{"channel":{"dashboards":{}},"message":[]}', {"dashboards"}),
        ('{"type":"MESSAGE","subscriptionId":"5-6","message":{}}', {"5-6"}),
        ('{"topic":{"topic":"ticker","market":"LRC-ETH"},"data":[]}',
         {"topic", "ticker", "market", "LRC-ETH"}),
        ('{"method":"subscribeQuotes","response":{"data":{"symbol":"BTC_USD"}}}',
         {"subscribeQuotes", "BTC_USD"}),
        ('{"notification":"quotes","params":[{"symbol":"BTC_USD"}]}', {"quotes", "BTC_USD"}),
        ("ping", set()),
    ],
)  # fmt: skip
def test_an_event_says_which_stream_it_is_of(frame: str, marks: set[str]) -> None:
    """In each venue's own way."""
    assert marks_of(Said(frame)) == marks


def test_what_is_shown_has_no_credential_and_is_not_too_long(canaries: Any) -> None:
    """Whatever is called as credentials are is masked; text that is no JSON is not repeated."""
    token = canaries.token
    frame = json.dumps({"method": "auth", "token": token, "auth": {"id": token}, "x": [1]})
    assert shown(frame).startswith('{"method": "auth"')
    assert not canaries.found_in(shown(frame))
    assert shown(f"{token} is no JSON") == f"{len(token) + 11} characters"
    assert shown("pong") == "pong"
    assert shown("{broken") == "{broken"
    assert len(shown(json.dumps({"a": "x" * 1000}))) <= 301
