"""What every exception of the SDK promises: its place in the tree, its attributes, its pickle."""

from __future__ import annotations

import builtins
import copy
import inspect
import pickle
import re
import traceback

import pytest

from venuesdk import errors
from venuesdk.errors import ProtocolError, RequestRejected, VenueError

CLASSES = [getattr(errors, name) for name in errors.__all__]
NODE = re.compile(r"^(?P<branches>[│ ├└─]*)(?P<names>[A-Z]\w+(?: {2}[A-Z]\w+)*)")


def documented_tree() -> dict[str, str | None]:
    """Read the drawing in the module's docstring: each class's name to its parent's."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    assert errors.__doc__ is not None
    for line in errors.__doc__.split("::", 1)[1].splitlines():
        node = NODE.match(line[4:])
        if not node or not line.startswith("    "):
            continue
        depth = len(node["branches"]) // 4
        del path[depth:]
        for name in node["names"].split():
            parents[name] = path[-1] if path else None
        path.append(node["names"].split()[-1])
    return parents


def real_tree() -> dict[str, str | None]:
    """Walk the classes: each one's name to the name of the parent within the SDK."""
    parents: dict[str, str | None] = {"VenueError": None}
    waiting = [VenueError]
    while waiting:
        parent = waiting.pop()
        for child in parent.__subclasses__():
            if child.__module__ == errors.__name__:
                parents[child.__name__] = parent.__name__
                waiting.append(child)
    return parents


def keywords(cls: type[VenueError]) -> dict[str, object]:
    """Give a telling value to every keyword that a class's constructor takes."""
    values: dict[str, object] = {
        "venue": "onyx",
        "outcome_unknown": True,
        "retry_after": 2.5,
        "code": 4001,
        "reason": "going away",
        "status": 503,
        "frame": '{"half": ',
        "request": {"method": "order"},
    }
    accepted = inspect.signature(cls).parameters
    return {name: value for name, value in values.items() if name in accepted}


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    """The docstring draws every class once, under the parent that it really has."""
    assert documented_tree() == real_tree()
    assert set(real_tree()) == set(errors.__all__)


def test_all_is_sorted() -> None:
    """The public names are listed in order."""
    assert sorted(errors.__all__) == errors.__all__


def test_no_class_shadows_a_builtin() -> None:
    """``from venuesdk.errors import *`` replaces no builtin name."""
    assert not set(errors.__all__) & set(dir(builtins))


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_is_a_venue_error(cls: type[VenueError]) -> None:
    """One ``except VenueError`` catches whatever the SDK raises."""
    assert issubclass(cls, VenueError)
    assert issubclass(cls, Exception)


@pytest.mark.parametrize("cls", CLASSES)
def test_timeouts_and_only_timeouts_are_builtin_timeouts(cls: type[VenueError]) -> None:
    """``except TimeoutError`` catches exactly the two errors that say that time ran out."""
    assert issubclass(cls, TimeoutError) == (cls.__name__ in {"ConnectTimeout", "RequestTimeout"})


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("duplicate", [
    *(lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
      for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    copy.copy,
    copy.deepcopy,
])
def test_every_error_pickles_with_its_kind_and_all_its_attributes(
    cls: type[VenueError], duplicate: object
) -> None:
    """What comes back from a worker process is what was raised there."""
    assert callable(duplicate)
    given = keywords(cls)
    error = cls("the venue is closed", **given)  # type: ignore[arg-type]
    back = duplicate(error)
    assert type(back) is cls
    assert back.args == error.args == ("the venue is closed",)
    assert str(back) == str(error)
    assert {name: getattr(back, name) for name in given} == given


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_can_be_made_of_nothing(cls: type[VenueError]) -> None:
    """Without a word an error claims nothing: no venue, and an outcome that is known."""
    error = cls()
    assert error.venue == ""
    assert error.outcome_unknown is False
    assert str(error) == ""


@pytest.mark.parametrize("cls", CLASSES)
def test_the_message_is_shown_and_kept(cls: type[VenueError]) -> None:
    """The message is what the traceback's last line says, with no errno and no tuple around it."""
    error = cls("the wire is cut")
    assert str(error) == "the wire is cut"
    last = "".join(traceback.format_exception_only(type(error), error)).strip()
    assert last == f"venuesdk.errors.{cls.__name__}: the wire is cut"


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if issubclass(cls, RequestRejected)]
)
def test_a_rejection_shows_the_venues_own_code(cls: type[RequestRejected]) -> None:
    """A rejection with a code ends with it in brackets; one without shows its message alone."""
    assert str(cls("no such order", code=10012)) == "no such order (10012)"
    assert str(cls("no such order", code=0)) == "no such order (0)"
    assert cls("no such order", code="E7").message == "no such order"
    assert cls("no such order").code is None


def test_a_long_frame_is_cut() -> None:
    """An unreadable frame of any size leaves 400 characters in the error."""
    assert ProtocolError(frame="x" * 401).frame == "x" * 400
    assert ProtocolError(frame="x" * 400).frame == "x" * 400
    assert ProtocolError(frame=b"y" * 10_000_000).frame == "y" * 400


def test_a_frame_of_bytes_becomes_text_whatever_it_holds() -> None:
    """A frame that is not UTF-8 is shown with replacement characters, never refused."""
    assert ProtocolError(frame=b'{"a":\xff}').frame == '{"a":\ufffd}'
    assert ProtocolError(frame="€".encode() * 500).frame == "€" * 400
    assert ProtocolError(frame="\U0001f600".encode() * 500).frame == "\U0001f600" * 400
    assert ProtocolError().frame == ""
