"""Links that die without a word, and hosts that never answer, between two real hosts.

It takes root and Linux's network namespaces; elsewhere these tests are skipped. All scenes play at
the same time, so that the whole of it takes no longer than the longest of them.
"""

from __future__ import annotations

from typing import Any

import pytest
from figures import Figures
from links import beside, black_holes, half_open
from links.stage import Seen, Stage, plays

pytestmark = pytest.mark.long

QUIET, PATIENCE = 10.0, 5.0
DEAD_AFTER = QUIET + PATIENCE
"""How long a client waits for a sign of life: after so much silence it asks, after more it ends."""
UNACKNOWLEDGED = 15.0
"""How long sent data may stay unacknowledged."""
MARGIN = 1.0
CALL_MARGIN = 0.5
CLOSE_WITHIN = 2.0
EXIT_WITHIN = 1.0
AT_ONCE = 0.5
BACK_WITHIN = 15.0
"""An attempt that began under the cut may take its 10 seconds, and there is a pause behind it."""

DETECTION = "Half-open links: detection"
CALLS = "Half-open links: calls"
PLAIN = "Half-open links: plain websocket-client"


def detected(figures: Figures, case: str, measured: float, promised: float = DEAD_AFTER) -> None:
    """Note a figure, and hold it against what is promised."""
    figures.add(DETECTION, case=case, promised=f"≤ {promised:g} s", measured=f"{measured:.2f} s")
    assert measured <= promised + MARGIN


def came_back(seen: Seen) -> None:
    """Hold that the client came back by itself, told of the gap, and works."""
    assert seen["recovered"] <= BACK_WITHIN
    assert seen["gap"] == "reconnected"
    assert seen["read_again"] is None


def lost_on_the_way(figures: Figures, case: str, seen: Seen) -> None:
    """Hold that both requests, each with a minute, failed as soon as the loss can be known."""
    for do in ("write", "read"):
        outcome = seen[do]
        assert outcome["error"] == "ConnectionLost", outcome
        assert outcome["unknown"] is True
    detected(figures, case, max(seen["write"]["after"], seen["read"]["after"]), UNACKNOWLEDGED)


def timed_out(
    figures: Figures, case: str, outcome: dict[str, Any], error: str, unknown: bool
) -> None:
    """Hold that a call ended with `error` when its time was up, and not half a second later."""
    assert outcome["error"] == error, outcome
    assert outcome["unknown"] is unknown
    timeout = outcome["timeout"]
    assert timeout - 0.05 <= outcome["seconds"] <= timeout + CALL_MARGIN
    call(figures, case, f"≤ {timeout + CALL_MARGIN:g} s", outcome)


def call(figures: Figures, case: str, promised: str, outcome: dict[str, Any]) -> None:
    """Note how a call ended, and when."""
    measured = f"{outcome['seconds']:.2f} s"
    figures.add(CALLS, case=case, promised=promised, outcome=outcome["error"], measured=measured)


def ended(seen: Seen) -> None:
    """Hold that the client could be closed, and its process left, without waiting for anybody."""
    if "close" in seen:
        assert seen["close"]["error"] is None
        assert seen["close"]["seconds"] <= CLOSE_WITHIN
    assert seen["exit"] <= EXIT_WITHIN


# Detection ----------------------------------------------------------------------------------------


@plays(half_open.idle_link)
def test_an_idle_link_that_dies_is_noticed(seen: Seen, figures: Figures) -> None:
    """After 10 quiet seconds the client asks for a sign of life, and 5 later it reconnects."""
    detected(figures, "idle, both ways lost", seen["lost"])
    came_back(seen)


@plays(half_open.unanswered_request)
def test_requests_on_a_dead_link_do_not_wait_out_their_time(seen: Seen, figures: Figures) -> None:
    """Requests with a minute each fail within 15 seconds, and nobody knows their outcome."""
    lost_on_the_way(figures, "a request unacknowledged", seen)
    detected(figures, "a request unacknowledged: the client's state", seen["lost"])
    assert not seen["executed"]
    came_back(seen)


@plays(half_open.busy_link)
def test_a_busy_link_that_dies_is_noticed(seen: Seen, figures: Figures) -> None:
    """A stream that falls silent is found dead as an idle one is; the gap precedes what follows."""
    detected(figures, "a stream, both ways lost", seen["lost"])
    came_back(seen)
    assert seen["late_events"] == 0
    assert seen["gap_at"] <= seen["event_at"]


@plays(half_open.stopped_venue)
def test_a_stopped_venue_is_noticed(seen: Seen, figures: Figures) -> None:
    """A process that stands still, whose kernel goes on acknowledging, is found dead too.

    The order lay in its kernel all the time: it is carried out when the process goes on, and
    that its outcome is unknown was the truth.
    """
    lost_on_the_way(figures, "a venue stopped, a request unanswered", seen)
    detected(figures, "a venue stopped", seen["lost"])
    timed_out(figures, "a read while the venue is stopped", seen["while_stopped"], "NotSent", False)
    assert seen["executed"]
    came_back(seen)


