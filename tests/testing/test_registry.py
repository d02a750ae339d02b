"""Finding a simulated venue by its name."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from venuesdk.testing import SimulatedVenue, simulate, venues
from venuesdk.testing.registry import register, require_websockets

ROOT = Path(__file__).parent.parent.parent

TYPED = """
from __future__ import annotations

from typing_extensions import assert_type

from venuesdk import FuzeClient, InfinexClient, LoopringClient, OnyxClient, TimexClient
from venuesdk.testing import SimulatedVenue, simulate
from venuesdk.testing.sims.onyx import SimulatedOnyx

with simulate("fuze") as fuze, FuzeClient(url=fuze.url, **fuze.credentials):
    assert_type((fuze.api_key, fuze.api_secret), tuple[str, str])
with (
    simulate("infinex") as infinex,
    InfinexClient(url=infinex.url, http_url=infinex.http_url, **infinex.credentials),
):
    assert_type((infinex.api_key, infinex.http_url), tuple[str, str])
with (
    simulate("loopring") as loopring,
    LoopringClient(url=loopring.url, http_url=loopring.http_url, **loopring.credentials),
):
    assert_type((loopring.api_key, loopring.http_url), tuple[str, str])
with simulate("onyx", seed=2) as onyx, OnyxClient(url=onyx.url, **onyx.credentials):
    assert_type(onyx, SimulatedOnyx)
    assert_type((onyx.token, onyx.http_url), tuple[str, "str | None"])
    onyx.wait_for(lambda venue: venue.token)
with simulate("timex") as timex, TimexClient(url=timex.url, **timex.credentials):
    assert_type((timex.api_id, timex.api_secret), tuple[str, str])


def other(name: str) -> SimulatedVenue:
    with simulate(name) as venue:
        assert_type(venue, SimulatedVenue)
        return venue
"""


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


@pytest.mark.long
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="mypy is not installed")
def test_a_venue_has_its_own_type(tmp_path: Path) -> None:
    """A type checker knows each venue's attributes by the name that `simulate` was given."""
    program = tmp_path / "typed.py"
    program.write_text(TYPED, encoding="utf-8")
    options = ["--config-file=", "--strict", "--cache-dir", str(tmp_path / "cache")]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(program)],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
