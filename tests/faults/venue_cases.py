"""Fault cases that exist once per venue (V), and those of many requests or streams (S5, S10).

Most are played by the simulated venue itself, which its `cue` tells what to do when the client has
sent `MARK`; the hostile server before it is honest then.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from faults.table import AT_ONCE, LOADING, SLACK, TIMEOUT, Case, lost, refused

from venuesdk.testing.faults import MARK, Peer, Play
from venuesdk.testing.faults.frames import TEXT, frame

__all__ = ["VENUES", "refusing"]

PATIENCE = 20.0
PULSE = 15.0
"""Seconds after which a venue that is not heard of is taken for gone."""
TICK = 0.25
"""How often that is looked at."""
ANSWER = ["BTC/USDT 0.0125"]
ID_KEYS = ("requestId", "sequence", "id")


def refusing(sign: bytes, answer: bytes) -> Play:
    """Return a play that refuses the first frame with `sign` in it, and is honest otherwise.

    ``$id`` and ``$topics`` in the answer stand for what the frame has there.
    """

    def refuse(peer: Peer) -> None:
        held = peer.relay(sign)
        if held is None:
            return
        asked = json.loads(held.payload)
        id = next(asked[key] for key in ID_KEYS if key in asked)
        text = answer.replace(b"$id", json.dumps(id).encode())
        text = text.replace(b"$topics", json.dumps(asked.get("topics")).encode())
        peer.send(frame(TEXT, text))
        peer.relay()

    return refuse


# ---- what the venue does, and what it saw ------------------------------------------------------


def marked(venue: Any) -> bool:
    """Tell whether the venue has received the cue."""
    mark = MARK.decode()
    return any(mark in text for _, text in venue.received)


def on_cue(*switches: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return a cue that uses these switches, one after the other, when the mark has come."""

    def act(venue: Any) -> None:
        if venue.wait_for(marked, PATIENCE):
            for switch in switches:
                switch(venue)

    return act


def drop(venue: Any) -> None:
    """Cut the connection."""
    venue.drop()


def refuse_login(venue: Any) -> None:
    """Refuse every login from now on."""
    venue.refuse_login()


def mute_until_left(venue: Any) -> None:
    """Be silent until the client has given the connection up."""
    venue.mute()
    venue.wait_for(lambda v: v.connections == 0, PATIENCE)
    venue.mute(False)


def ping_often(venue: Any) -> None:
    """Send pings one by one, and at once; when all are answered, send an event."""
    for number in (1, 2, 3):
        venue.send_ping()
        venue.wait_for(lambda v, number=number: pongs(v)["pongs"] >= number)
    for _ in range(20):
        venue.send_ping()
    venue.wait_for(lambda v: pongs(v)["pongs"] >= 23)
    venue.tick(5)


def api_back(venue: Any) -> None:
    """Bring the API back."""
    venue.api_unavailable(False)


def logins(venue: Any) -> dict[str, Any]:
    """Count the attempts to log in; Loopring's login is the key that is asked for over HTTP."""
    if venue.name == "loopring":
        return {"logins": sum(request.path.endswith("/key") for request in venue.http_received)}
    sign = {"fuze": '"rpc.login"', "onyx": '"auth"'}[venue.name]
    return {"logins": sum(sign in text for _, text in venue.received)}


def pongs(venue: Any) -> dict[str, Any]:
    """Count the text pongs."""
    return {"pongs": sum(text == "pong" for _, text in venue.received)}


def ids(venue: Any) -> dict[str, Any]:
    """Look at the ids of all requests."""
    seen = [json.loads(text)["id"] for _, text in venue.received]
    return {
        "first_id": seen[0],
        "falsy_ids": [id for id in seen if not id],
        "ids_are_unique_integers": all(type(id) is int for id in seen)
        and len(set(seen)) == len(seen),
    }


def routes(venue: Any) -> dict[str, Any]:
    """Name the doors through which orders came."""
    orders = [request for request in venue.http_received if request.path.endswith("/new")]
    return {"routes": [order.route for order in venue.orders], "orders_over_http": len(orders)}


def unsubscribed(venue: Any) -> dict[str, Any]:
    """Name the connections on which something was unsubscribed."""
    sign = '"UNSUBSCRIBE"'
    return {"unsubscribed_on": [number for number, text in venue.received if sign in text]}


# ---- the cases ---------------------------------------------------------------------------------

LOGIN = tuple(
    Case(f"V1-{venue}", "refuses the login on reconnecting", "login_refused",
         must={"error": "AuthenticationError", "state_then": "failed", "failed": True,
               "stream_error": "AuthenticationError", "logins": 2, "outcome_unknown": False},
         within=AT_ONCE, next="none", venue=venue, cue=on_cue(refuse_login, drop), seen=logins)
    for venue in ("fuze", "loopring", "onyx")
)

