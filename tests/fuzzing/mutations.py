"""Documented frames and answers, changed: what venues might send that no document shows.

Each mutation knows what it changes: it takes a member away, names it otherwise, gives it twice,
puts hostile JSON in the place of a value. All are led by `Choices`, so that Hypothesis and a fuzzer
that is led by coverage drive the same code. Nothing here knows the product.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

__all__ = ["BOMBS", "HOSTILE", "Choices", "changed", "places", "put"]

HUGE = "1e999999999"
HOSTILE = (
    *("null", "true", "0", "-1", "1.5", "99999999999999999999", '""', '"ok"', "[]", "{}", "[[[]]]"),
    *("NaN", "-Infinity", HUGE, "-0.0", "1" * 5000, "0." + "3" * 400, f'{{"a":[{HUGE}]}}'),
    *('"NaN"', '"sNaN"', '"Infinity"', '"1E+999999999"', '"' + "9" * 5000 + '"', '"\\ud800"'),
    *('"9999-99-99T99:99:99Z"', '"0000-01-01"', '{"kind": {}}', '{"": null}', '[{"a": 1}, null]'),
    *("false", '"false"', '"0"', '" "', '"\\u0000"', '"\\udfff\\ud800"', '"²"', '"١"', '"-1"'),
    *("9007199254740993", "-9223372036854775809", "18446744073709551616", "1e-999999999", "1e400"),
    *('"1e5"', '"0x10"', '"1_000"', '" 1 "', '"+1"', '"1,5"', '"-sNaN123"', '"1e-999999999"'),
)
"""JSON text that a venue may send where it should not, or that is not even JSON."""
BOMBS = ("[" * 20_000 + "]" * 20_000, '{"a":' * 20_000 + "1" + "}" * 20_000)
"""JSON text that is nested without end."""

LONGEST = 300_000
"""About how many bytes a changed frame has at most."""

HOLE = "\x00 the hole \x00"


class Choices:
    """Numbers that lead a mutation: the given ones first, then ever more that follow from them."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = list(numbers)
        self._rest: Random | None = None
        self._next = 0

    def below(self, end: int) -> int:
        """Return a number from 0 to `end`, which is not among them; 0 where there is none."""
        if self._next < len(self._numbers):
            number = self._numbers[self._next]
            self._next += 1
        else:
            self._rest = self._rest or Random(repr(self._numbers))
            number = self._rest.getrandbits(32)
        return number % end if end > 0 else 0

    def of(self, things: Sequence[Any]) -> Any:
        """Return one of `things`."""
        return things[self.below(len(things))]

    def flip(self) -> bool:
        """Return yes or no."""
        return bool(self.below(2))

    def noise(self, longest: int) -> bytes:
        """Return some bytes."""
        return bytes(self.below(256) for _ in range(self.below(longest + 1)))


# ---- JSON, with members that may stand twice -----------------------------------------------------


class Members(list[tuple[str, Any]]):
    """The members of an object as they stand, so that one may stand twice."""


class Text(str):
    """JSON text that is written as it is."""

    __slots__ = ()


Value = Any


def parsed(frame: bytes) -> Value:
    """Return a frame as values, each number as its own text."""
    return json.loads(
        frame, object_pairs_hook=Members, parse_int=Text, parse_float=Text, parse_constant=Text
    )


def text_of(value: Value, *, quote: Callable[[str], str] = json.dumps, space: str = "") -> str:
    """Return values as JSON text; `quote` writes a text, `space` stands around every sign."""
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    write = functools.partial(text_of, quote=quote, space=space)
    if isinstance(value, Members):
        inner = (f"{quote(name)}{space}:{space}{write(item)}" for name, item in value)
        return f"{{{space}{f'{space},{space}'.join(inner)}{space}}}"
    if isinstance(value, list):
        return f"[{space}{f'{space},{space}'.join(map(write, value))}{space}]"
    return json.dumps(value)


def slots(value: Value) -> list[tuple[Any, int]]:
    """Return where values stand: each list of members or items, with an index into it."""
    found: list[tuple[Any, int]] = []
    if isinstance(value, list):
        for index, item in enumerate(value):
            found.append((value, index))
            found += slots(item[1] if isinstance(value, Members) else item)
    return found


