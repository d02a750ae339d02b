"""What a client says of itself: records with facts, what is kept of them, and the last resort."""

from __future__ import annotations

import inspect
import io
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from venuesdk.models import State, StateChange
from venuesdk.secret import Secret
from venuesdk.session import journal as journal_module
from venuesdk.session.journal import KEPT, PREFIX, Facts, Journal, text_of

PATIENCE = 5.0


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record carries of ours, by the names in the table."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in vars(record).items()
        if name.startswith(PREFIX)
    }


def test_a_record_carries_its_facts_the_venue_and_the_epoch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As attributes of their own; and it stands where the journal was asked to write it."""
    journal = Journal("toy")
    journal.epoch = 3
    journal.say(logging.WARNING, "%s is late", "a", topic="a", seconds=0.5)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("venuesdk.toy", logging.WARNING)
    assert record.getMessage() == "a is late"
    assert facts_of(record) == {"venue": "toy", "epoch": 3, "topic": "a", "seconds": 0.5}
    assert record.funcName == "test_a_record_carries_its_facts_the_venue_and_the_epoch"


def test_the_table_of_facts_lists_all_of_them_with_their_types() -> None:
    """It is what users write their formatters from."""
    rows = [line.split()[:2] for line in (inspect.getdoc(Facts) or "").splitlines()]
    listed = {row[0]: row[1] for row in rows if len(row) == 2}
    for name, kind in get_type_hints(Facts).items():
        assert listed[name] == kind.__name__


def test_a_fact_cannot_clash_with_what_a_record_has_already(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not with Python's names, nor with those that a program's record factory puts there."""
    before = logging.getLogRecordFactory()

    def factory(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = before(*arguments, **named)
        for name in get_type_hints(Facts):
            setattr(record, name, "the program's")
        return record

    logging.setLogRecordFactory(factory)
    try:
        Journal("toy").say(logging.INFO, "said", request_id=7, state="closed")
    finally:
        logging.setLogRecordFactory(before)
    (record,) = caplog.records
    assert facts_of(record)["request_id"] == 7
    assert vars(record)["request_id"] == "the program's"


def test_the_package_has_a_null_handler_and_no_other() -> None:
    """A library prints nothing by itself, and configures nothing."""
    handlers = logging.getLogger("venuesdk").handlers
    assert [type(handler) for handler in handlers] == [logging.NullHandler]
    assert logging.getLogger("venuesdk").level == logging.NOTSET
    assert logging.getLogger("venuesdk").propagate


def test_what_must_not_be_missed_is_shown_where_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lost events, not other warnings; and not where the program has set logging up, or off."""
    journal = Journal("unheard")
    monkeypatch.setattr(journal.logger, "propagate", False)
    journal.say(logging.WARNING, "slow: %s", "a callback")
    journal.say(logging.WARNING, "%d events lost", 3, unmissed=True)
    assert "venuesdk.unheard: 3 events lost\n" in capsys.readouterr().err
    listening = logging.StreamHandler(io.StringIO())
    journal.logger.addHandler(listening)
    try:
        journal.say(logging.WARNING, "%d events lost", 4, unmissed=True)
    finally:
        journal.logger.removeHandler(listening)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    journal.logger.manager._clear_cache()
    journal.say(logging.WARNING, "%d events lost", 5, unmissed=True)
    journal.logger.manager._clear_cache()
    assert capsys.readouterr().err == ""


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> list[threading.ExceptHookArgs]:
    """Return what the threads' hook is given."""
    given: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", given.append)
    return given


def test_a_logging_handler_that_raises_stops_nothing(
    hooked: list[threading.ExceptHookArgs],
) -> None:
    """What it raised goes to the threads' hook; the reader that had something to say goes on."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk is full")

    journal, handler = Journal("toy"), Broken()
    journal.logger.addHandler(handler)
    try:
        journal.say(logging.INFO, "said")
    finally:
        journal.logger.removeHandler(handler)
    assert [arguments.exc_type for arguments in hooked] == [OSError]


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit])
def test_where_the_hook_raises_pythons_own_shows_both(
    kind: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error; a hook that would exit does not end a thread of the client's own."""

    def hook(arguments: Any) -> None:
        raise kind("the hook's own fault")

    monkeypatch.setattr(threading, "excepthook", hook)
    journal = Journal("toy")
    journal.passes = lambda error: False
    journal.hook(ValueError("lost for good"))
    shown = capsys.readouterr().err
    assert "ValueError: lost for good" in shown
    assert "the hook's own fault" in shown


def test_where_all_fails_nothing_more_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the hook, the log and standard error are all broken."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk is full")

    def hook(arguments: Any) -> None:
        raise RuntimeError("the hook's own fault")

    class Closed:
        def write(self, text: str) -> None:
            raise ValueError("I/O operation on closed file")

        flush = write

    journal, handler = Journal("toy"), Broken()
    journal.logger.addHandler(handler)
    monkeypatch.setattr(threading, "excepthook", hook)
    monkeypatch.setattr(sys, "stderr", Closed())
    try:
        journal.say(logging.INFO, "said")
        journal.hook(ValueError("lost for good"))
    finally:
        journal.logger.removeHandler(handler)


