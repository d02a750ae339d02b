"""What error reporters and debuggers show: no traceback with its locals holds a credential.

Error reporters format every error of a program with the locals of its frames, and those of its
causes. Each case here makes a client fail in one way, and looks at all that such a reporter would
send away. Locals of the test's own frames are left out: it has to know the credentials.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import functools
import inspect
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any

import pytest
import websocket

import venuesdk
from venuesdk import Backoff, VenueError
from venuesdk.client import clients
from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer
from venuesdk.venues import load
from venuesdk.wire.output import Output

PRODUCT = Path(venuesdk.__file__).parent
PATIENCE = 5.0
QUICK = Backoff(initial=0.01, maximum=0.05)
BROKEN = "\ud800"
"""A lone surrogate: text in Python, and nothing that can be sent."""

VENUES = ("fuze", "infinex", "loopring", "onyx", "timex")
USUAL: dict[str, Any] = {"infinex": {"route": "websocket"}}
OVER_HTTP: dict[str, Any] = {"infinex": {"route": "http"}}
NEEDS_KEY: dict[str, Callable[[Any, Any], Any]] = {
    "fuze": lambda client, value: client.request("private/x", {"a": value}, timeout=1),
    "infinex": lambda client, value: client.request("/spot/open_orders/x", {"a": value}, timeout=1),
    "loopring": lambda client, value: client.subscribe(
        {"topic": "order", "market": value}, timeout=1
    ),
    "onyx": lambda client, value: client.request("private", {"a": value}, timeout=1),
    "timex": lambda client, value: client.rest("/post/trading/orders", {"a": value}, timeout=1),
}
"""A call of each venue that a credential goes along with, where any of its calls has one."""


def reported(error: BaseException) -> str:
    """Return what a reporter that captures locals sends away of an error and all its causes."""
    trace = error.__traceback__
    while trace is not None and not _of_product(trace):
        trace = trace.tb_next
    whole = traceback.TracebackException(type(error), error, trace, capture_locals=True)
    return f"{''.join(whole.format(chain=True))}\n{error.args!r}\n{vars(error)!r}"


def _of_product(trace: TracebackType) -> bool:
    where = Path(trace.tb_frame.f_code.co_filename)
    return PRODUCT in where.parents and PRODUCT / "testing" not in where.parents


class Stage:
    """A simulated venue with canaries for credentials, its clients, and the errors they saw."""

    def __init__(self, name: str, canaries: Any, tls: Any, stack: contextlib.ExitStack) -> None:
        self.name = name
        self.canaries = canaries
        self.tls = tls
        self.stack = stack
        load(name)
        self.kind: Any = clients()[name]
        self.errors: SimpleQueue[BaseException] = SimpleQueue()
        self.noted: list[BaseException] = []
        self.secrets = {credential: getattr(canaries, credential) for credential in
                        self.kind.credentials}  # fmt: skip

    def venue(self, **options: Any) -> Any:
        """Start the simulator."""
        taken = inspect.signature(type(simulate(self.name)).__init__).parameters
        shared = {name: value for name, value in self.secrets.items() if name in taken}
        return self.stack.enter_context(
            simulate(self.name, **{"interval": None, **shared, **options})
        )

    def client(self, sim: Any, **options: Any) -> Any:
        """Return a client of it, not connected, with headers that hold a credential too."""
        places = {"url": sim.url}
        if sim.http_url:
            places["http_url"] = sim.http_url
        usual = {
            "timeout": PATIENCE,
            "reconnect": QUICK,
            "headers": {"X-Desk-Key": self.canaries.api_key},
            **USUAL.get(self.name, {}),
        }
        client = self.kind(**{**places, **sim.credentials, **usual, **options})
        client.on_error(self.errors.put)
        client.on_state(self.note)
        self.stack.callback(client.close)
        return client

    def note(self, change: Any) -> None:
        if change.error is not None:
            self.errors.put(change.error)

    def fails(self, call: Callable[[], Any]) -> None:
        """Note what a call raises; it must."""
        try:
            call()
        except BaseException as error:
            self.errors.put(error)
        else:
            pytest.fail("nothing was raised")

    def seen(self) -> list[str]:
        """Return the reports of all errors that were noted."""
        while not self.errors.empty():
            self.noted.append(self.errors.get())
        return [reported(error) for error in self.noted]


@pytest.fixture
def stage(request: Any, canaries: Any, tls: Any) -> Iterator[Callable[[str], Stage]]:
    """Make the stage for a venue; what is on it ends with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda name: Stage(name, canaries, tls, stack)


