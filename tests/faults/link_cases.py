"""Fault cases of the link: what goes wrong while connecting (1 to 17) and receiving (18 to 27)."""

from __future__ import annotations

from faults.plays import numbered
from faults.table import (
    AT_ONCE,
    LOADING,
    SLACK,
    TIMEOUT,
    WS,
    WSS,
    Case,
    connecting,
    lost,
    refused,
    striking,
)

__all__ = ["LINK"]

LATE = refused("ConnectTimeout")
NO = refused()
UNSEEN = refused(heads=0)

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

SILENT = ("pausing", "silence")
IN_TIME = {"within": TIMEOUT + SLACK}
IN_VAIN = {"error": "RequestTimeout", "outcome_unknown": True, "accepted": 1}

RECEIVING = (
    striking("18a", "falls silent under an order, and comes back", SILENT, IN_VAIN, **IN_TIME,
             long=True),
    striking("18b", "falls silent under a question, and comes back", SILENT,
             {"error": "RequestTimeout", "accepted": 1}, **IN_TIME, scenario="read_marked"),
    Case("18c", "keeps the connection, but sends no event for a while", "stream", (SILENT,),
         {"error": "RequestTimeout", "state_then": "connected", "gaps": ["gap:stale"],
          "event_after_gap": True, "flows": True, "accepted": 1},
         interval=0.02, before=numbered, orders={"subscribe": {"stale_after": 0.5}}),
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
    striking("24a", "floods with pings for a while", ("pausing", "pings"), IN_VAIN, **IN_TIME),
    striking("24b", "drips a frame", ("pausing", "drip"), IN_VAIN, **IN_TIME),
    *(striking(id, peer, play, lost(code=code)) for id, peer, play, code in BROKEN),
    striking("27", "sends a message behind its close frame", "data_after_close", lost(code=1000)),
)

LINK: tuple[Case, ...] = (*CONNECTING, *RECEIVING)
"""The cases that are the same for every venue, played against one of them."""
