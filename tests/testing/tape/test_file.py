"""The file of a tape: a cut anywhere is read up to there, and anything else is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.testing.tape.entries import FORMAT, Kind, TapeCorrupted, TapeHeader, write_entry
from venuesdk.testing.tape.file import TapeFile, read_tape

HEADER = TapeHeader(FORMAT, "onyx", "1", 1700000000.0)
COUNT = 40


def write(path: Path, count: int = COUNT, every: int = 5) -> list[int]:
    """Write a tape, let out after each few entries; return the file's size at each of these."""
    file = TapeFile(path)
    file.begin(HEADER)
    sizes = [path.stat().st_size]
    for number in range(1, count + 1):
        file.write(write_entry(number, Kind.IN, number / 8, number / 4, 1, f'{{"é}}":{number}}}'))
        if number % every == 0:
            file.flush()
            sizes.append(path.stat().st_size)
    file.finish(count)
    return sizes


@pytest.fixture(scope="module", params=[".tape", ".tape.zst"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a tape, its bytes, and where it was let out."""
    path = tmp_path_factory.mktemp("tapes") / f"whole{request.param}"
    sizes = write(path)
    return path, path.read_bytes(), sizes


def test_a_tape_is_read_as_it_was_written(whole: Any) -> None:
    """Its header at once, its entries as often as one likes, and that nothing is missing."""
    path, _, _ = whole
    tape = read_tape(path)
    assert tape.header == HEADER
    for _ in range(2):
        assert [entry.number for entry in tape] == list(range(1, COUNT + 1))
    assert tape.truncated is False
    assert repr(tape) == f"<Tape {path.name} of onyx>"


@given(st.data())
def test_a_file_that_was_cut_at_any_byte_is_read_up_to_the_cut(whole: Any, data: Any) -> None:
    """No error; all that was let out before the cut is there, and the tape says that it was cut."""
    path, content, sizes = whole
    check_cut(path, content, sizes, data.draw(st.integers(0, len(content) - 1)))


def test_a_file_is_cut_at_every_byte_of_its_beginning(whole: Any) -> None:
    """Through the magic, the header and the first entries, one byte at a time."""
    path, content, sizes = whole
    for cut in range(min(len(content), 200)):
        check_cut(path, content, sizes, cut)


def check_cut(path: Path, content: bytes, sizes: list[int], cut: int) -> None:
    """Cut the file there, and read it."""
    part = path.with_name("cut" + "".join(path.suffixes))
    part.write_bytes(content[:cut])
    tape = read_tape(part)
    numbers = [entry.number for entry in tape]
    assert tape.truncated is True
    assert numbers == list(range(1, len(numbers) + 1))
    let_out = sum(size <= cut for size in sizes)
    assert len(numbers) >= 5 * (let_out - 1)
    assert tape.header == (HEADER if let_out else tape.header)


def test_the_number_of_entries_does_not_depend_on_when_truncated_is_asked(whole: Any) -> None:
    """Asked first, it reads the whole file itself."""
    path, content, _ = whole
    part = path.with_name("asked" + "".join(path.suffixes))
    part.write_bytes(content[:-3])
    assert read_tape(part).truncated is True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines[:5], *lines[6:]], "entry 5 is missing"),
        (lambda lines: [*lines[:3], b"{}\n", *lines[4:]], "no entry"),
        (lambda lines: [*lines[:3], lines[3].replace(b"\n", b"\r"), *lines[4:]], "no entry"),
        (lambda lines: [*lines, lines[-2]], "behind the end"),
        (lambda lines: lines[1:], "no header"),
        (lambda lines: [*lines[:-2], lines[-1]], "entries of 40"),
        (lambda lines: [b"hello"], "no tape"),
        (lambda lines: [b"\0" * 100], "no tape"),
    ],
)
def test_anything_else_than_a_cut_is_an_error(tmp_path: Path, change: Any, said: str) -> None:
    """A line that is missing, changed, or too many; a file that is something else."""
    path = tmp_path / "changed.tape"
    write(path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(TapeCorrupted, match=said):
        list(read_tape(path))


def test_a_compressed_file_that_was_changed_is_an_error(tmp_path: Path) -> None:
    """Its checksum tells; so does what stands behind its end."""
    path = tmp_path / "changed.tape.zst"
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(TapeCorrupted):
        list(read_tape(path))
    path.write_bytes(content + content)
    with pytest.raises(TapeCorrupted, match="behind the end"):
        list(read_tape(path))


def test_a_compressed_tape_is_one_stream_of_lines(tmp_path: Path) -> None:
    """So that ``zstd -dc`` shows it: another reader finds the plain tape in it."""
    write(tmp_path / "a.tape")
    write(tmp_path / "b.tape.zst")
    with zstandard.open(tmp_path / "b.tape.zst", "rb") as file:
        assert file.read() == (tmp_path / "a.tape").read_bytes()


def test_what_a_file_takes_only_a_part_of_is_written_whole(tmp_path: Path) -> None:
    """A system may take fewer bytes than it was given."""
    file = TapeFile(tmp_path / "x.tape")
    opened = file._file
    file._file = Grudging(opened)  # type: ignore[assignment]
    file.begin(HEADER)
    file.finish(0)
    assert list(read_tape(file.path)) == []
    assert read_tape(file.path).truncated is False


class Grudging:
    """A file that takes three bytes at a time."""

    def __init__(self, file: Any) -> None:
        self.close = file.close
        self._file = file

    def write(self, data: memoryview) -> int:
        return int(self._file.write(data[:3]))


def test_a_tape_with_the_newlines_of_windows_is_read(tmp_path: Path) -> None:
    """As a version control may check it out there; so is one with half a character in it."""
    path = tmp_path / "x.tape"
    file = TapeFile(path)
    file.begin(HEADER)
    file.write(write_entry(1, Kind.IN, 1.0, 2.0, 1, "a\ud800b"))
    file.finish(1)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    tape = read_tape(path)
    assert tape.header == HEADER
    assert [entry.text for entry in tape] == ["a?b"]
    assert tape.truncated is False


@pytest.mark.parametrize("name", ["x.tape", "x.tape.zst"])
def test_a_file_that_is_there_is_never_written_to(tmp_path: Path, name: str) -> None:
    """Unless it is to be overwritten, and then whole."""
    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        TapeFile(path)
    assert path.read_text() == "mine"
    TapeFile(path, overwrite=True).close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("name", ["x.zst", "x", "x.tape.gz", "x.json"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    """Before a file is made."""
    with pytest.raises(ValueError, match="ends in"):
        TapeFile(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_without_zstandard_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing and reading say what to install, and leave no file; plain tapes need nothing."""
    write(tmp_path / "packed.tape.zst")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImportError, match=r"venuesdk\[record\]"):
        TapeFile(tmp_path / "new.tape.zst")
    with pytest.raises(ImportError, match=r"venuesdk\[record\]"):
        read_tape(tmp_path / "packed.tape.zst")
    assert not (tmp_path / "new.tape.zst").exists()
    write(tmp_path / "plain.tape")
    assert read_tape(tmp_path / "plain.tape").truncated is False
