"""Fault cases of HTTP (S17): what the server does, and what Infinex's client must do on that route.

An order whose bytes left has an unknown outcome unless the answer is an authoritative no; a read
fails in the same way, and a gateway's error leaves nothing unknown about it. Nothing is sent twice.
"""

from __future__ import annotations

from typing import Any

from faults.table import AT_ONCE, LOADING, SLACK, TIMEOUT, WS, WSS, Case, lost, refused

__all__ = ["WEB"]

HTTP = {"route": "http"}
LONGEST_BODY = 16 << 20
"""The longest body that the client accepts, decoded; it may be held twice when it is joined."""
HELD = 2 * LONGEST_BODY + (5 << 20)

LATE = lost(error="RequestTimeout")
UNREADABLE = lost(error="ProtocolError")
CUT = lost(executed=[])
ANSWER = ["BTC/USDT 0.0125"]


def web(id: str, peer: str, play: Any, must: dict[str, Any], **more: Any) -> Case:
    """Return a case that strikes under an order on a connection that has been used before."""
    more.setdefault("within", AT_ONCE)
    plays = play if isinstance(play, tuple) else (play, "http_honest")
    scenario = more.pop("scenario", "write")
    return Case(f"S17{id}", peer, scenario, plays, must, venue="infinex", options=HTTP, **more)


def asked(id: str, peer: str, play: str, must: dict[str, Any], **more: Any) -> Case:
    """Return a case that strikes under a question."""
    return web(f"r-{id}", peer, play, must, scenario="read_marked", **more)


LAST: dict[str, Any] = {"next": "none", "orders": {"recovers": False}}
IN_TIME = {"within": TIMEOUT + SLACK}

WRITING = (
    web("a", "never answers an order", "http_silent", LATE, **IN_TIME),
    web("b", "drips the head of its answer", "http_dripped_head", LATE, **IN_TIME),
    web("c", "drips the body of its answer", "http_dripped_body", LATE, **IN_TIME),
    web("d", "drips chunks", "http_dripped_chunks", LATE, **IN_TIME),
    web("e", "asks to continue without end", "http_endless_continue",
        lost(error=("ProtocolError", "RequestTimeout")), **IN_TIME),
    web("f", "sends less of a body than it announced", "http_short_body", CUT),
    web("g", "ends inside a chunk", "http_short_chunk", CUT),
    web("h", "closes instead of answering", "http_finish", CUT),
    web("i", "resets under an order", "http_cut", CUT),
    web("j", "resets a connection kept alive under an order", "http_stale_connection", CUT),
    web("k", "executes an order and is cut before its answer", "http_executed_then_cut",
        lost(executed=ANSWER)),
    web("l", "executes an order behind a gateway that says 502", "http_executed_then_502",
        lost(error="VenueUnavailable", executed=ANSWER)),
    web("m", "sends headers without end", "http_endless_head", UNREADABLE),
    web("n", "sends a header line without end", "http_endless_line", UNREADABLE),
    web("o", "sends a body without end", "http_endless_body", UNREADABLE, growth=HELD,
        within=TIMEOUT),
    web("p", "sends chunks without end", "http_endless_chunks", UNREADABLE, growth=HELD,
        within=TIMEOUT),
    web("q", "sends a gzip bomb", "http_gzip_bomb", UNREADABLE, growth=HELD, within=TIMEOUT),
    web("r", "answers with garbage", "http_garbage", UNREADABLE),
    web("s", "answers with a page for people", "http_web_page", UNREADABLE),
    web("t", "redirects an order", "http_302", UNREADABLE),
    web("u", "redirects an order, body and all", "http_307", UNREADABLE),
    web("v", "refuses with 401", "http_401", refused("AuthenticationError")),
    web("w", "refuses with 429", "http_429", refused("RateLimitExceeded", retry_after=1.0)),
    web("x", "fails with 500", "http_500", lost(error="VenueUnavailable")),
    web("y", "fails with 502", "http_502", lost(error="VenueUnavailable")),
    web("z", "fails with 503", "http_503", lost(error="VenueUnavailable", retry_after=1.0)),
)

READING = (
    asked("a", "never answers a question", "http_silent", {"error": "RequestTimeout"}, **IN_TIME),
    asked("c", "drips the body of its answer", "http_dripped_body", {"error": "RequestTimeout"},
          **IN_TIME),
    asked("f", "sends less of a body than it announced", "http_short_body",
          {"error": "ConnectionLost"}),
    asked("i", "resets under a question", "http_cut", {"error": "ConnectionLost"}),
    asked("q", "sends a gzip bomb", "http_gzip_bomb", {"error": "ProtocolError"}, growth=HELD,
          within=TIMEOUT),
    asked("r", "answers with garbage", "http_garbage", {"error": "ProtocolError"}),
    asked("t", "redirects a question", "http_302",
          {"error": "ProtocolError", "outcome_unknown": False}),
    asked("v", "refuses with 401", "http_401", refused("AuthenticationError")),
    asked("x", "fails with 500", "http_500", refused("VenueUnavailable")),
    asked("z", "fails with 503", "http_503", refused("VenueUnavailable", retry_after=1.0)),
)

CONNECTING = (
    web("c1", "refuses the connection", ("closed_port",), refused("ConnectFailed"),
        scenario="first_write", links=WS, growth=LOADING, **LAST),
    web("c2", "answers no SYN", ("unanswered_port",), refused("ConnectTimeout"),
        scenario="first_write", links=WS, growth=LOADING, **LAST, **IN_TIME),
    web("c3", "stalls in the TLS handshake", ("stalled_handshake", "http_honest"),
        refused("ConnectTimeout"), scenario="first_write", links=WSS,
        growth=LOADING, **IN_TIME),
    web("c4", "answers TLS in the clear", ("plain_text_on_tls", "http_honest"),
        refused("ConnectFailed"), scenario="first_write", links=WSS,
        growth=LOADING),
    *(
        web(id, peer, ("http_honest",), refused("ConnectFailed", heads=0), scenario="first_write",
            links=WSS, growth=LOADING, next="none",
            orders={"recovers": False, "certificate": certificate})
        for id, peer, certificate in (
            ("c5", "has an expired certificate", "expired"),
            ("c6", "has another host's certificate", "other_host"),
            ("c7", "has a certificate of an unknown authority", "unknown_authority"),
        )
    ),
    web("c8", "closes an unused connection", ("http_closed_behind", "http_honest"),
        {"error": None, "executed": ANSWER}, scenario="write_after_rest"),
)

WEB: tuple[Case, ...] = (*WRITING, *READING, *CONNECTING)