def case_login_refused(stage: Stage) -> None:
    """The venue says no to the login, or to the first call where there is no login."""
    sim = stage.venue()
    sim.refuse_login()
    client = stage.client(sim)
    stage.fails(lambda: NEEDS_KEY[stage.name](client.connect(), "x"))


def case_login_refused_later(stage: Stage) -> None:
    """The venue says no to the login of a reconnection."""
    sim = stage.venue()
    stage.client(sim).connect()
    sim.refuse_login()
    sim.drop()
    stage.noted.append(stage.errors.get(timeout=PATIENCE))


def case_upgrade_401(stage: Stage) -> None:
    """The upgrade is refused."""
    sim = stage.venue()
    sim.refuse_connections(status=401)
    stage.fails(stage.client(sim).connect)


def case_upgrade_503(stage: Stage) -> None:
    """The venue's gateway is alone."""
    sim = stage.venue()
    sim.refuse_connections(status=503)
    stage.fails(stage.client(sim).connect)


def case_unknown_authority(stage: Stage) -> None:
    """The venue's certificate is of an authority that nobody trusts."""
    sim = stage.venue(tls=stage.tls.server_context)
    stage.fails(stage.client(sim).connect)


def case_proxy_407(stage: Stage) -> None:
    """The proxy does not accept its password."""
    sim = stage.venue(tls=stage.tls.server_context)
    with HostileServer("proxy_wants_login") as proxy:
        url = f"http://desk:{stage.canaries.api_secret}@127.0.0.1:{proxy.port}"
        client = stage.client(sim, proxy=url, ca_file=stage.tls.ca_file)
        stage.fails(client.connect)
        stage.noted.append(ValueError(client._endpoint.proxy))
        assert proxy.accepted == 1
        client.close()


def case_nobody_there(stage: Stage) -> None:
    """Nobody listens."""
    sim = stage.venue()
    client = stage.client(sim)
    sim.close()
    stage.fails(client.connect)


def case_unencodable_payload(stage: Stage) -> None:
    """The caller gives what cannot be written."""
    client = stage.client(stage.venue()).connect()
    for value in (BROKEN, object(), float("nan"), b"bytes"):
        stage.fails(lambda value=value: NEEDS_KEY[stage.name](client, value))


def case_unencodable_credential(stage: Stage) -> None:
    """A credential is no text that can be sent."""
    sim = stage.venue()
    broken = {name: value + BROKEN for name, value in stage.secrets.items()}
    client = stage.client(sim, **broken)
    try:
        client.connect()
        NEEDS_KEY[stage.name](client, "x")
    except Exception as error:
        stage.errors.put(error)
    else:
        pytest.fail("nothing was raised")


def case_http_error(stage: Stage) -> None:
    """The HTTP side answers with an error, and is gone."""
    sim = stage.venue()
    if not sim.http_url:
        sim.close()
        return stage.fails(stage.client(sim).connect)
    for place in (sim.http_url + "/nowhere", "http://127.0.0.1:9"):
        client = stage.client(sim, http_url=place, **OVER_HTTP.get(stage.name, {}))
        stage.fails(lambda client=client: NEEDS_KEY[stage.name](client.connect(), "x"))
    return None


def case_interrupted_send(stage: Stage) -> None:
    """Ctrl-C comes as the socket is written to."""
    client = stage.client(stage.venue()).connect()

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Output, "_send", property(lambda self: interrupted), raising=False)
        stage.fails(lambda: NEEDS_KEY[stage.name](client, "x"))


def case_no_answer(stage: Stage) -> None:
    """The venue says nothing until the time is up."""
    sim = stage.venue()
    client = stage.client(sim).connect()
    sim.mute(http=True)
    stage.fails(lambda: NEEDS_KEY[stage.name](client, "x"))


def case_cut_in_flight(stage: Stage) -> None:
    """The connection ends under a request."""
    sim = stage.venue()
    client = stage.client(sim).connect()
    sim.mute(http=True)
    before = len(sim.received)
    cutter = threading.Thread(
        target=lambda: (sim.wait_for(lambda one: len(one.received) > before), sim.drop())
    )
    cutter.start()
    stage.fails(lambda: NEEDS_KEY[stage.name](client, "x"))
    cutter.join(PATIENCE)


