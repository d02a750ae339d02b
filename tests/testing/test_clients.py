"""Clients of simulated venues: each fits its venue, is cut off, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from venuesdk.errors import AuthenticationError, NotSent
from venuesdk.models import State
from venuesdk.testing import SimulatedVenue, client_of, cut_connection, kept_away, simulate, venues


@pytest.fixture
def venue() -> Iterator[Any]:
    """A simulated venue that streams when it is told to."""
    with simulate("onyx", interval=None) as started:
        yield started


@pytest.fixture
def client(venue: Any) -> Iterator[Any]:
    """Its client, connected."""
    with client_of(venue) as connected:
        yield connected


@pytest.mark.parametrize("name", venues())
def test_each_venue_has_its_client(name: str) -> None:
    """With its address, its HTTP side and its credentials: it connects as it comes."""
    with simulate(name, interval=None) as venue, client_of(venue) as client:
        assert client.connected
        assert (client.venue, venue.connections) == (name, 1)


def test_options_go_before_what_was_chosen(venue: Any) -> None:
    """Credentials of one's own are sent, and where they are wrong, refused."""
    client = client_of(venue, token="the token of somebody else", delivery="pump")
    with pytest.raises(AuthenticationError):
        client.connect()
    # Its two changes of state: it has the delivery that was asked for.
    assert client.pump(timeout=0) == 2
    with pytest.raises(TypeError, match="retries"):
        client_of(venue, retries=3)


def test_a_venue_without_a_client_is_refused() -> None:
    """By a name that nobody has, with the names that there are."""

    class Alone(SimulatedVenue):
        """Has no name, and so no client."""

    with pytest.raises(ValueError, match=r"no client of ''; there are .*onyx"):
        client_of(Alone())


def test_a_venue_that_is_not_started_has_no_address_yet() -> None:
    """The mistake is named, rather than found out by a connection that fails."""
    with pytest.raises(RuntimeError, match="start"):
        client_of(simulate("onyx"))


def test_a_cut_is_over_when_the_client_is_back(venue: Any, client: Any) -> None:
    """Once it returns there is another connection, on which a call is answered."""
    for epoch in (2, 3, 4):
        cut_connection(venue, client)
        assert client.connected and client.stats().epoch == epoch
        assert venue.accepted == epoch
        client.subscribe_tickers(print, products=["ebob"]).close()


def test_a_client_is_kept_away_for_as_long_as_the_block_lasts(venue: Any, client: Any) -> None:
    """Inside it knows, and sends nothing; behind it is connected."""
    with kept_away(venue, client):
        assert client.state is State.RECONNECTING and not venue.connections
        with pytest.raises(NotSent):
            client.request("unsubscribe", {"channel": "dashboards"})
    assert client.connected and client.stats().epoch == 2


def test_an_error_inside_is_passed_on_and_lets_the_client_back(venue: Any, client: Any) -> None:
    """What went wrong is not hidden by a wait, and the venue takes connections again."""
    with pytest.raises(ZeroDivisionError), kept_away(venue, client):
        raise ZeroDivisionError
    assert client.wait_state(State.CONNECTED, timeout=5)


def test_a_client_that_does_not_come_back_is_told_of(venue: Any, client: Any) -> None:
    """By a TimeoutError after the time that was given; a login that is refused by its own error."""
    venue.refuse_connections()
    client.wait_state(State.RECONNECTING)
    with pytest.raises(RuntimeError, match="no connection"):
        cut_connection(venue, client)
    venue.refuse_connections(False)
    client.wait_state(State.CONNECTED)
    venue.refuse_login()
    client.on_error(lambda error: None)
    with pytest.raises(AuthenticationError):
        cut_connection(venue, client)


def test_a_client_of_another_venue_does_not_notice(venue: Any, client: Any) -> None:
    """Nor does it come back from where it never was: both end at their time."""
    with simulate("onyx", interval=None) as other:
        with pytest.raises(TimeoutError, match=r"come back within 0\.05 s"):
            cut_connection(other, client, timeout=0.05)
        with pytest.raises(TimeoutError, match="noticed"), kept_away(other, client, timeout=0.05):
            pytest.fail("it began though the client had not noticed")
        with client_of(other):
            assert other.connections == 1


def test_a_client_that_never_connected_cannot_be_cut(venue: Any) -> None:
    """There is nothing to cut, and nothing to wait for."""
    with pytest.raises(RuntimeError, match="no connection"):
        cut_connection(venue, client_of(venue))
    with pytest.raises(RuntimeError, match="no connection"), kept_away(venue, client_of(venue)):
        pytest.fail("it began without a connection")
