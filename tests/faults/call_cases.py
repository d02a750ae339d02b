"""Fault cases of calls and streams: sending and closing (31 to 36), requests and events (S1 on).

S15 and S16, many clients that are cut off at once and a link that flaps, take many connections:
see `tests/storms`.
"""

from __future__ import annotations

from faults.plays import numbered
from faults.table import AT_ONCE, SLACK, TIMEOUT, Case, lost, refused, striking

__all__ = ["CALLS"]

UNWRITTEN = refused("NotSent", state_then="connected", accepted=1, epoch=1, executed=[])
COPIES = 8
"""How often a large order may be there at once: as text, JSON, bytes, and frame, masked or not."""
LARGE = {"orders": {"padding": 8_000_000}, "growth": COPIES * 8_000_000}

SENDING = (
    Case("31a", "reads nothing, so that an order is written in part", "many_writes",
         ("deaf", "honest"), lost(first_error="RequestTimeout"), orders={"padding": 2_000_000},
         growth=COPIES * 2_000_000, long=True),
    Case("31b", "reads nothing, so that nothing of an order is written", "nothing_written",
         (("stuffed", False),), UNWRITTEN, least=TIMEOUT),
    Case("31c", "reads nothing, and pings, so that nothing of an order is written",
         "nothing_written", (("stuffed", True),), UNWRITTEN, least=TIMEOUT,
         orders={"pings": True}),
    Case("32", "reads nothing for a while, then goes on", "write", ("deaf_for_a_while",),
         {"error": None}, TIMEOUT),
    *(
        Case(f"33{letter}", f"{peer} while the client closes", "close", (play,),
             {"error": "ClientClosed", "pending_error": "ClientClosed",
              "pending_outcome_unknown": True, "woken": True}, next="none",
             **more)
        for letter, peer, play, more in (
            ("a", "says nothing", "silence", {}),
            ("b", "has sent half a frame", "half_frame_then_silence", {}),
            ("c", "drips a frame", "dripped_frame", {}),
            ("d", "floods with pings", "ping_flood", {}),
            ("e", "reads nothing and sends pings", "deaf_and_streaming", {}),
            ("f", "reads nothing of a large order", "deaf", LARGE),
        )
    ),
    Case("33g", "is idle while the client closes", "close_idle", ("honest",),
         {"error": "ClientClosed"}, next="none"),
    *(
        Case(f"33{letter}", f"{peer} while the client closes", "close_stuffed",
             (("stuffed", pings),), {"error": "ClientClosed"}, next="none", orders={"pings": pings})
        for letter, peer, pings in (
            ("h", "has let the buffers fill up", False),
            ("i", "has let the buffers fill up, and pings", True),
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
    Case("S6", "never answers a question, but the next one", "read_marked",
         (("pausing", "silence"),), {"error": "RequestTimeout", "accepted": 1}, least=TIMEOUT),
    Case("S7", "is cut with eight calls pending", "pending", (("cutting_under", 8), "honest"),
         lost(failed=8, distinct=8, kinds=["ConnectionLost"]), AT_ONCE),
    striking("S8", "executes an order and is cut before its answer", "executed_then_cut",
             lost()),
    Case("S9", "is cut under a stream", "stream", ("half_frame_then_reset", "honest"),
         lost(gaps=["gap:reconnected"], misplaced=[], event_after_gap=True, flows=True), AT_ONCE,
         interval=0.02, before=numbered),
    Case("S11", "refuses the login on reconnecting", "reconnect", ("closed_1012", "refused_401"),
         {"error": "AuthenticationError", "states": ["connecting", "connected", "reconnecting",
                                                     "failed", "closed"]}, 3.5, "none"),
    Case("S12", "sends events to a callback that raises", "callbacks", ("honest",),
         {"ran": True, "told": ("KeyError",)}, 5.0, interval=0.02),
    Case("S12h", "sends events to a callback that raises, and so does the hook", "callbacks",
         ("honest",), {"ran": True, "hooked": True, "flows": True}, 5.0, interval=0.02,
         orders={"raising_hook": True}),
    Case("S13", "sends faster than a callback works", "slow_consumer", ("honest",),
         {"error": None, "gaps": ["gap:overflow"], "gap_count_exact": True}, 5.0, interval=0.02),
    Case("S14", "sends events to a callback that calls", "callbacks", ("honest",),
         {"ran": True, "answers": 3}, 5.0, interval=0.02),
    Case("S18", "sees its client fork", "fork", ("honest",),
         {"error": None, "in_child": "ClientClosed"}, AT_ONCE),
    Case("S19", "is silent when Ctrl-C comes", "interrupt", ("answered_late",),
         {"error": "KeyboardInterrupt"}, AT_ONCE),
)

CALLS: tuple[Case, ...] = (*SENDING, *SPEAKING)
"""The cases that are the same for every venue, played against one of them."""
