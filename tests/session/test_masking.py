"""The filter on the libraries' loggers: credentials of living clients are masked, and no more."""

from __future__ import annotations

import base64
import gc
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from venuesdk.secret import Secret
from venuesdk.session import masking as masking_module
from venuesdk.session.masking import EMITTING, LIBRARIES, LogMask, mask_logs
from venuesdk.venues.onyx import OnyxClient

KEY = 'k3y/with "quotes"+ü-91ab'
NAMES = (*LIBRARIES, *EMITTING)


class Heard(logging.Handler):
    """All that a handler of the program's would write down."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def text(self) -> str:
        """Return the last record as it is written, and as a collector of fields gets it."""
        record = self.records[-1]
        try:
            line = logging.Formatter("%(message)s").format(record)
        except TypeError:  # of which the logging module tells with what stands below
            line = ""
        fields = vars(record)
        return f"{line}\n{fields['msg']!r}\n{fields['args']!r}\n{fields['exc_text']!r}"


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A handler of every logger of the libraries."""
    handler = Heard()
    for library in LIBRARIES:
        logging.getLogger(library).addHandler(handler)
    yield handler
    for library in LIBRARIES:
        logging.getLogger(library).removeHandler(handler)


@pytest.fixture
def mask() -> LogMask:
    """The mask of a living client that has one credential."""
    mask_logs()
    mask = LogMask()
    mask.learn([Secret(KEY)])
    return mask


@pytest.mark.parametrize("name", NAMES)
def test_a_credential_is_masked_in_message_and_arguments(
    name: str, heard: Heard, mask: LogMask
) -> None:
    """On every logger that the libraries have; a record that holds none stays as it is."""
    log = logging.getLogger(name)
    log.warning("asked %s, %d times", f"https://h/?key={KEY}", 3)
    assert heard.records[-1].getMessage() == "asked https://h/?key=********, 3 times"
    assert "91ab" not in heard.text()
    log.warning(f"send: {KEY}")
    assert heard.records[-1].getMessage() == "send: ********"
    headers = {"X-Key": "other"}
    log.warning("asked %s, %d times", headers, 3)
    assert heard.records[-1].msg == "asked %s, %d times"
    assert heard.records[-1].args == (headers, 3)
    log.warning("plain")
    assert (heard.records[-1].msg, heard.records[-1].args) == ("plain", ())


BASIC = [base64.b64encode(f"{user}:{KEY}".encode()).decode() for user in ("m", "me", "you")]


@pytest.mark.parametrize(
    "arguments",
    [
        ("%s", KEY),
        ("%s", {"Authorization": f"Bearer {KEY}"}),
        ("%(key)s", {"key": KEY}),
        ("%.3s", KEY),
        ("%s", json.dumps({"auth": KEY})),
        ("%s", json.dumps({"auth": KEY}, ensure_ascii=False)),
        ("%r", KEY.encode()),
        ("%s", quote(KEY)),
        ("%s", quote(KEY, safe="")),
        ("%s", quote_plus(KEY)),
        ("%s", json.dumps({"auth": KEY}).replace("/", "\\/")),
        ("%s", json.dumps(json.dumps({"auth": KEY}))),
        ("%s", quote(quote(KEY, safe=""), safe="")),
        *(("Basic %s", one) for one in BASIC),
        ("%d times", KEY),
        ("%s %s", KEY),
    ],
    ids=str,
)
def test_every_form_of_a_credential_is_masked(
    arguments: tuple[Any, ...], heard: Heard, mask: LogMask
) -> None:
    """As text, in a container, cut, as JSON, a URL, bytes or base64; and where it does not fit."""
    record = logging.getLogger("urllib3.connectionpool").makeRecord(
        "urllib3.connectionpool", logging.DEBUG, __file__, 1, arguments[0], arguments[1:], None
    )
    log = logging.getLogger("urllib3.connectionpool")
    assert log.filter(record)
    heard.emit(record)
    text = heard.text()
    assert "***" in text
    for part in ("k3y", "91ab", "quotes", *(one[8:16] for one in BASIC)):
        assert part not in text


