"""What the entries of one subscription have in common."""

from __future__ import annotations

import json
from collections import deque

from sources import event, source_of

from venuesdk import OnyxClient
from venuesdk.errors import NotSent
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.protocol.codec import Event
from venuesdk.relay.source import End, Note, Run, drafts_of
from venuesdk.venues.onyx.topics import tickers_topic

NOW = 1_763_776_549_123_456_789


def test_a_head_is_made_once_for_a_decoder_and_a_connection(client: OnyxClient) -> None:
    """An engine may prepare what many entries share; a new connection has a head of its own."""
    source = source_of(client)
    decode = event(1).decode
    first = source.head(decode, 3)
    assert source.head(decode, 3) is first
    again = source.head(decode, 4)
    assert (first and first.epoch, again and again.epoch) == (3, 4)


def test_what_has_no_name_has_no_head(client: OnyxClient) -> None:
    """A decoder that another process could not find cannot be named."""
    assert source_of(client).head(json.loads, 3) is None


def test_product_groups_cannot_be_told_apart(client: OnyxClient) -> None:
    """A topic that narrows nothing says so (Onyx: a ticker does not name its group)."""
    source = source_of(client, tickers_topic(product_groups=["crude"]))
    head = source.head(event(1).decode, 3)
    assert head is not None
    assert head.narrow == ()


def test_a_gap_of_no_connection_is_of_the_present_one(client: OnyxClient) -> None:
    """What the relay itself dropped came by the connection that brought the last events."""
    source = source_of(client)
    source.epoch = 7
    assert source.gap(Gap(GapReason.OVERFLOW, 3), NOW).head.epoch == 7
    assert source.gap(Gap(GapReason.RECONNECTED, None, 8), NOW).head.epoch == 8


def test_notes_become_entries(client: OnyxClient) -> None:
    """A state is of no topic; the end of one tells the error, where there was one, as text."""
    source = source_of(client)
    change = StateChange(State.RECONNECTING, State.CONNECTED, "lost", 1, 4, NotSent("no"))
    state = Note(None, NOW, change).draft()
    assert (state.head.kind, state.head.topic, state.head.epoch) == ("state", "", 4)
    assert json.loads(state.payload)["error"] == "NotSent: no"
    end = Note(source, NOW, End(NotSent("refused"))).draft()
    assert (end.head.kind, end.head.topic) == ("end", source.topic.name)
    assert json.loads(end.payload) == {"error": "NotSent: refused"}
    assert json.loads(Note(source, NOW, End(None)).draft().payload) == {"error": None}


def test_an_unnamed_decoder_that_reads_is_told_of_too(client: OnyxClient) -> None:
    """Nothing is left out in silence, though this process could have read it."""
    told: list[Exception] = []
    source = source_of(client)
    run = Run(source, 3, NOW, deque())
    made = list(drafts_of(run, [Event("r", b"{}", json.loads)], told.append))
    assert [draft.head.kind for draft in made] == ["gap"]
    assert "no name" in str(told[0])
