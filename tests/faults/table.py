"""The fault table: what the peer does, what the client must do, and within what time.

Numbers follow the kinds of fault: 1 to 17 while connecting, 18 to 30 while receiving, 31 to 36
while sending and closing, S1 to S19 at the level of requests and streams, V1 and on for what only
one venue has. A number may have several variants. S15 and S16, many clients that are cut off at
once and a link that flaps, take many connections: see `tests/storms`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "AT_ONCE",
    "BOTH",
    "COMMON",
    "LOADING",
    "SLACK",
    "TIMEOUT",
    "WS",
    "WSS",
    "Case",
    "lost",
    "refused",
]

TIMEOUT = 1.0
"""The timeout T of the call that a case is about."""
SLACK = 0.5
"""How much later than T a call may end."""
AT_ONCE = 0.5
LOADING = 32 << 20
"""What loading the package itself takes, in bytes, where that falls into the measured part."""

WS = ("ws",)
BOTH = ("ws", "wss")
WSS = ("wss",)


@dataclass(frozen=True)
class Case:
    """One fault: `plays` for the peer's connections, in their order, then what must be seen.

    `must` are fields of the child's report and their values; a tuple means "one of these".
    `within` bounds the seconds that the call took, `growth` the bytes that memory grew by
    meanwhile. `next` says whether the next call must work, "works", or how it must fail.

    `venue` is simulated with the options `sim`. `before` prepares it; `cue` runs beside the client,
    on a thread of its own, and may wait for what the venue receives; `seen` adds what the venue saw
    to the report. A case that is `long` takes many seconds, and is not in the default suite.
    """

    id: str
    peer: str
    scenario: str
    plays: tuple[Any, ...] = ("honest",)
    must: dict[str, Any] = field(default_factory=dict)
    within: float = TIMEOUT + SLACK
    next: str = "works"
    links: tuple[str, ...] = BOTH
    growth: int = 5 << 20
    options: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Any] = field(default_factory=dict)
    interval: float | None = None
    venue: str = "timex"
    sim: dict[str, Any] = field(default_factory=dict)
    before: Callable[[Any], object] | None = None
    cue: Callable[[Any], object] | None = None
    seen: Callable[[Any], dict[str, Any]] | None = None
    long: bool = False


def lost(**more: Any) -> dict[str, Any]:
    """Return what an order must say whose connection ended under it."""
    return {"error": "ConnectionLost", "outcome_unknown": True, **more}


def refused(error: str = "ConnectFailed", **more: Any) -> dict[str, Any]:
    """Return what a connect must say that came to nothing."""
    return {"error": error, "outcome_unknown": False, **more}


def connecting(id: str, peer: str, play: Any, must: dict[str, Any], **more: Any) -> Case:
    """Return a case of the first connection; the second one is honest."""
    return Case(id, peer, "connect", (play, "honest"), must, **more)


def striking(id: str, peer: str, play: Any, must: dict[str, Any], **more: Any) -> Case:
    """Return a case that strikes under an order; the connection after it is honest."""
    more.setdefault("within", AT_ONCE)
    return Case(id, peer, more.pop("scenario", "write"), (play, "honest"), must, **more)


LATE = refused("ConnectTimeout")
NO = refused()
UNSEEN = refused(heads=0)
LEFT = {"orders": {"recovers": False}, "next": "none"}

CERTIFICATES = (
    ("a", "an expired certificate", "expired"),
    ("b", "a certificate of tomorrow", "early"),
    ("c", "another host's certificate", "other_host"),
    ("d", "a certificate of an unknown authority", "unknown_authority"),
    ("e", "nothing newer than TLS 1.1", "old_tls"),
)

CONNECTING = (
    Case("1", "refuses the connection", "connect", ("closed_port",), NO, AT_ONCE, "none", WS,
         orders={"recovers": False}),
    Case("2", "answers no SYN", "connect", ("unanswered_port",), LATE, next="none", links=WS,
         orders={"recovers": False}),
    connecting("3", "never answers the upgrade", "silent", LATE),
    connecting("4", "drips its answer to the upgrade", "dripped_upgrade", LATE),
    connecting("5a", "sends headers without end", "endless_head", NO, within=AT_ONCE),
    connecting("5b", "sends a header line without end", "endless_line", NO, within=AT_ONCE),
    connecting("5c", "sends a thousand headers", "many_headers", NO, within=AT_ONCE),
    connecting("6a", "refuses with 401", "refused_401", refused("AuthenticationError"),
               within=AT_ONCE),
    connecting("6b", "refuses with 403", "refused_403", refused("AuthenticationError"),
               within=AT_ONCE),
    connecting("7a", "refuses with 429", "refused_429",
               refused("RateLimitExceeded", retry_after=1.0), within=AT_ONCE),
    connecting("7b", "refuses with 503", "refused_503",
               refused("VenueUnavailable", retry_after=1.0), within=AT_ONCE),
    connecting("8a", "sends 10 GB of error text", "endless_error_body",
               refused("VenueUnavailable"), within=AT_ONCE),
    connecting("8b", "announces an error text and sends none", "missing_error_body",
               refused("VenueUnavailable"), within=AT_ONCE),
    connecting("9a", "closes instead of answering", "finish_at_once", NO, within=AT_ONCE),
    connecting("9b", "resets instead of answering", "reset_at_once", NO, within=AT_ONCE),
    connecting("9c", "answers with garbage", "garbage_answer", NO, within=AT_ONCE),
    connecting("10a", "accepts with a wrong key", "wrong_accept", NO, within=AT_ONCE),
    connecting("10b", "chooses a subprotocol that nobody offered", "unrequested_protocol", NO,
               within=AT_ONCE),
    connecting("10c", "compresses unasked", "unrequested_extension", NO, within=AT_ONCE),
    connecting("11a", "redirects to another server", "redirect", refused(visits=0), within=AT_ONCE),
    connecting("11b", "redirects for good", "redirect_308", refused(visits=0), within=AT_ONCE),
    Case("12a", "has a name that does not exist", "connect", ("honest",), NO, TIMEOUT + SLACK,
         "none", WS, orders={"recovers": False, "url": "wss://venue.invalid/socket/relay"}),
    *(
        Case(f"13{letter}", f"has {what}", "connect", ("honest",), UNSEEN, AT_ONCE, "none", WSS,
             orders={"recovers": False, "certificate": certificate})
        for letter, what, certificate in CERTIFICATES
    ),
    connecting("14a", "stalls in the TLS handshake", "stalled_handshake", LATE, links=WSS),
    connecting("14b", "answers TLS in the clear", "plain_text_on_tls", NO, within=AT_ONCE,
               links=WSS),
    Case("15a", "is a proxy that wants a login", "connect", ("proxy_wants_login",), NO, AT_ONCE,
         "none", orders={"recovers": False, "proxied": True}),
    Case("15b", "is a proxy that hangs", "connect", ("proxy_hangs",), LATE, next="none",
         orders={"recovers": False, "proxied": True}),
    Case("15c", "is a proxy that talks garbage", "connect", ("proxy_garbage",), NO, AT_ONCE, "none",
         orders={"recovers": False, "proxied": True}),
    Case("16", "is far away, and asked for in the clear", "construct", ("honest",),
         {"error": "ValueError"}, AT_ONCE, "none", WS, LOADING,
         orders={"url": "ws://venue.example/socket/relay"}),
    Case("17a", "is asked for with a line break in a header", "construct", ("honest",),
         {"error": "ValueError"}, AT_ONCE, "none", WS, LOADING,
         options={"headers": {"X-Desk": "a\r\nX-Other: b"}}),
    Case("17b", "is asked for with a line break in its URL", "construct", ("honest",),
         {"error": "ValueError"}, AT_ONCE, "none", WS, LOADING,
         orders={"url": "wss://venue.example/a\r\nX-Other: b"}),
)

BROKEN = (
    ("25a", "sends a text that is no UTF-8", "bad_utf8", 1007),
    ("25b", "ends a text inside a character", "cut_utf8", 1007),
    ("26a", "masks its frames", "masked", 1002),
    ("26b", "sets a reserved bit", "reserved_bit", 1002),
    ("26c", "uses a reserved opcode", "reserved_opcode", 1002),
    ("26d", "uses a reserved control opcode", "reserved_control", 1002),
    ("26e", "sends a long ping", "long_control", 1002),
    ("26f", "sends a ping in fragments", "fragmented_control", 1002),
    ("26g", "sends a long pong", "long_pong", 1002),
    ("26h", "continues nothing", "stray_continuation", 1002),
    ("26i", "begins a message inside another", "interrupted_fragments", 1002),
    ("26j", "closes with a code that nobody may send", "bad_close_code", 1002),
    ("26k", "closes with half a code", "one_byte_close", 1002),
    ("26l", "writes a length longer than it need be", "long_form_length", 1002),
    ("26m", "closes with a reason that is no UTF-8", "bad_close_reason", 1007),
)

RECEIVING = (
    striking("18a", "falls silent under an order", "silence",
             {"error": "RequestTimeout", "outcome_unknown": True}, within=TIMEOUT + SLACK,
             next="none"),
    striking("18b", "falls silent under a question", "silence",
             {"error": "RequestTimeout"}, within=TIMEOUT + SLACK, scenario="read_marked",
             next="none"),
    Case("18c", "keeps the connection, but sends no event", "stream", ("silence",),
         {"error": "RequestTimeout", "state_then": "connected", "gaps": ["gap:stale"]},
         next="none", interval=0.02, orders={"subscribe": {"stale_after": 0.5}}),
    striking("19", "sends an answer in two halves", "half_frame_then_rest", {"error": None},
             within=TIMEOUT),
    striking("20a", "sends half a frame and a FIN", "half_frame_then_finish", lost()),
    striking("20b", "sends half a frame and is cut off", "half_frame_then_cut", lost()),
    striking("20c", "sends half a frame and a RST", "half_frame_then_reset", lost()),
    *(
        striking(f"21{letter}", f"closes with {code}", f"closed_{code}", lost(code=code))
        for letter, code in zip("abcde", (1000, 1001, 1012, 1013, 4000), strict=True)
    ),
    striking("21f", "closes without a code", "closed_without_code", lost()),
    striking("22a", "announces more than the limit", "over_the_limit", lost(code=1009)),
    striking("22b", "announces 2^62 bytes", "length_2_62", lost(code=1009)),
    striking("22c", "announces 2^63 + 5 bytes", "length_2_63", lost(code=1002)),
    striking("22d", "announces 2^62 bytes and sends them", "streamed_2_62", lost(code=1009)),
    striking("23a", "sends fragments without end", "endless_fragments", lost(code=1009),
             options={"max_message": 1 << 20}, within=TIMEOUT),
    striking("23b", "sends empty fragments without end", "endless_empty_fragments",
             lost(code=1009), within=TIMEOUT),
    striking("24a", "floods with pings", "ping_flood",
             {"error": "RequestTimeout", "outcome_unknown": True}, within=TIMEOUT + SLACK,
             next="none"),
    striking("24b", "drips a frame", "dripped_frame",
             {"error": "RequestTimeout", "outcome_unknown": True}, within=TIMEOUT + SLACK,
             next="none"),
    *(striking(id, peer, play, lost(code=code)) for id, peer, play, code in BROKEN),
    striking("27", "sends a message behind its close frame", "data_after_close", lost(code=1000)),
)

SENDING = (
    Case("31", "reads nothing, so that an order is written in part", "many_writes",
         ("deaf", "honest"), lost(first_error="RequestTimeout"), orders={"padding": 2_000_000}),
    Case("32", "reads nothing for a while, then goes on", "write", ("deaf_for_a_while",),
         {"error": None}, TIMEOUT),
    *(
        Case(f"33{letter}", f"{peer} while the client closes", "close", (play,),
             {"error": "ClientClosed", "pending_error": "ClientClosed",
              "pending_outcome_unknown": True, "woken": True}, next="none",
             orders={"padding": padding})
        for letter, peer, play, padding in (
            ("a", "says nothing", "silence", 0),
            ("b", "has sent half a frame", "half_frame_then_silence", 0),
            ("c", "drips a frame", "dripped_frame", 0),
            ("d", "floods with pings", "ping_flood", 0),
            ("e", "reads nothing and sends pings", "deaf_and_streaming", 0),
        )
    ),
    Case("34", "is not asked any more: the client is closed", "close_in_callback", ("honest",),
         {"error": "ClientClosed", "done": True}, AT_ONCE, "none", interval=0.02),
    Case("35", "sends an event whose callback closes the client", "close_in_callback", ("honest",),
         {"done": True, "error": "ClientClosed"}, next="none", interval=0.02,
         options={"delivery": "inline"}),
    Case("36", "is left by a program that ends without close", "exit_without_close", ("honest",),
         {"left_open": True}, next="none", interval=0.02),
)

GARBAGE = (
    ("a", "malformed JSON", b"{not json"),
    ("b", "NaN", b'{"requestId":NaN}'),
    ("c", "nesting a million deep", b"[" * 1_000_000),
    ("d", "an integer of 5,000 digits", b'{"requestId":' + b"9" * 5000 + b"}"),
    ("e", "JSON that is no object", b'"text"'),
    ("f", "an infinite number", b'{"type":"MESSAGE","message":{"event":{},"payload":1e999}}'),
)

SPEAKING = (
    *(
        Case(f"S1{letter}", f"sends {what}", "read_marked", (("garbage", payload),),
             {"error": "RequestTimeout", "told": ("ProtocolError",)})
        for letter, what, payload in GARBAGE
    ),
    Case("S1g", "sends a hundred unreadable frames in a row", "read_marked",
         (("garbage", *[b"{"] * 100), "honest"), {"error": "ConnectionLost"}, AT_ONCE),
    Case("S2", "answers a request that nobody made", "read_marked",
         (("garbage", b'{"requestId":"nobody-1","status":"SUCCESS","responseBody":{}}'),),
         {"error": "RequestTimeout"}),
    striking("S3", "answers twice", "answered_twice", {"error": None}, within=TIMEOUT),
    striking("S4", "answers when the caller has left", "answered_late",
             {"error": "RequestTimeout", "outcome_unknown": True, "wrong_answers": 0, "late": 1},
             scenario="two_calls", within=TIMEOUT + SLACK),
    Case("S6", "never answers", "read_marked", ("silence",), {"error": "RequestTimeout"},
         next="none"),
    Case("S7", "is cut with eight calls pending", "pending", (("cutting_under", 8), "honest"),
         lost(failed=8, distinct=8, kinds=["ConnectionLost"]), AT_ONCE),
    striking("S8", "executes an order and is cut before its answer", "executed_then_cut",
             lost()),
    Case("S9", "is cut under a stream", "stream", ("half_frame_then_reset", "honest"),
         lost(gaps=["gap:reconnected"], event_after_gap=True, flows=True), AT_ONCE, interval=0.02),
    Case("S11", "refuses the login on reconnecting", "reconnect", ("closed_1012", "refused_401"),
         {"error": "AuthenticationError", "states": ["connecting", "connected", "reconnecting",
                                                     "failed", "closed"]}, 3.5, "none"),
    Case("S12", "sends events to a callback that raises", "callbacks", ("honest",),
         {"ran": True, "told": ("KeyError",)}, 5.0, interval=0.02),
    Case("S13", "sends faster than a callback works", "slow_consumer", ("honest",),
         {"error": None, "gaps": ["gap:overflow"], "gap_count_exact": True}, 5.0, interval=0.02),
    Case("S14", "sends events to a callback that calls", "callbacks", ("honest",),
         {"ran": True, "answers": 3}, 5.0, interval=0.02),
    Case("S18", "sees its client fork", "fork", ("honest",),
         {"error": None, "in_child": "ClientClosed"}, AT_ONCE),
    Case("S19", "is silent when Ctrl-C comes", "interrupt", ("answered_late",),
         {"error": "KeyboardInterrupt"}, AT_ONCE),
)

COMMON: tuple[Case, ...] = (*CONNECTING, *RECEIVING, *SENDING, *SPEAKING)
"""The cases that are the same for every venue, played against one of them."""