REFUSALS = (
    ("timex", b'"SUBSCRIBE"', "InvalidRequest",
     b'{"requestId":$id,"status":"ERROR","message":"Validation error"}'),
    ("fuze", b'"quote_request"', "AuthenticationError",
     b'{"jsonrpc":"2.0","error":{"code":-32605,"message":"Method forbidden"},"id":$id}'),
    ("onyx", b'"subscribe"', "AuthenticationError",
     b'{"id":$id,"method":"subscribe","error":true,"message":{"Message":"no permissions for '
     b'product ebob or product does not exist"}}'),
    ("loopring", b'"sub"', "InvalidRequest",
     b'{"op":"sub","sequence":$id,"topics":$topics,"result":{"status":"failed",'
     b'"error":{"code":104111,"message":"illegal ticker topic"}}}'),
)

REPLAY = tuple(
    Case(f"S10-{venue}", "refuses a subscription on reconnecting", "replay_refused",
         ("closed_1012", ("refusing", sign, answer)),
         {"error": error, "stream_error": error, "told": (error,), "state_then": "connected",
          "flows": True},
         within=4.0, venue=venue, interval=0.02)
    for venue, sign, error, answer in REFUSALS
)

HEARTBEAT = tuple(
    Case(f"V2-{venue}", "falls silent, and stays connected", "muted",
         must={"error": "ConnectionLost", "state_then": "reconnecting"},
         within=PULSE + TICK + SLACK, venue=venue, cue=on_cue(mute_until_left), long=True)
    for venue in ("fuze", "infinex", "loopring", "onyx", "timex")
)

ORDER = {"ask": "order"}
QUESTION = {"ask": "question"}


def infinex(id: str, peer: str, must: dict[str, Any], **more: Any) -> Case:
    """Return a case of Infinex, whose API is gone behind its doors until the order was asked."""
    more.setdefault("scenario", "gateway")
    more.setdefault("orders", ORDER)
    more.setdefault("cue", on_cue(api_back))
    return Case(f"V6{id}", peer, must=must, within=AT_ONCE, venue="infinex", seen=routes, **more)


def gone(**options: Any) -> Callable[[Any], object]:
    """Return what takes the API away."""
    return lambda venue: venue.api_unavailable(**options)


SOCKET = {"route": "websocket"}
AUTO = {"route": "auto"}

UNAVAILABLE = (
    infinex("a", "says `API unavailable` to an order", options=SOCKET, before=gone(),
            must=lost(error="VenueUnavailable", routes=[])),
    infinex("b", "executes an order, and says `API unavailable`", options=SOCKET,
            before=gone(executes_first=True),
            must=lost(error="VenueUnavailable", routes=["websocket"])),
    infinex("c", "says `API unavailable` to a question", options=SOCKET, before=gone(),
            orders=QUESTION, must=refused("VenueUnavailable")),
    infinex("d", "executes an order, says `API unavailable`, and has a sound HTTP side",
            options=AUTO, before=gone(http=False, executes_first=True),
            must=lost(error="VenueUnavailable", routes=["websocket"], orders_over_http=0)),
    infinex("e", "says `API unavailable` to a question, and has a sound HTTP side", options=AUTO,
            before=gone(http=False), orders=QUESTION, growth=LOADING, must={"error": None}),
    infinex("f", "executes an order and is cut before its answer, and has a sound HTTP side",
            options=AUTO, scenario="write", plays=("executed_then_cut", "honest"), cue=None,
            must=lost(routes=["websocket"], orders_over_http=0)),
    infinex("g", "refuses the socket, and has a sound HTTP side", options=AUTO, scenario="write",
            plays=("refused_503",), cue=None,
            must={"error": None, "routes": ["http"], "executed": ANSWER}),
)

OWN = (
    Case("V3", "hangs up on a method that it does not know", "unknown_method", must=lost(),
         within=AT_ONCE, venue="onyx"),
    Case("V4a", "pings often, and counts the pongs", "pinged",
         must={"flowed": True, "pongs": 23, "epoch": 1}, venue="loopring",
         sim={"ping_interval": None}, cue=on_cue(ping_often), seen=pongs),
    Case("V4b", "never pings, and hangs up on a pong", "idle", must={"pongs": 0, "epoch": 1},
         venue="loopring", sim={"ping_interval": None}, seen=pongs, long=True),
    Case("V5", "never answers a falsy id", "numbered",
         must={"error": None, "first_id": 1, "falsy_ids": [], "ids_are_unique_integers": True},
         venue="fuze", seen=ids),
    Case("V7", "forgets the ids of subscriptions with their connection", "renumbered",
         must={"error": None, "flowed": True, "flows": True, "gaps": ["gap:reconnected"],
               "unsubscribed_on": [2]},
         within=AT_ONCE, venue="timex", interval=0.02, cue=on_cue(drop), seen=unsubscribed),
)

DISORDER = tuple(
    Case(f"S5-{venue}", "answers in another order", "disordered",
         must={"error": None, "wrong_answers": []}, within=TIMEOUT, venue=venue, options=options,
         before=lambda venue: venue.reorder(4, 0.3))
    for venue, options in (("infinex", SOCKET), ("timex", {}))
) + (
    Case("S5-onyx", "answers in another order", "disordered",
         must={"error": None, "wrong_answers": []}, within=TIMEOUT, venue="onyx",
         before=lambda venue: venue.reorder(4, 0.1)),
)

VENUES: tuple[Case, ...] = (*DISORDER, *REPLAY, *LOGIN, *HEARTBEAT, *OWN, *UNAVAILABLE)