def taken(slot: tuple[Any, int]) -> Value:
    """Return the value that stands in a slot."""
    holder, index = slot
    return holder[index][1] if isinstance(holder, Members) else holder[index]


def placed(slot: tuple[Any, int], value: Value) -> None:
    """Put a value into a slot, under the name that is there."""
    holder, index = slot
    holder[index] = (holder[index][0], value) if isinstance(holder, Members) else value


# ---- mutations of one value ----------------------------------------------------------------------

Slot = tuple[Any, int]


def _replace(slot: Slot, choose: Choices) -> None:
    placed(slot, Text(choose.of(HOSTILE + BOMBS)))


def _nullify(slot: Slot, choose: Choices) -> None:
    placed(slot, None)


def _take_away(slot: Slot, choose: Choices) -> None:
    del slot[0][slot[1]]


def _rename(slot: Slot, choose: Choices) -> None:
    holder, index = slot
    if isinstance(holder, Members):
        name, value = holder[index]
        others = [name.upper(), name.lower(), f"{name}:", f" {name}", f"{name}\0", name[:-1], ""]
        holder[index] = (choose.of([*others, *(other for other, _ in holder)]), value)


def _repeat(slot: Slot, choose: Choices) -> None:
    holder, index = slot
    again = choose.of([holder[index], None])
    if again is None:
        value = Text(choose.of(HOSTILE))
        again = (holder[index][0], value) if isinstance(holder, Members) else value
    holder.insert(choose.below(len(holder) + 1), again)


def _multiply(slot: Slot, choose: Choices) -> None:
    holder, index = slot
    text = Text(text_of(taken(slot)))
    count = min(choose.of([2, 50, 1000]), LONGEST // (len(text) or 1))
    again = (holder[index][0], text) if isinstance(holder, Members) else text
    holder[index : index + 1] = [again] * (count + 1)


def _retype(slot: Slot, choose: Choices) -> None:
    """Say the same in another type: a number as text, text as a number, one thing as a list."""
    value = taken(slot)
    if isinstance(value, Text):
        forms: list[Value] = [str(value), [value], Text(f"{value}.0"), Text(f"-{value}")]
    elif isinstance(value, str):
        forms = [[value], Text(value), value.upper(), value.lower(), value * 2, value[::-1]]
    elif isinstance(value, Members):
        forms = [[value], [item for _, item in value], text_of(value)]
    elif isinstance(value, list):
        forms = [*value[:1], Members((str(n), item) for n, item in enumerate(value)), value[::-1]]
    else:
        forms = [json.dumps(value), not value, Text("1"), [value]]
    placed(slot, choose.of(forms or [None]))


def _grow(slot: Slot, choose: Choices) -> None:
    """Make a value longer than anything that a venue sends."""
    value = taken(slot)
    times = choose.of([10, 400, 20_000])
    if isinstance(value, Text):
        placed(slot, Text(choose.of([f"{value}{'0' * times}", f"{value}e{times}", f"0.{value}"])))
    elif isinstance(value, str):
        placed(slot, value + choose.of(["x", "9", "é", "😀", "\x7f"]) * times)
    else:
        placed(slot, value)


def _nest(slot: Slot, choose: Choices) -> None:
    depth = choose.of([1, 3, 60, 900, 3000])
    before, behind = choose.of([("[", "]"), ('{"":', "}"), ('[{"a":', "}]")])
    placed(slot, Text(before * depth + text_of(taken(slot)) + behind * depth))


def _falsify_id(slot: Slot, choose: Choices) -> None:
    """Give every id that the object has another value, falsy ones above all."""
    holder = slot[0]
    if isinstance(holder, Members):
        value = Text(choose.of(["0", '""', "false", "null", '"0"', "-0", "[]", "1e0", '"null"']))
        for index, (name, _) in enumerate(holder):
            if name.lower().endswith("id") or name == "sequence":
                holder[index] = (name, value)


ON_A_VALUE: tuple[Callable[[Slot, Choices], None], ...] = (
    *(_replace, _nullify, _take_away, _rename, _repeat, _multiply, _retype, _grow, _nest),
    _falsify_id,
)


def _swap(root: list[Value], choose: Choices) -> None:
    """Let two values change their places."""
    found = slots(root)[1:]
    if found:
        one, other = choose.of(found), choose.of(found)
        first, second = taken(one), taken(other)
        # A value cannot stand within itself.
        if not any(holder is one[0] for holder, _ in slots([second])) and not any(
            holder is other[0] for holder, _ in slots([first])
        ):
            placed(one, second)
            placed(other, first)


# ---- mutations of a frame ------------------------------------------------------------------------


def _change_value(frame: bytes, choose: Choices) -> bytes:
    root = [parsed(frame)]
    for _ in range(1 + choose.below(3)):
        found = slots(root)
        if found:
            choose.of(ON_A_VALUE)(choose.of(found), choose)
    return ",".join(map(text_of, root)).encode()


def _swap_values(frame: bytes, choose: Choices) -> bytes:
    root = [parsed(frame)]
    _swap(root, choose)
    return text_of(root[0]).encode()


def _respell(frame: bytes, choose: Choices) -> bytes:
    """Write the same in other words: spaces, escapes; and in other encodings, which is not it."""
    value = parsed(frame)
    how = choose.below(3)
    if how == 0:
        return text_of(value, space=choose.of([" ", "\n", "\t \r\n"])).encode()
    if how == 1:
        return text_of(value, quote=_escaped).encode()
    text = text_of(value, quote=functools.partial(json.dumps, ensure_ascii=False))
    encodings = ("utf-16", "utf-8-sig", "utf-32-le", "latin-1")
    return text.encode(choose.of(encodings), "replace")


def _escaped(text: str) -> str:
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2)) + '"'