def test_a_credential_in_a_logged_traceback_is_masked(heard: Heard, mask: LogMask) -> None:
    """The message of an exception, and of what caused it, is logged too."""
    log = logging.getLogger("urllib3.util.retry")
    try:
        try:
            raise ValueError(f"no {KEY}")
        except ValueError as cause:
            raise KeyError("failed") from cause
    except KeyError:
        log.exception("it failed")
    assert "ValueError: no ********" in heard.text()
    assert "91ab" not in heard.text()
    try:
        raise ValueError("of the user's own")
    except ValueError:
        log.exception("it failed", stack_info=True)
    assert heard.records[-1].exc_info is not None
    assert "of the user's own" in heard.text()


def test_an_argument_that_cannot_be_shown_stops_no_log(heard: Heard, mask: LogMask) -> None:
    """The filter raises nothing, whatever it is given."""

    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("not me")

    record = logging.LogRecord(
        "websocket", logging.DEBUG, __file__, 1, "%s and %s", (Shy(), KEY), None
    )
    assert logging.getLogger("websocket").filter(record)
    assert record.args is not None
    assert list(record.args)[1] == "********"


def test_only_the_credentials_of_living_clients_are_masked(heard: Heard) -> None:
    """They are held weakly, and those that were replaced are forgotten."""
    mask_logs()
    log = logging.getLogger("websocket")
    mask = LogMask()
    mask.learn([Secret("first-credential")])
    mask.learn([Secret("second-credential")])
    log.warning("first-credential second-credential")
    assert heard.records[-1].getMessage() == "first-credential ********"
    del mask
    gc.collect()
    log.warning("first-credential second-credential")
    assert heard.records[-1].getMessage() == "first-credential second-credential"
    LogMask()
    assert len([one for one in masking_module._masks if one() is None]) <= 1


def test_a_credential_that_stands_in_any_text_by_chance_is_left(heard: Heard) -> None:
    """Masking three letters would make every log unreadable and hide nothing."""
    mask = LogMask()
    mask.learn([Secret("abc")])
    assert mask.apply("abc abcd") == "abc abcd"
    assert LogMask().apply(KEY) == KEY


def test_a_longer_credential_is_masked_whole_where_another_one_is_a_part_of_it() -> None:
    """Nothing is left over of it."""
    mask = LogMask()
    mask.learn([Secret("part-of"), Secret("part-of-another")])
    assert mask.apply("part-of-another part-of") == "******** ********"


def test_making_a_client_puts_the_filter_on_once(heard: Heard) -> None:
    """On a logger that came since, too; and on nobody else's."""
    fresh = logging.getLogger("urllib3.fresh")
    ours = masking_module._FILTER
    for _ in range(2):
        client = OnyxClient(token="a-token-4711")
    for name in (*NAMES, "urllib3.fresh"):
        assert logging.getLogger(name).filters.count(ours) == 1
    for other in ("", "venuesdk", "venuesdk.onyx", "urllib3x", "websockets"):
        assert ours not in logging.getLogger(other).filters
    client.close()
    fresh.removeFilter(ours)


def test_the_loggers_named_here_are_those_that_the_libraries_have() -> None:
    """Every module of theirs that may log, but for what only a browser or pyOpenSSL loads."""
    program = """
import importlib, logging, pkgutil, urllib3, websocket
for library in (urllib3, websocket):
    for module in pkgutil.walk_packages(library.__path__, library.__name__ + "."):
        if not {"contrib", "tests"} & set(module.name.split(".")):
            try:
                importlib.import_module(module.name)
            except ImportError:
                pass
names = [n for n, one in logging.root.manager.loggerDict.items() if isinstance(one, logging.Logger)]
print(*[name for name in names if name.partition(".")[0] in ("urllib3", "websocket")])
"""
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    named = set(out.stdout.split())
    assert "urllib3.connectionpool" in named
    assert named <= set(NAMES)
