"""The file of a tape: JSON lines, in a zstandard stream or plain; written to survive a crash.

The one module that imports zstandard. What the lines say is not known here, but for the first and
the last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from venuesdk.testing.tape.entries import (
    START,
    TapeCorrupted,
    TapeEntry,
    TapeHeader,
    read_entry,
    read_header,
    read_stop,
    write_header,
    write_stop,
)

__all__ = ["Tape", "TapeFile", "read_tape"]

LEVEL = 3
MAGIC = b"\x28\xb5\x2f\xfd"
"""How a zstandard stream begins (RFC 8878, 3.1.1)."""
CHUNK = 65536


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise ImportError(
            "compressed tapes need the zstandard package: pip install 'venuesdk[record]', "
            "or record to a file that ends in .tape"
        ) from error
    return zstandard


class TapeFile:
    """A tape being written, by one thread. Nothing is buffered but what zstandard holds.

    The name ends in ``.tape.zst``, or in ``.tape`` for plain lines. Raises ValueError for any
    other, FileExistsError where there is such a file and not `overwrite`, and OSError.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        self.path = Path(path)
        if not self.path.name.endswith((".tape", ".tape.zst")):
            raise ValueError(f"the name of a tape ends in .tape or .tape.zst: {self.path.name!r}")
        packs = self.path.suffix == ".zst"
        self._packer: Any = None
        if packs:
            zstandard = _zstandard()
            self._packer = zstandard.ZstdCompressor(LEVEL, write_checksum=True).compressobj()
            self._block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        # Unbuffered, so that a forked child has nothing that it could write a second time.
        self._file: IO[bytes] = self.path.open("wb" if overwrite else "xb", buffering=0)

    def begin(self, header: TapeHeader) -> None:
        """Write the first line, and let it out."""
        self.write(write_header(header))
        self.flush()

    def write(self, lines: str) -> None:
        """Write whole lines; where they are compressed, `flush` lets them out."""
        # Half a character, of what a venue escaped, would be no text to whoever reads it.
        data = lines.encode("utf-8", "replace")
        self._out(data if self._packer is None else self._packer.compress(data))

    def flush(self) -> None:
        """Let out all that was written: what comes now, a crash does not take it back."""
        if self._packer is not None:
            self._out(self._packer.flush(self._block))

    def finish(self, count: int) -> None:
        """Write the last line, which says that nothing is missing, and close."""
        self.write(write_stop(count))
        if self._packer is not None:
            self._out(self._packer.flush())
        self.close()

    def close(self) -> None:
        """Close the descriptor, and write nothing."""
        self._file.close()

    def _out(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


class Tape:
    """A tape that is read: iterate over it for its entries, as often as you like.

    Entries are read as you go, so that a long tape takes no memory. A file that was cut, wherever
    that is, ends there without an error. Raises `TapeCorrupted` where the file is no tape or was
    changed, and OSError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._truncated: bool | None = None
        with self.path.open("rb") as file:
            self.header = self._header(_lines(file))

    def __iter__(self) -> Iterator[TapeEntry]:
        with self.path.open("rb") as file:
            lines = _lines(file)
            self._header(lines)
            count, stop, cut = 0, None, False
            for line in lines:
                if line[-1:] != b"\n":
                    cut = True
                    break
                if stop is not None:
                    raise TapeCorrupted("there is more behind the end of the tape")
                stop = read_stop(line)
                if stop is None:
                    entry = read_entry(line)
                    count += 1
                    if entry.number != count:
                        raise TapeCorrupted(f"entry {count} is missing")
                    yield entry
                elif stop != count:
                    raise TapeCorrupted(f"{count} entries of {stop} are there")
            self._truncated = cut or stop is None

    @property
    def truncated(self) -> bool:
        """Whether the end is missing: the recording was not closed, or the file was cut.

        Reads the whole file, where that was not done yet.
        """
        if self._truncated is None:
            for _ in self:
                pass
        return bool(self._truncated)

    def __repr__(self) -> str:
        return f"<Tape {self.path.name} of {self.header.venue or 'nothing'}>"

    def _header(self, lines: Iterator[bytes]) -> TapeHeader:
        line = next(lines, b"")
        if line.endswith(b"\n"):
            return read_header(line)
        if not START.startswith(line[: len(START)]):
            raise TapeCorrupted("the file is no tape: its first line is no header")
        return TapeHeader()


def read_tape(path: str | os.PathLike[str]) -> Tape:
    """Return the tape at `path`, compressed or not: its ``header``, and its entries by iterating.

    Raises `TapeCorrupted` where the file is no tape, OSError, and ImportError where it is
    compressed and zstandard is missing.
    """
    return Tape(path)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file; the last one has no newline where the file was cut."""
    rest: list[bytes] = []
    for data in _unpacked(file):
        if data is None:
            break
        head, newline, tail = data.rpartition(b"\n")
        if newline:
            whole = b"".join([*rest, head, newline])
            rest = [tail] if tail else []
            # Not at a carriage return: a text file of Windows' has one before each newline.
            yield from (line + newline for line in whole[:-1].split(newline))
        elif data:
            rest.append(data)
    else:
        if not rest:
            return
    yield b"".join(rest)


def _unpacked(file: IO[bytes]) -> Iterator[bytes | None]:
    """Yield what is in a file, and None at the end of one that was cut while it was packed."""
    chunk = file.read(CHUNK)
    if not chunk or not MAGIC.startswith(chunk[: len(MAGIC)]):
        while chunk:
            yield chunk
            chunk = file.read(CHUNK)
        return
    zstandard = _zstandard()
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    try:
        while chunk and not unpacker.eof:
            yield unpacker.decompress(chunk)
            chunk = file.read(CHUNK)
    except zstandard.ZstdError as error:
        raise TapeCorrupted(f"the file cannot be unpacked: {error}") from None
    if chunk or unpacker.unused_data:
        raise TapeCorrupted("there is more behind the end of the tape")
    if not unpacker.eof:
        yield None