def case_refused_call(stage: Stage) -> None:
    """The caller makes a mistake."""
    client = stage.client(stage.venue()).connect()
    with contextlib.suppress(VenueError):
        NEEDS_KEY[stage.name](client, "nothing")
    stage.fails(lambda: client.connect(timeout="soon"))


def case_echoed_garbage(stage: Stage) -> None:
    """The venue sends what nobody can read, with the credentials in it."""
    # So short that the suite does not watch for it: the codec's error does hold what came.
    stage.secrets = {name: f"{name[-3:]}-77e1c" for name in stage.secrets}
    sim = stage.venue()
    client = stage.client(sim, **stage.secrets).connect()
    for value in sim.credentials.values():
        sim.push("{not json " + value)
        sim.push(f'{{"error": "{base64.b64encode(value.encode()).decode()}"')
    for _ in range(2 * len(sim.credentials)):
        stage.noted.append(stage.errors.get(timeout=PATIENCE))
    client.close()
    assert [one for one in map(reported, stage.noted) if "77e1c" in one or "tNzdlM" in one] == []


def case_wrong_options(stage: Stage) -> None:
    """The constructor is given what it cannot take, and credentials beside it."""
    secret = stage.canaries.api_key
    for wrong in (
        {"timeout": -1},
        {"nonsense": 1},
        {"quota": 7},
        {"reconnect": 7},
        {"headers": {"X-Key": secret + "\n"}},
        {"headers": {"X-Key": secret, "ü": "x"}},
        {"proxy": f"http://desk:{secret}@bad host"},
        {"proxy": f"http://desk:{secret}@proxy:99999"},
        {"proxy": f"ftp://desk:{secret}@proxy"},
        {"url": "ws://192.0.2.1/"},
        {"ca_file": "/a", "headers": {"X-Key": secret}, "max_message": 0},
    ):
        options = {"headers": {"X-Desk-Key": secret}, **stage.secrets, **wrong}
        stage.fails(lambda options=options: stage.kind(**options))


CASES = {name[5:]: case for name, case in list(globals().items()) if name.startswith("case_")}


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("case", CASES)
def test_no_report_of_an_error_shows_a_credential(
    case: str, name: str, stage: Callable[[str], Stage], canaries: Any
) -> None:
    """Neither in its text, its arguments and attributes, nor in a local of it or of a cause."""
    play = stage(name)
    CASES[case](play)
    reports = play.seen()
    assert reports, "nothing failed"
    assert [one for one in reports if canaries.found_in(one)] == []


# ---- Ctrl-C ------------------------------------------------------------------------------------


class InterruptAt:
    """Raise a KeyboardInterrupt at the nth line of the product that this thread comes to.

    But for the lines of a ``with``, which a tracer sees again as the block is left, and of a
    ``finally``: signals are handled after calls, so not between a block and its release.
    """

    def __init__(self, line: int) -> None:
        self._left = line
        self.done = False

    def __enter__(self) -> InterruptAt:
        self._before = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        where = Path(frame.f_code.co_filename)
        ours = PRODUCT in where.parents and PRODUCT / "testing" not in where.parents
        return self._line if ours else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and not self.done and not _is_safe(frame):
            self._left -= 1
            if self._left < 0:
                self.done = True
                raise KeyboardInterrupt
        return self._line


def _is_safe(frame: FrameType) -> bool:
    return frame.f_lineno in _safe_lines(frame.f_code.co_filename)