def _in_a_list(frame: bytes, choose: Choices) -> bytes:
    """Make a batch of it, as JSON-RPC has them."""
    others = [frame, b"null", b"{}", b"[]", b"1", b'"x"']
    members = [choose.of(others) for _ in range(choose.below(4))]
    members.insert(choose.below(len(members) + 1), frame)
    return b"[" + b",".join(members) + b"]"


def _truncate(frame: bytes, choose: Choices) -> bytes:
    return frame[: choose.below(len(frame) + 1)]


def _splice(frame: bytes, choose: Choices) -> bytes:
    """Take some bytes away, and put others in their place."""
    start = choose.below(len(frame) + 1)
    end = start + choose.of([0, 1, 2, 7, 40, 100_000])
    return frame[:start] + choose.noise(6) + frame[end:]


def _append(frame: bytes, choose: Choices) -> bytes:
    return frame + choose.of([frame, b" ", b"\0", b",", b"}", b"ping", b"\xff", b"\n{}"])


ON_A_FRAME: tuple[Callable[[bytes, Choices], bytes], ...] = (
    *(_change_value, _change_value, _change_value, _change_value, _swap_values, _respell),
    *(_in_a_list, _truncate, _splice, _append),
)


def changed(frame: bytes, choose: Choices) -> bytes:
    """Return the frame with one to three mutations, which `choose` says."""
    for _ in range(1 + choose.below(3)):
        mutation = choose.of(ON_A_FRAME)
        try:
            frame = mutation(frame, choose)
        except (ValueError, RecursionError):  # no JSON any more, or never
            frame = choose.of((_truncate, _splice, _append))(frame, choose)
    return frame[: 4 * LONGEST]


# ---- one value, by its path ----------------------------------------------------------------------


def places(frame: bytes) -> list[tuple[Any, ...]]:
    """Return the path of everything in a frame; nothing where it is not JSON."""
    try:
        return list(_paths(json.loads(frame)))
    except (ValueError, RecursionError):
        return []


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, step))


def put(frame: bytes, path: tuple[Any, ...], fragment: str | None) -> bytes:
    """Put other JSON text in the place of one value; take the value away where there is none."""
    root = [json.loads(frame)]
    *path_to, last = (0, *path)
    holder: Any = functools.reduce(lambda value, step: value[step], path_to, root)
    if fragment is None:
        del holder[last]
    else:
        holder[last] = HOLE
    text = json.dumps(root)[1:-1]
    return text.replace(json.dumps(HOLE), fragment or "").encode()
