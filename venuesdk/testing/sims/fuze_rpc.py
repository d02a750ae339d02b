"""JSON-RPC 2.0 as a server of npm `rpc-websockets` answers it; nothing of a venue is here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = ["ERRORS", "NOTHING", "SILENCE", "error", "is_false", "number", "result"]

ERRORS = {
    -32000: "Event not provided",
    -32600: "Invalid Request",
    -32601: "Method not found",
    -32602: "Invalid params",
    -32604: "Params not found",
    -32605: "Method forbidden",
    -32606: "Event forbidden",
    -32700: "Parse error",
}
NOTHING = object()
"""A result that JavaScript calls undefined: the answer has neither `result` nor `error`."""

SILENCE = object()
"""No answer at all, though there was an id."""


def error(code: int, identifier: Any, data: str | None = None) -> dict[str, Any]:
    """Return a refusal; its `data` is there only when there is a detail."""
    problem: dict[str, Any] = {"code": code, "message": ERRORS[code]}
    if data is not None:
        problem["data"] = data
    return {"jsonrpc": "2.0", "error": problem, "id": identifier}


def result(value: Any, identifier: Any) -> dict[str, Any] | None:
    """Return an answer; none to what the library takes for a notification."""
    if value is SILENCE or identifier is None:
        return None
    if value is NOTHING:
        return {"jsonrpc": "2.0", "id": identifier}
    return {"jsonrpc": "2.0", "result": value, "id": identifier}


def is_false(value: Any) -> bool:
    """Return whether JavaScript takes the value for false: an empty list is true there."""
    return value is None or value is False or value == "" or (value == 0 and value is not True)


def number(digits: str) -> int:
    """Read an integer as JavaScript does, which keeps 53 bits of it."""
    return int(Decimal(repr(float(digits)))) if len(digits) > 15 else int(digits)
