"""What holds for every test, and the few fixtures that all of them may ask for.

After each test: no thread of the product is alive, no credential was shown, and nothing but
loopback was spoken to. Fixtures that belong to one part live beside the tests of that part.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent / "relay"))
import loopback  # noqa: E402
from canaries import CANARIES, PATTERNS, Canaries, shown  # noqa: E402
from figures import Figures  # noqa: E402

from venuesdk.testing.leaks import threads_left  # noqa: E402

if TYPE_CHECKING:
    from redis_server import RedisServer

# ---- how much is tried -------------------------------------------------------------------------

hypothesis.settings.register_profile(
    "default", max_examples=20, deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.register_profile("long", max_examples=400, deadline=None, print_blob=True)
hypothesis.settings.load_profile("default")

LONG_TIMEOUT = 900.0


_FIGURES = pytest.StashKey[Figures]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the long suites."""
    group = parser.getgroup("venuesdk")
    group.addoption(
        "--full", action="store_true", help="let the long suites run for hours"
    )
    group.addoption("--figures", metavar="FILE", help="write what was measured, as JSON lines")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Tell whether the long suites are to run for hours, rather than for minutes."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    """Return the tables that are printed when the run ends."""
    return request.config.stash[_FIGURES]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was measured."""
    for line in config.stash[_FIGURES].lines():
        terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write what was measured, where that was asked for."""
    path = config.getoption("--figures")
    if path and _FIGURES in config.stash:
        config.stash[_FIGURES].write(Path(path))


def pytest_configure(config: pytest.Config) -> None:
    """Try far more examples when the long suite was asked for."""
    config.stash[_FIGURES] = Figures()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in a job that a shell has put into the background: programs under test would not hear
        # of Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("markexpr") == "long" and not config.getoption("hypothesis_profile", None):
        hypothesis.settings.load_profile("long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give long tests the time they need, where they do not say it themselves."""
    for item in items:
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT))


# ---- nothing but loopback ----------------------------------------------------------------------


loopback.guard()


@pytest.fixture(autouse=True)
def _loopback_alone() -> Iterator[None]:
    """Fail a test that tried to leave this machine, even where the refusal was swallowed."""
    loopback.outside.clear()
    yield
    if loopback.outside:
        pytest.fail("left loopback: " + ", ".join(loopback.outside))


# ---- no thread survives ------------------------------------------------------------------------

THREADS_END_WITHIN = 2.0


@pytest.fixture(autouse=True)
def _no_thread_left(_loopback_alone: None, _no_credential_shown: None) -> Iterator[None]:
    """Fail a test that leaves a thread of the product behind.

    It waits for the last of them before the other guards look at what they did. Threads of
    fixtures that outlive the test were there before it, and are no concern of it.
    """
    before = set(threading.enumerate())
    yield
    left = threads_left(before, THREADS_END_WITHIN)
    if left:
        pytest.fail("threads left behind: " + ", ".join(left))


# ---- no credential is shown --------------------------------------------------------------------


class LeakWatch(logging.Handler):
    """Write down every place where a canary showed.

    It hears every log record of the process at DEBUG, every error of the product as it is made,
    every one that a test expects, with its traceback, and every one that ends a thread.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        where = f"a log record of {record.name}"
        try:
            self.look(where, f"{record.getMessage()}\n{vars(record)!r}")
        except Exception as error:
            self.leaks.append(f"{where} cannot be formatted: {error!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.look(f"an error logged by {record.name}", record.exc_info[1])

    def look(self, where: str, thing: object) -> None:
        found = CANARIES.found_in(thing)
        if found:
            self.leaks.append(f"{where} shows {', '.join(found)}: {shown(thing)[:2000]}")


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    """Return the credentials to give to simulators and clients, wherever a test has the choice."""
    return CANARIES


# Peers that are not the product, and that show credentials at DEBUG because they were told to.
PEERS = ("websockets", "onyx_otc")


@pytest.fixture(scope="session", autouse=True)
def _leak_watch() -> Iterator[LeakWatch]:
    """Watch the whole session, with logging at DEBUG and without credentials of the developer's."""
    watch = LeakWatch()
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(watch)
    for peer in PEERS:
        logging.getLogger(peer).setLevel(logging.INFO)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("VENUESDK_")]:
            patch.delenv(name)
        _watch_errors(watch, patch)
        _watch_simulators(patch)
        yield watch
    root.removeHandler(watch)
    assert not watch.leaks, "\n".join(watch.leaks)


