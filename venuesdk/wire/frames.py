"""WebSocket frames (RFC 6455): bytes to messages, and payloads to masked frames.

Pure: no socket, no thread, no clock. `FrameReader` is as strict as the RFC, and its limits are
checked on a frame's header, before its payload is read.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Binary",
    "FrameError",
    "FrameReader",
    "encode_close",
    "encode_frame",
    "is_close_code",
    "masked",
]

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

PROTOCOL_ERROR: Final = 1002
INVALID_PAYLOAD: Final = 1007
MESSAGE_TOO_BIG: Final = 1009

FIRST_BUFFER: Final = 64 * 1024
LARGE_BUFFER: Final = 1024 * 1024
WINDOW: Final = 64 * 1024
"""How many bytes are cut into messages in one go."""
_MASK_STEP: Final = 64 * 1024


class Binary(bytes):
    """The payload of a binary message; a text message is plain ``bytes``."""

    __slots__ = ()


class FrameError(Exception):
    """The peer broke the protocol; ``close_code`` is 1002, 1007 or 1009, ``text`` says how."""

    def __init__(self, close_code: int, text: str) -> None:
        super().__init__(close_code, text)
        self.close_code = close_code
        self.text = text


def is_close_code(code: int) -> bool:
    """Return whether `code` may stand in a close frame on the wire."""
    return 3000 <= code < 5000 or 1000 <= code <= 1014 and code not in (1004, 1005, 1006)


def encode_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """Return one final client frame, its payload masked with the four bytes of `mask`."""
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0xFF)) + length.to_bytes(8, "big")
    if length <= _MASK_STEP:
        return head + mask + masked(payload, mask)
    # In steps, since one XOR over a long message would hold four copies of it at once.
    frame = bytearray(head + mask)
    for start in range(0, length, _MASK_STEP):
        frame += masked(payload[start : start + _MASK_STEP], mask)
    return bytes(frame)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return a payload with the four bytes of `mask` put on, or taken off."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


def encode_close(code: int | None, reason: str, mask: bytes) -> bytes:
    """Return a close frame; a reason longer than its 123 bytes is cut between characters."""
    if code is None:
        return encode_frame(CLOSE, b"", mask)
    text = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text, mask)


def _is_utf8(payload: bytes | bytearray) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


class FrameReader:
    """Turn what a server sends, cut anywhere, into whole messages.

    Receive into ``get_buffer()`` and hand the count to ``received()``; while there is ``more``,
    ``received(0)`` returns it. Used by one thread.
    ``attention`` is true while there are control frames to take, or when ``ended``; ``closed`` is
    the code and reason of the close frame once that was read, ``error`` the violation, if any.
    """

    __slots__ = (
        "_buffer", "_control", "_count", "_end", "_fragments", "_max_fragments",
        "_max_message", "_message_opcode", "_need", "_partial", "_start", "_view",
        "attention", "closed", "error", "more",
    )  # fmt: skip

    def __init__(self, max_message: int = 16 * 1024 * 1024, max_fragments: int = 131072) -> None:
        self._max_message = max_message
        self._max_fragments = max_fragments
        self._buffer = bytearray(FIRST_BUFFER)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._need = 2
        self._control: list[tuple[int, bytes]] = []
        self._partial = bytearray()
        self._fragments = 0
        self._message_opcode = CONTINUATION
        self.attention = False
        self.more = False
        self.closed: tuple[int | None, str] | None = None
        self.error: FrameError | None = None

    def get_buffer(self) -> memoryview:
        """Return where to receive the next bytes; never empty, void after ``received()``."""
        start, end = self._start, self._end
        if start:
            rest = end - start
            self._buffer[:rest] = self._buffer[start:end]
            self._start, self._end, end = 0, rest, rest
        size = len(self._buffer)
        if end == size:
            self._resize(size * 2)
        elif size > LARGE_BUFFER and self._need <= LARGE_BUFFER and end < FIRST_BUFFER:
            self._resize(LARGE_BUFFER)
        return self._view[self._end :]

    def _resize(self, size: int) -> None:
        buffer = bytearray(size)
        buffer[: self._end] = self._view[: self._end]
        self._buffer = buffer
        self._view = memoryview(buffer)

    def received(self, count: int) -> list[bytes]:
        """Take note that `count` bytes are in the buffer; return the messages now complete.

        Of very many, only the first, and there is ``more``. Text is plain ``bytes``, checked to be
        UTF-8; binary is `Binary`. Messages that were complete before a violation are returned, and
        FrameError is raised at the next call.
        """
        if self.error is not None:
            raise self.error
        full = self._end + count == len(self._buffer)
        self._end += count
        messages: list[bytes] = []
        if self.closed is not None:
            self._start = self._end = 0
        elif self._end - self._start >= self._need:
            try:
                self._parse(messages)
            except FrameError as error:
                self.error = error
                self.attention = True
                if not messages:
                    raise
        unread = self._end - self._start
        self.more = unread >= self._need and not self.ended
        if full and self._start and len(self._buffer) < LARGE_BUFFER:
            self._grow()
        return messages

    def _grow(self) -> None:
        """Read more at once next time: the peer sends faster than we come to read."""
        rest = self._end - self._start
        buffer = bytearray(len(self._buffer) * 2)
        buffer[:rest] = self._view[self._start : self._end]
        self._buffer, self._start, self._end = buffer, 0, rest
        self._view = memoryview(buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take `data` as if it had been received; return the messages now complete."""
        messages: list[bytes] = []
        position = 0
        while position < len(data):
            buffer = self.get_buffer()
            count = min(len(buffer), len(data) - position)
            buffer[:count] = data[position : position + count]
            position += count
            messages += self.received(count)
            while self.more:
                messages += self.received(0)
            if self.error is not None:
                break
        return messages

    def take_control(self) -> list[tuple[int, bytes]]:
        """Return opcode and payload of the pings and pongs read since the last call."""
        control, self._control = self._control, []
        self.attention = self.ended
        return control

    @property
    def ended(self) -> bool:
        """Whether nothing more can come: a close frame was read or the protocol broken."""
        return self.error is not None or self.closed is not None

    def _parse(self, messages: list[bytes]) -> None:
        """Slice the complete frames out of the next window of the buffer.

        One large read is best, and much is best done in pieces that the processor's cache holds.
        """
        if self._need > WINDOW:
            # A long frame, now complete, is taken from the buffer itself: one copy is enough.
            self._start = self._one(self._view[: self._end], self._start, messages)
            self._need = 2
        data = bytes(self._view[self._start : min(self._end, self._start + WINDOW)])
        end = len(data)
        position = 0
        append = messages.append
        plain = self._plain_first_byte()
        try:
            while end - position >= 2:
                if data[position] == plain:
                    length = data[position + 1]
                    body = position + 2
                    if length < 126:
                        pass
                    elif length == 126 and end - position >= 4:
                        length = data[body] << 8 | data[position + 3]
                        body = position + 4
                        if length < 126:
                            length = -1
                    else:
                        length = -1
                    if length >= 0:
                        stop = body + length
                        if stop > end:
                            self._need = stop - position
                            return
                        payload = data[body:stop]
                        if payload.isascii() or _is_utf8(payload):
                            append(payload)
                            position = stop
                            continue
                taken = self._one(data, position, messages)
                if taken < 0:
                    return
                position = taken
                if self.closed is not None:
                    position = end
                plain = self._plain_first_byte()
            self._need = 2
        finally:
            self._start += position
            if self._start == self._end:
                self._start = self._end = 0

    def _plain_first_byte(self) -> int:
        """Return the first byte of a frame that needs no more checks than its length."""
        if self._message_opcode or self._max_message < 65536:
            return -1
        return 0x80 | TEXT

    def _one(self, data: bytes | memoryview, position: int, messages: list[bytes]) -> int:
        """Check one frame of any kind and take it; return where it ends, or -1 if incomplete."""
        available = len(data) - position
        first, second = data[position], data[position + 1]
        opcode, length, body = first & 0x0F, second & 0x7F, position + 2
        self._check_first(first, second)
        if length > 125:
            size = 2 if length == 126 else 8
            if available < 2 + size:
                self._need = 2 + size
                return -1
            body += size
            length = int.from_bytes(data[position + 2 : body], "big")
            if length < (126 if size == 2 else 65536) or length >> 63:
                raise FrameError(PROTOCOL_ERROR, "a length is not in its shortest form")
        if opcode < CLOSE:
            self._check_size(length)
        stop = body + length
        if stop - position > available:
            self._need = stop - position
            return -1
        payload = bytes(data[body:stop])
        if opcode >= CLOSE:
            self._note_control(opcode, payload)
        else:
            self._take_data(first, payload, messages)
        return stop

    def _check_first(self, first: int, second: int) -> None:
        """Refuse what the first two bytes of a frame may not say."""
        opcode = first & 0x0F
        if first & 0x70:
            raise FrameError(PROTOCOL_ERROR, "a reserved bit is set")
        if second & 0x80:
            raise FrameError(PROTOCOL_ERROR, "a server frame is masked")
        if opcode >= CLOSE:
            if opcode > PONG:
                raise FrameError(PROTOCOL_ERROR, f"opcode {opcode} is reserved")
            if not first & 0x80:
                raise FrameError(PROTOCOL_ERROR, "a control frame is fragmented")
            if second > 125:
                raise FrameError(PROTOCOL_ERROR, "a control frame is longer than 125 bytes")
        elif opcode > BINARY:
            raise FrameError(PROTOCOL_ERROR, f"opcode {opcode} is reserved")
        elif opcode == CONTINUATION:
            if not self._message_opcode:
                raise FrameError(PROTOCOL_ERROR, "a continuation frame continues nothing")
        elif self._message_opcode:
            raise FrameError(PROTOCOL_ERROR, "a new message begins inside another")

    def _check_size(self, length: int) -> None:
        """Refuse a message that is too long, or in too many pieces, on its header alone."""
        if len(self._partial) + length > self._max_message:
            raise FrameError(MESSAGE_TOO_BIG, f"a message is longer than {self._max_message} bytes")
        if self._fragments >= self._max_fragments:
            raise FrameError(
                MESSAGE_TOO_BIG, f"a message has more than {self._max_fragments} fragments"
            )

    def _take_data(self, first: int, payload: bytes, messages: list[bytes]) -> None:
        opcode = first & 0x0F or self._message_opcode
        if not first & 0x80:
            self._message_opcode = opcode
            self._partial += payload
            self._fragments += 1
            return
        if self._message_opcode:
            self._partial += payload
            payload = bytes(self._partial)
            self._partial = bytearray()
            self._message_opcode = CONTINUATION
            self._fragments = 0
        if opcode == BINARY:
            messages.append(Binary(payload))
        elif payload.isascii() or _is_utf8(payload):
            messages.append(payload)
        else:
            raise FrameError(INVALID_PAYLOAD, "a text message is not UTF-8")

    def _note_control(self, opcode: int, payload: bytes) -> None:
        self.attention = True
        if opcode != CLOSE:
            self._control.append((opcode, payload))
            return
        if not payload:
            self.closed = (None, "")
            return
        code = int.from_bytes(payload[:2], "big")
        if len(payload) == 1 or not is_close_code(code):
            raise FrameError(PROTOCOL_ERROR, "a close frame has no valid code")
        if not _is_utf8(payload[2:]):
            raise FrameError(INVALID_PAYLOAD, "the reason of a close frame is not UTF-8")
        self.closed = (code, payload[2:].decode())
