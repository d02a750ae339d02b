"""The fixtures that pytest gets with venuesdk: a venue, its client, a cut, a tape, a clock.

It is loaded in every pytest run of an environment that venuesdk is installed in. So nothing is
imported here that a run without these fixtures does not need, there are no options, and nothing
happens unless a test asks for a fixture. ``-p no:venuesdk`` leaves it out.

What a fixture needs to know is in the marker of the same name. One on a test goes before one on
its class, and that before one of the module.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from venuesdk.client import Client
    from venuesdk.testing.clock import FakeClock
    from venuesdk.testing.server import SimulatedVenue
    from venuesdk.testing.tape import Tape

__all__ = [
    "ConnectionCut",
    "cut_connection",
    "fake_clock",
    "pytest_configure",
    "tape",
    "tape_client",
    "venue_client",
    "venue_leaks",
    "venue_sim",
]

MARKERS = (
    'venue_sim(name, **options): the venue of the fixture venue_sim, such as "onyx", and the '
    "options of venuesdk.testing.simulate: seed, interval, …",
    "venue_client(**options): the options of the client of the fixture venue_client, such as "
    'delivery="pump"',
    "tape(path, speed=…): the recording of the fixtures tape and tape_client, from the folder of "
    "the test's file; as fast as possible without a speed",
)

EXAMPLES = {"venue_sim": "onyx", "tape": "monday.tape.zst"}


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known to `config`, for runs with ``--strict-markers``."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def venue_sim(request: pytest.FixtureRequest) -> Iterator[SimulatedVenue]:
    """Return a simulated venue that is started, and closed at the end of the test.

    ``@pytest.mark.venue_sim("onyx", interval=None)`` says which, and the options of
    `venuesdk.testing.simulate`. A nearer marker without a name adds options.
    """
    from venuesdk.testing.server import simulate

    _begin_outer(request)
    name, options = _named_by(request.node, "venue_sim")
    with simulate(name, **options) as venue:
        yield venue


@pytest.fixture
def venue_client(request: pytest.FixtureRequest, venue_sim: SimulatedVenue) -> Iterator[Any]:
    """Return a connected client of `venue_sim`, which is closed at the end of the test.

    ``@pytest.mark.venue_client(delivery="pump")`` gives options of its constructor. Without, it
    has those of `venuesdk.testing.client_of`: the venue's credentials, five seconds for a call,
    and a quick reconnect.
    """
    from venuesdk.testing.clients import client_of

    with client_of(venue_sim, **_client_options(request.node)) as client:
        yield client


class ConnectionCut:
    """What the fixture `cut_connection` returns; each method blocks, `timeout` is in seconds."""

    def __init__(self, venue: SimulatedVenue, client: Client) -> None:
        self._venue = venue
        self._client = client

    def __call__(self, timeout: float = 5.0) -> None:
        """Cut all connections of the venue, and wait until the client is back.

        Raises as `venuesdk.testing.cut_connection` does: TimeoutError where it does not come back.
        """
        from venuesdk.testing.clients import cut_connection

        cut_connection(self._venue, self._client, timeout)

    def away(self, timeout: float = 5.0) -> AbstractContextManager[None]:
        """Keep every client away inside of the ``with``; at its end the client is back.

        It begins when the client has noticed. Raises as `venuesdk.testing.kept_away` does.
        """
        from venuesdk.testing.clients import kept_away

        return kept_away(self._venue, self._client, timeout)


@pytest.fixture
def cut_connection(venue_sim: SimulatedVenue, venue_client: Client) -> ConnectionCut:
    """Return what cuts the client's connection: ``cut_connection()`` waits until it is back.

    ``with cut_connection.away():`` keeps it away for a while.
    """
    return ConnectionCut(venue_sim, venue_client)


@pytest.fixture
def tape(request: pytest.FixtureRequest) -> Tape:
    """Return the recording that the test is marked with: ``@pytest.mark.tape("monday.tape.zst")``.

    The path is taken from the folder of the test's file. Record one with
    ``with Recorder(client, path): …``, both from `venuesdk.testing.tape`, or in the shell.
    """
    from venuesdk.testing.tape import read_tape

    path, _ = _named_by(request.node, "tape")
    return read_tape(request.path.parent / path)


@pytest.fixture
def tape_client(request: pytest.FixtureRequest, tape: Tape) -> Iterator[Any]:
    """Return a connected client that `tape` is played into; it is closed at the end of the test.

    There is no venue and no socket: what the client says is answered as it was then, and what the
    tape does not know ends the connection. Streams come at once, or, with
    ``@pytest.mark.tape("monday.tape.zst", speed=1)``, at the pace of the recording, which
    `fake_clock` moves too. Options are those of the marker ``venue_client``.
    """
    from venuesdk.testing.clients import client_class
    from venuesdk.testing.tape import replayed

    _begin_outer(request)
    _, options = _named_by(request.node, "tape")
    kind = client_class(tape.header.venue)
    options = {"speed": math.inf, **options, **_client_options(request.node)}
    with replayed(tape, kind, **options) as client:
        yield client


@pytest.fixture
def fake_clock() -> Iterator[FakeClock]:
    """Return the SDK's clock, which the test puts forward: ``fake_clock.advance(15)``.

    It begins before `venue_client` or `tape_client` connects, and ends when that is closed. What
    it moves and what not is told in `venuesdk.testing.clock`.
    """
    from venuesdk.testing.clock import FakeClock

    with FakeClock() as clock:
        yield clock


@pytest.fixture
def venue_leaks() -> Iterator[None]:
    """Fail the test where a thread of the SDK outlives it, or an error went to nobody.

    It begins before `venue_sim`, and looks when that and `venue_client` are closed. For a whole
    suite: ``usefixtures = venue_leaks`` in pytest's configuration.
    """
    from venuesdk.testing.leaks import LeakCheck

    try:
        with LeakCheck():
            yield
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)


OUTER = ("venue_leaks", "fake_clock")
"""The fixtures that must outlive a client, in whatever order a test names them."""


def _begin_outer(request: pytest.FixtureRequest) -> None:
    for name in OUTER:
        if name in request.fixturenames:
            request.getfixturevalue(name)


def _client_options(node: Any) -> dict[str, Any]:
    """Return the options in all markers ``venue_client``; a nearer one goes before."""
    options: dict[str, Any] = {}
    for marker in node.iter_markers("venue_client"):
        if marker.args:
            pytest.fail("the marker venue_client takes options by name alone", pytrace=False)
        options = {**marker.kwargs, **options}
    return options


def _named_by(node: Any, marker: str) -> tuple[str, dict[str, Any]]:
    """Return the name in the nearest such marker that has one, and the options up to there."""
    options: dict[str, Any] = {}
    for one in node.iter_markers(marker):
        options = {**one.kwargs, **options}
        if one.args:
            name, *rest = one.args
            if rest or not isinstance(name, str):
                pytest.fail(f"the marker {marker} takes one name, not {one.args!r}", pytrace=False)
            return name, options
    example = f'@pytest.mark.{marker}("{EXAMPLES[marker]}")'
    pytest.fail(f"the fixture {marker} needs to know which: {example}", pytrace=False)