@plays(half_open.outward_cut)
def test_a_link_that_loses_what_is_sent_is_noticed(seen: Seen, figures: Figures) -> None:
    """Where only what the client sends is lost, its order fails in time, although events come.

    Under the cut, in the middle of an attempt to reconnect, the client can be closed at once.
    """
    detected(figures, "idle, only client to venue lost", seen["idle_lost"])
    lost_on_the_way(figures, "a request, only client to venue lost", seen)
    assert not seen["executed"]
    ended(seen)


@plays(half_open.inward_cut)
def test_a_link_that_loses_what_comes_is_noticed(seen: Seen, figures: Figures) -> None:
    """Where only what the venue sends is lost, its order fails in time, and was carried out."""
    detected(figures, "idle, only venue to client lost", seen["idle_lost"])
    lost_on_the_way(figures, "a request, only venue to client lost", seen)
    detected(figures, "a stream, only venue to client lost", seen["lost"])
    assert seen["executed"]
    came_back(seen)


@plays(half_open.address_taken)
def test_a_venue_whose_address_goes_away_is_noticed(seen: Seen, figures: Figures) -> None:
    """A venue that loses its address is found dead, and found again when it has it back."""
    lost_on_the_way(figures, "the venue's address gone, a request unacknowledged", seen)
    detected(figures, "the venue's address gone", seen["lost"])
    came_back(seen)


@plays(half_open.unplugged)
def test_a_client_whose_interface_goes_down_notices(seen: Seen, figures: Figures) -> None:
    """A client without its interface ends its connection in time, and reconnects behind it."""
    lost_on_the_way(figures, "the client's interface down, a request unacknowledged", seen)
    detected(figures, "the client's interface down", seen["lost"])
    came_back(seen)


@plays(half_open.short_unplugging)
def test_a_short_interruption_costs_nothing(seen: Seen, figures: Figures) -> None:
    """Three seconds without the interface end no connection: what was sent arrives, once."""
    timed_out(figures, "a read, interface down", seen["paused"], "RequestTimeout", True)
    assert seen["write"]["error"] is None, seen["write"]
    assert seen["executed"] == 1
    assert not seen["states"]
    assert not seen["gaps"]


@plays(half_open.closed_under_a_cut)
def test_a_client_on_a_dead_link_can_be_closed(seen: Seen) -> None:
    """Closing does not wait for a peer that is gone, and ends the requests under way."""
    ended(seen)
    assert seen["write"]["error"] == "ClientClosed"
    assert seen["write"]["unknown"] is True


# Black holes --------------------------------------------------------------------------------------


@plays(black_holes.silent_host)
def test_a_host_that_never_answers(seen: Seen, figures: Figures) -> None:
    """Connecting to a host that swallows every packet ends when the time is up."""
    timed_out(figures, "connect, every packet lost", seen["connect"], "ConnectTimeout", False)
    ended(seen)


@plays(black_holes.silent_proxy)
def test_a_proxy_that_never_answers(seen: Seen, figures: Figures) -> None:
    """Connecting through a proxy that swallows every packet ends when the time is up."""
    timed_out(figures, "connect, proxy never answers", seen["connect"], "ConnectTimeout", False)
    ended(seen)


@plays(black_holes.refusing_host)
def test_a_host_that_refuses(seen: Seen, figures: Figures) -> None:
    """A host that answers with a reset is a failure at once."""
    outcome = seen["connect"]
    assert outcome["error"] == "ConnectFailed", outcome
    assert outcome["seconds"] <= AT_ONCE
    call(figures, "connect, answered with a reset", "at once", outcome)
    ended(seen)


@plays(black_holes.silent_names)
def test_names_that_nobody_looks_up(seen: Seen, figures: Figures) -> None:
    """A name server that never answers holds up neither the caller, nor close, nor the exit."""
    timed_out(figures, "connect, no name server", seen["connect"], "ConnectTimeout", False)
    ended(seen)
    assert seen["exit_unclosed"] <= EXIT_WITHIN


@plays(black_holes.silent_names_later)
def test_reconnecting_without_a_name_server(seen: Seen, figures: Figures) -> None:
    """A name server that is gone holds up no attempt to reconnect for longer than its time."""
    written = seen["write"]
    assert (written["error"], written["unknown"]) == ("NotSent", False), written
    assert written["seconds"] <= AT_ONCE
    timed_out(figures, "a read, reconnecting, no name server", seen["read"], "NotSent", False)
    attempts = seen["attempts"]
    assert [line["attempt"] for line in attempts] == [0, 1, 2]
    for before, after in zip(attempts, attempts[1:], strict=False):
        assert "address of" in after["reason"]
        pause = 0.5 * 2 ** before["attempt"]
        assert after["at"] - before["at"] <= black_holes.LOSSY_TIMEOUT + CALL_MARGIN + pause
    assert seen["recovered"] <= BACK_WITHIN
    assert seen["read_again"]["error"] is None
    ended(seen)