@functools.cache
def _safe_lines(file: str) -> frozenset[int]:
    """Return the lines at which a tracer can raise and a signal cannot: see `InterruptAt`."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.With):
            lines.add(node.lineno)
        elif isinstance(node, ast.Try):
            for statement in node.finalbody:
                lines.update(range(statement.lineno, (statement.end_lineno or 0) + 1))
    return frozenset(lines)


def interrupt_at_lines(stage: Stage, first: int, step: int) -> int:
    """Interrupt a call at every `step`th of its lines; return how many interrupts got out."""
    sim = stage.venue()
    got_out, line = 0, first
    while True:
        client = stage.client(sim).connect()
        raised: BaseException | None = None
        with contextlib.suppress(VenueError), InterruptAt(line) as interrupt:
            try:
                NEEDS_KEY[stage.name](client, "x")
            except KeyboardInterrupt as error:
                raised = error
        client.close()
        if not interrupt.done:
            return got_out
        if raised is not None:
            got_out += 1
            shown = stage.canaries.found_in(raised)
            assert not shown, f"line {line} shows {shown}"
        line += step


STEP = 23


@pytest.mark.parametrize("name", VENUES)
def test_an_interrupt_shows_no_credential(name: str, stage: Callable[[str], Stage]) -> None:
    """Wherever in a call Ctrl-C comes: here at some of its lines."""
    assert interrupt_at_lines(stage(name), 7, STEP) > 5


@pytest.mark.long
@pytest.mark.parametrize("name", VENUES)
def test_an_interrupt_at_whatever_line_shows_no_credential(
    name: str, stage: Callable[[str], Stage]
) -> None:
    """Wherever in a call Ctrl-C comes: at every one of its lines."""
    assert interrupt_at_lines(stage(name), 0, 1) > 100


# ---- logs --------------------------------------------------------------------------------------


class Heard(logging.Handler):
    """All that a handler at DEBUG is given, as it writes it down."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {self.format(record)} {vars(record)!r}")

    def of(self, name: str) -> list[str]:
        return [line for line in self.lines if line.startswith(f"{name}: ")]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What websocket-client's trace and the loggers of the libraries say, at their loudest."""
    handler = Heard()
    loggers = [logging.getLogger(name) for name in ("websocket", "urllib3", "http.client")]
    before = [(one.level, list(one.handlers)) for one in loggers]
    for one in loggers[1:]:
        one.setLevel(logging.DEBUG)
        one.addHandler(handler)
    websocket.enableTrace(True, handler)
    yield handler
    websocket.enableTrace(False, handler)
    for one, (level, handlers) in zip(loggers, before, strict=True):
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.mark.parametrize("name", VENUES)
def test_the_libraries_traces_show_no_credential(
    name: str,
    stage: Callable[[str], Stage],
    heard: Heard,
    canaries: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Even where a program turns on all that there is to be turned on, at a real connection."""
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    play = stage(name)
    sim = play.venue()
    for options in (USUAL.get(name, {}), OVER_HTTP.get(name, {})):
        client = play.client(sim, **options).connect()
        with contextlib.suppress(VenueError):
            NEEDS_KEY[name](client, "x")
        client.close()
    assert heard.of("websocket")
    assert bool(heard.of("urllib3.connectionpool")) is (sim.http_url is not None)
    said = [*(text for _, text in sim.received), *map(repr, sim.http_received)]
    assert all(any(secret in text for text in said) for secret in play.secrets.values())
    assert [line for line in heard.lines if canaries.found_in(line)] == []
    assert not canaries.found_in("".join(capfd.readouterr()))


def test_what_a_library_logs_of_a_credential_all_the_same_is_masked(
    stage: Callable[[str], Stage], heard: Heard, canaries: Any
) -> None:
    """A program that uses the libraries itself, with what a living client holds, is covered too."""
    play = stage("timex")
    sim = play.venue()
    client = play.client(sim, headers={"Authorization": f"Bearer {canaries.token}"}).connect()
    logging.getLogger("websocket").debug("send: %r", f"auth {canaries.api_id}")
    for value in (canaries.api_secret, canaries.token):
        logging.getLogger("urllib3.connectionpool").debug('"GET /?key=%s" 200', value)
    assert len(heard.of("urllib3.connectionpool")) == 2
    assert [line for line in heard.lines if canaries.found_in(line)] == []
    assert [line for line in heard.lines if "key=********" in line]
    client.close()


@pytest.mark.parametrize("name", ["fuze", "onyx"])
def test_a_login_is_logged_as_its_method_id_and_size(
    name: str, stage: Callable[[str], Stage], caplog: pytest.LogCaptureFixture
) -> None:
    """And its answer by how long it took; nothing of either."""
    play = stage(name)
    sim = play.venue()
    client = play.client(sim).connect()
    client.close()
    (_, frame), *_ = sim.received
    lines = [one.getMessage() for one in caplog.records if one.name == f"venuesdk.{name}"]
    sent, answered = (line for line in lines if "login" in line)
    assert re.fullmatch(rf'sent login "\S+" id 1, {len(frame)} bytes', sent)
    assert re.fullmatch(r'login "\S+" id 1 answered in \d+\.\d ms', answered)
    levels = {one.levelno for one in caplog.records if "login " in one.getMessage()}
    assert levels == {logging.DEBUG}
