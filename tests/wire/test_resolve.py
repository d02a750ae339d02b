"""Names are looked up in at most eight helper threads, and nobody waits beyond a deadline."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire import resolve as module
from venuesdk.wire.resolve import HELPERS, resolve

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]


@pytest.fixture
def hanging():
    """Return a lookup that hangs until the test is over."""
    release = threading.Event()
    calls = []

    def lookup(host, port, **options):
        calls.append(threading.current_thread())
        release.wait(10)
        return FOUND

    yield lookup, calls
    release.set()
    for thread in calls:
        thread.join(5)


def test_an_address_needs_no_helper():
    """Addresses of both kinds are returned without asking anybody."""

    def never(*arguments, **options):
        raise AssertionError

    [(family, _, _, _, address)] = resolve("127.0.0.1", 8080, Deadline(1), never)
    assert (family, address) == (socket.AF_INET, ("127.0.0.1", 8080))
    [(family, _, _, _, address)] = resolve("::1", 443, Deadline(1), never)
    assert (family, address[:2]) == (socket.AF_INET6, ("::1", 443))


def test_a_name_is_looked_up_in_a_named_daemon_thread():
    """The lookup runs in a daemon helper, with the arguments of getaddrinfo."""
    seen = []

    def lookup(host, port, *, type):
        seen.append((host, port, type, threading.current_thread()))
        return FOUND

    assert resolve("venue.example", 80, Deadline(5), lookup) == FOUND
    [(host, port, kind, thread)] = seen
    assert (host, port, kind) == ("venue.example", 80, socket.SOCK_STREAM)
    assert thread.name in {f"venuesdk-dns-{number}" for number in range(1, HELPERS + 1)}
    assert thread.daemon


def test_the_system_is_asked_by_default():
    """Without a stand-in, the system's resolver finds localhost."""
    found = resolve("localhost", 80, Deadline(5))
    assert {address[4][0] for address in found} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        UnicodeError("label too long"),
        SystemExit(),
    ],
)
def test_a_failed_lookup_is_connect_failed(error):
    """Whatever the lookup raises, the caller gets ConnectFailed at once."""

    def lookup(*arguments, **options):
        raise error

    with pytest.raises(ConnectFailed, match=r"venue\.example") as caught:
        resolve("venue.example", 80, Deadline(5), lookup)
    assert not isinstance(caught.value, ConnectTimeout)


def test_no_address_is_connect_failed():
    """A name without an address cannot be connected to."""
    with pytest.raises(ConnectFailed):
        resolve("venue.example", 80, Deadline(5), lambda *a, **k: [])


def test_a_lookup_that_hangs_ends_at_the_deadline(hanging):
    """A hanging name server costs the time that was given, and no more."""
    lookup, _ = hanging
    start = monotonic()
    with pytest.raises(ConnectTimeout):
        resolve("venue.example", 80, Deadline(0.15), lookup)
    assert 0.1 < monotonic() - start < 1


def test_a_lookup_can_be_cancelled(hanging):
    """Another thread that cancels the deadline ends the wait."""
    lookup, _ = hanging
    deadline = Deadline(None)
    thread = threading.Timer(0.05, deadline.cancel)
    thread.start()
    start = monotonic()
    with pytest.raises(ConnectTimeout):
        resolve("venue.example", 80, deadline, lookup)
    assert monotonic() - start < 1
    thread.join()


def test_there_are_eight_helpers_at_most(hanging):
    """With eight lookups hanging, the ninth starts no thread and ends at its deadline."""
    lookup, calls = hanging
    for _ in range(HELPERS):
        with pytest.raises(ConnectTimeout):
            resolve("venue.example", 80, Deadline(0), lookup)
    with pytest.raises(ConnectTimeout, match="busy"):
        resolve("venue.example", 80, Deadline(0.05), lookup)
    assert len(calls) <= HELPERS
    assert len({thread.name for thread in calls}) == len(calls)


def test_a_system_without_threads_is_connect_failed(monkeypatch):
    """Where no thread can be started, connecting fails, and the helper's place is given back."""

    class NoThread:
        def __init__(self, **options):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", NoThread)
        for _ in range(HELPERS + 1):
            with pytest.raises(ConnectFailed, match="thread"):
                resolve("venue.example", 80, Deadline(1), lambda *a, **k: FOUND)
    assert resolve("venue.example", 80, Deadline(5), lambda *a, **k: FOUND) == FOUND


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_all_its_helpers(hanging):
    """Helpers that hang in the parent take no place in a forked child."""
    lookup, _ = hanging
    for _ in range(HELPERS):
        with pytest.raises(ConnectTimeout):
            resolve("venue.example", 80, Deadline(0), lookup)
    child = os.fork()
    if not child:
        try:
            found = resolve("venue.example", 80, Deadline(5), lambda *a, **k: FOUND)
            os._exit(0 if found == FOUND else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_every_helper_comes_back():
    """After many lookups, every helper's number is free again exactly once."""
    for _ in range(3 * HELPERS):
        resolve("venue.example", 80, Deadline(5), lambda *a, **k: FOUND)
    assert module._free.qsize() == HELPERS
