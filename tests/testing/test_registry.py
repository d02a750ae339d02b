"""Finding a simulated venue by its name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from venuesdk.testing import SimulatedVenue, simulate, venues
from venuesdk.testing.registry import register, require_websockets


def test_the_five_venues_can_be_simulated() -> None:
    """There is a simulator for every venue, and modules beside them are not taken for venues."""
    assert venues() == ("fuze", "infinex", "loopring", "onyx", "timex")


@pytest.mark.parametrize("name", ["fuze", "infinex", "loopring", "onyx", "timex"])
def test_a_venue_is_made_by_its_name(name: str) -> None:
    """`simulate` makes the venue of that name, with its options, and does not start it."""
    venue = simulate(name, seed=7, interval=None)
    assert isinstance(venue, SimulatedVenue)
    assert (venue.name, venue.seed) == (name, 7)
    assert venue.connections == 0


@pytest.mark.parametrize("name", ["nyse", "onyx_feed", "", "../onyx"])
def test_an_unknown_name_is_refused_with_those_that_exist(name: str) -> None:
    """The caller's mistake is a ValueError that helps."""
    with pytest.raises(ValueError, match="fuze, infinex, loopring, onyx, timex"):
        simulate(name)


def test_a_venue_of_ones_own_is_found() -> None:
    """A class with a name is registered as it is defined; it is not among the package's own."""

    class Mine(SimulatedVenue):
        name = "mine"

    assert type(simulate("mine")) is Mine
    assert "mine" not in venues()


def test_the_last_class_of_a_name_is_the_one_that_is_made() -> None:
    """Registering a name again replaces what had it."""

    class Nameless(SimulatedVenue):
        pass

    Nameless.name = "renamed"  # type: ignore[misc]
    register(Nameless)
    assert type(simulate("renamed")) is Nameless


def test_a_missing_websockets_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where websockets is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "websockets.server", None)
    with pytest.raises(ImportError, match=r"pip install 'venuesdk\[sim\]'"):
        require_websockets()
    with pytest.raises(ImportError, match=r"pip install 'venuesdk\[sim\]'"):
        simulate("onyx")


def test_importing_the_package_loads_no_websockets() -> None:
    """The names can be listed where the extra is not installed."""
    code = (
        "import sys; import venuesdk.testing as t; t.venues(); "
        "sys.exit(any(name.split('.')[0] == 'websockets' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
