"""The head of an HTTP response, read within limits; no socket, no policy.

Bodies are none of its business. Strict, because a head that two programs read differently is an
attack: lines end in CRLF, names are tokens, folded lines are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from attrs import field, frozen

from venuesdk.timing import Deadline, wall_clock

__all__ = ["MAX_HEAD", "MAX_HEADERS", "Head", "HeadError", "parse_head", "read_head"]

MAX_HEAD = 64 * 1024
MAX_HEADERS = 100
LONGEST_WAIT = 86_400.0
"""A ``Retry-After`` longer than a day, in seconds, counts as a day."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class HeadError(Exception):
    """The peer's answer is not an HTTP response head, or goes over a limit."""


@frozen
class Head:
    """Status and headers, the names in lower case, in the order in which they came."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    def all(self, name: str) -> list[str]:
        """Return every value of the header `name` (in lower case)."""
        return [value for key, value in self.headers if key == name]

    def tokens(self, name: str) -> set[str]:
        """Return the comma-separated words of the header `name`, in lower case."""
        words = (word.strip().lower() for value in self.all(name) for word in value.split(","))
        return {word for word in words if word}

    def retry_after(self) -> float | None:
        """Return how many seconds the peer asks to wait: given as a number, or as a date."""
        for value in self.all("retry-after"):
            if value.isascii() and value.isdigit():
                # Of a number with many digits only the size matters.
                return min(float(value[:20]), LONGEST_WAIT)
            try:
                seconds = parsedate_to_datetime(value).timestamp() - wall_clock()
            except (ValueError, OverflowError, TypeError):
                continue
            return min(max(seconds, 0.0), LONGEST_WAIT)
        return None


def parse_head(data: bytes) -> Head:
    """Read a head, given without the empty line that ends it. Raises HeadError."""
    first, *lines = data.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise HeadError("the answer is not HTTP")
    if len(lines) > MAX_HEADERS:
        raise HeadError(f"the answer has more than {MAX_HEADERS} headers")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or _BAD_VALUE.search(value):
            raise HeadError("the answer has a malformed header")
        headers.append((name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")))
    return Head(int(match[1]), tuple(headers))


def read_head(
    receive: Callable[[Deadline], bytes | None], deadline: Deadline
) -> tuple[Head, bytes] | None:
    """Read a head and return it with the bytes that came behind it; None at the deadline.

    `receive` returns the next bytes, b"" at the end of the stream, None when a slice of time has
    passed. Raises HeadError as soon as the limits are crossed or the stream ends.
    """
    data = bytearray()
    lines = 0
    while not deadline.expired():
        more = receive(deadline)
        if more is None:
            continue
        if not more:
            raise HeadError(f"the peer hung up after {len(data)} bytes of its answer")
        searched = max(len(data) - 3, 0)
        data += more
        lines += more.count(b"\n")
        end = data.find(b"\r\n\r\n", searched)
        if 0 <= end <= MAX_HEAD:
            return parse_head(bytes(data[:end])), bytes(data[end + 4 :])
        if len(data) > MAX_HEAD:
            raise HeadError(f"the answer's head is longer than {MAX_HEAD} bytes")
        if lines > MAX_HEADERS + 1:
            raise HeadError(f"the answer has more than {MAX_HEADERS} headers")
        if not b"HTTP/1.".startswith(data[:7]):
            raise HeadError("the answer is not HTTP")
    return None