@plays(black_holes.lossy_link)
def test_a_lossy_link_misreports_nothing(seen: Seen, figures: Figures) -> None:
    """With a fifth of all packets lost every call ends in time, and says what is true."""
    calls, orders = seen["calls"], seen["orders"]
    assert len(calls) == 4 * black_holes.CALLS
    assert all(line["error"] is None or line["known"] for line in calls)
    slowest = max(calls, key=lambda line: float(line["seconds"]))
    assert slowest["seconds"] <= black_holes.LOSSY_TIMEOUT + CALL_MARGIN, slowest
    assert len(set(orders)) == len(orders)
    for line in calls:
        if line["what"] == "write" and line["error"] is None:
            assert line["id"] in orders
        elif line["what"] == "write" and not line["unknown"]:
            assert line["id"] not in orders
    failed = sum(line["error"] is not None for line in calls)
    assert failed < len(calls)
    assert seen["read_again"]["error"] is None
    assert seen["stats"]["waiting"] == 0
    promised = f"≤ {black_holes.LOSSY_TIMEOUT + CALL_MARGIN:g} s"
    case = f"{len(calls)} calls, 20 % of packets lost: the slowest"
    figures.add(
        CALLS,
        case=case,
        promised=promised,
        outcome=f"{failed} failed, 0 misreported",
        measured=f"{slowest['seconds']:.2f} s",
    )


@plays(black_holes.unreachable_http)
def test_an_order_over_http_that_cannot_leave(seen: Seen, figures: Figures) -> None:
    """Where no connection can be made, an order over HTTP was certainly not carried out."""
    case = "an order over HTTP, every packet lost"
    timed_out(figures, case, seen["write"], "ConnectTimeout", False)
    assert not seen["executed"]
    ended(seen)


@plays(black_holes.deaf_http)
def test_an_order_over_http_on_a_dead_link(seen: Seen, figures: Figures) -> None:
    """An order sent on a connection that is dead ends in time, and nobody knows its outcome."""
    case = "an order over HTTP, link dead"
    timed_out(figures, case, seen["write"], "RequestTimeout", True)
    assert (seen["patient"]["error"], seen["patient"]["unknown"]) == ("ConnectionLost", True)
    measured = seen["patient"]["after"]
    detected(figures, "an order over HTTP unacknowledged", measured, UNACKNOWLEDGED)
    assert seen["executed"] == [False, False]
    assert seen["read_again"] is None


# Beside it ----------------------------------------------------------------------------------------


def compared(figures: Figures, stage: Stage, case: str, seen: Seen) -> None:
    """Note what plain websocket-client took.

    Without pings it has nothing but what the kernel tells: where it is told nothing in the time in
    which the client knows, the link was indeed silent, and nobody said goodbye.
    """
    shown = {
        id: f"not in {stage.horizon:g} s" if after is None else f"{after:.1f} s"
        for id, after in seen.items()
    }
    figures.add(PLAIN, case=case, **shown)
    assert seen["no ping"] is None or seen["no ping"] > DEAD_AFTER + MARGIN


@plays(beside.idle_link)
def test_plain_on_an_idle_link(seen: Seen, figures: Figures, stage: Stage) -> None:
    """Plain websocket-client is measured where the client notices an idle link."""
    compared(figures, stage, "idle, both ways lost", seen)


@plays(beside.unanswered_request)
def test_plain_with_an_unanswered_request(seen: Seen, figures: Figures, stage: Stage) -> None:
    """Plain websocket-client is measured where the client fails an unacknowledged request."""
    compared(figures, stage, "a request unacknowledged", seen)


@plays(beside.busy_link)
def test_plain_on_a_busy_link(seen: Seen, figures: Figures, stage: Stage) -> None:
    """Plain websocket-client is measured where the client notices a silent stream."""
    compared(figures, stage, "a stream, both ways lost", seen)


@plays(beside.outward_cut)
def test_plain_on_a_one_way_link(seen: Seen, figures: Figures, stage: Stage) -> None:
    """Plain websocket-client is measured where only what the venue sends arrives."""
    compared(figures, stage, "a request, only client to venue lost", seen)


@plays(beside.stopped_venue)
def test_plain_with_a_stopped_venue(seen: Seen, figures: Figures, stage: Stage) -> None:
    """Plain websocket-client is measured where the venue's process stands still."""
    compared(figures, stage, "a venue stopped, a request unanswered", seen)


# What holds for all -------------------------------------------------------------------------------


def test_no_program_shows_a_credential(stage: Stage) -> None:
    """No client logs a credential at DEBUG or tells it in an error, whatever befell its link."""
    assert stage.shown() == []