def test_ctrl_c_in_the_hook_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it runs on a thread of the user's."""

    def hook(arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading, "excepthook", hook)
    with pytest.raises(KeyboardInterrupt):
        Journal("toy").hook(ValueError("x"))


def test_an_exit_that_ends_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Python's own hook keeps silent about `SystemExit`, for there it ends a thread."""
    arguments: list[threading.ExceptHookArgs] = []
    before, threading.excepthook = threading.excepthook, arguments.append
    try:
        Journal("toy").hook(SystemExit(3))
    finally:
        threading.excepthook = before
    threading.__excepthook__(arguments[0])
    assert "SystemExit(3)" in capsys.readouterr().err


def change(reason: str, **fields: Any) -> StateChange:
    """Return a change to a new connection."""
    return StateChange(State.RECONNECTING, State.CONNECTED, reason, **fields)


def test_the_last_errors_and_changes_are_kept_with_their_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So many, each cut; more of them cost no memory."""
    monkeypatch.setattr(journal_module, "wall_clock", lambda: 1_700_000_000.25)
    journal = Journal("toy")
    for number in range(KEPT + 5):
        journal.note_error(KeyError(number), "desk.on_tick")
        journal.note_change(change(f"reason {number}", attempt=2, epoch=4, error=OSError()))
    assert len(journal.errors) == len(journal.changes) == KEPT
    assert journal.error_count == KEPT + 5
    assert journal.errors[-1][0] == 1_700_000_000.25
    assert journal.errors[-1][1] == f"KeyError: {KEPT + 4} (in desk.on_tick)"
    last = "connected -> reconnecting (epoch 4, attempt 2): reason 36 [OSError]"
    assert journal.changes[-1][1] == last
    journal.note_error(ValueError("x" * 10_000))
    assert len(journal.errors[-1][1]) == 500


def test_a_flood_of_one_error_leaves_what_was_before_it() -> None:
    """It is one entry, with how often it came."""
    journal = Journal("toy")
    journal.note_error(OSError("the first"))
    for _ in range(1000):
        journal.note_error(KeyError("again"))
    assert [(text, count) for _, text, count in journal.errors] == [
        ("OSError: the first", 1),
        ("KeyError: 'again'", 1000),
    ]


def test_what_is_kept_shows_no_credential_not_even_one_that_is_cut(
    canaries: Any,
) -> None:
    """It is masked before it is cut."""
    journal = Journal("toy")
    journal.mask.learn([Secret(canaries.api_key)])
    journal.note_error(ValueError("x" * 475 + canaries.api_key))
    journal.note_error(ValueError(f"no {canaries.api_key} here"))
    assert "no ******** here" in journal.errors[-1][1]
    for _, text, _ in journal.errors:
        assert canaries.api_key[:8] not in text


def test_an_error_without_a_text_is_told_by_its_type() -> None:
    """Whatever a user's own exception does when it is shown."""

    class Shy(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert text_of(Shy()) == "Shy, whose text cannot be had"


def test_many_threads_may_note_at_once() -> None:
    """Nothing raises, and the bound holds."""
    journal = Journal("toy")
    failures: list[BaseException] = []

    def note(text: Callable[[int], str]) -> None:
        try:
            for number in range(500):
                journal.note_error(ValueError(text(number)))
        except BaseException as error:
            failures.append(error)

    makers: list[Callable[[int], str]] = [str, lambda number: "same"] * 3
    threads = [threading.Thread(target=note, args=(maker,)) for maker in makers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []
    assert len(journal.errors) == KEPT