def _watch_errors(watch: LeakWatch, patch: pytest.MonkeyPatch) -> None:
    """Look at the product's errors as they are made, as tests catch them, and as threads end."""
    from venuesdk.errors import VenueError

    families: list[type[BaseException]] = [VenueError]
    for family in families:
        families.extend(family.__subclasses__())
        if "__init__" in vars(family):
            patch.setattr(family, "__init__", _watched_init(family, watch))

    leave = pytest.RaisesExc.__exit__

    def watched_leave(self: Any, kind: Any, error: Any, trace: Any) -> bool:
        if isinstance(error, VenueError):
            watch.look("an error that a test caught", error)
        return leave(self, kind, error, trace)

    patch.setattr(pytest.RaisesExc, "__exit__", watched_leave)

    report = threading.excepthook

    def watched_report(arguments: threading.ExceptHookArgs) -> None:
        watch.look("an error that ended a thread", arguments.exc_value)
        report(arguments)

    patch.setattr(threading, "excepthook", watched_report)


SHORTEST_SECRET = 12
"""A credential with fewer characters, made up in a test, may well stand in a text by chance."""


def _watch_simulators(patch: pytest.MonkeyPatch) -> None:
    """Look out for the credentials of every simulator too, from when it is started."""
    from venuesdk.testing.server import SimulatedVenue

    start = SimulatedVenue.start

    def watched_start(self: SimulatedVenue) -> Any:
        for name, value in self.credentials.items():
            if len(value) < SHORTEST_SECRET:
                continue
            PATTERNS[f"{name} of {self.name}"] = re.compile(re.escape(value))
        return start(self)

    patch.setattr(SimulatedVenue, "start", watched_start)


def _watched_init(family: type[BaseException], watch: LeakWatch) -> Any:
    """Return the family's own construction, after which the error is looked at once, whole."""
    init: Any = family.__init__

    @wraps(init)
    def watched(self: BaseException, *arguments: Any, **named: Any) -> None:
        init(self, *arguments, **named)
        if next(kind for kind in type(self).__mro__ if "__init__" in vars(kind)) is family:
            watch.look("an error as it was made", self)

    return watched


@pytest.fixture(autouse=True)
def _no_credential_shown(_leak_watch: LeakWatch) -> Iterator[None]:
    """Fail the test under which a credential showed."""
    yield
    leaks, _leak_watch.leaks = _leak_watch.leaks, []
    if leaks:
        pytest.fail("\n".join(leaks))


# ---- TLS ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tls:
    """A private certificate authority with a server for 127.0.0.1, ::1 and localhost."""

    server_context: ssl.SSLContext
    client_context: ssl.SSLContext
    ca_file: Path
    authority: Any
    """The ``trustme.CA``, to issue other certificates with."""


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Return contexts of both ends that trust each other, and the authority's file."""
    import trustme

    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1", "localhost").configure_cert(server_context)
    return Tls(
        server_context=server_context,
        client_context=ssl.create_default_context(cafile=str(ca_file)),
        ca_file=ca_file,
        authority=authority,
    )


# ---- a Redis -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a Redis that lives as long as the test run, and that nobody may harm."""
    from redis_server import RedisServer, has_redis

    if not has_redis():
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """Return a Redis with nothing in it."""
    shared_redis.ask("FLUSHALL")
    return shared_redis
