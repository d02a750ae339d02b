"""The plugin as its users meet it: test runs of their own, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as Xml
from configparser import ConfigParser
from pathlib import Path
from queue import SimpleQueue

import pytest

from venuesdk.testing import FakeClock, client_of, simulate
from venuesdk.testing.tape import Recorder

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "samples" / "testing"
MODULE = "venuesdk.testing.pytest_plugin"

PLANTED = '''
import sys, threading
from queue import SimpleQueue
import pytest
from venuesdk import Backoff, NotSent, State
from venuesdk.models import GapReason

pytestmark = pytest.mark.venue_sim("onyx", interval=None)


def test_pass_module_and_nearer_marker(venue_sim):
    assert (venue_sim.name, venue_sim.interval, venue_sim.seed) == ("onyx", None, 1)


@pytest.mark.venue_sim(seed=7, token="a token of its own")
def test_pass_options_are_added(venue_sim, venue_client):
    assert (venue_sim.name, venue_sim.interval, venue_sim.seed) == ("onyx", None, 7)
    assert venue_client.connected


@pytest.mark.venue_sim("fuze")
class TestOfAClass:
    def test_pass_another_venue_has_none_of_the_options(self, venue_sim, venue_client):
        assert (venue_sim.name, venue_sim.interval) == ("fuze", 0.05)
        assert venue_client.venue == "fuze"


@pytest.mark.parametrize(
    "venue", [pytest.param(name, marks=pytest.mark.venue_sim(name)) for name in ("fuze", "timex")]
)
def test_pass_each_of_several(venue, venue_client):
    assert venue_client.venue == venue


@pytest.mark.venue_client(delivery="pump", timeout=2)
@pytest.mark.venue_client(timeout=3)
def test_pass_client_options(venue_client):
    assert venue_client.pump(timeout=2) == 2


def test_pass_one_connection_at_a_time(venue_sim, venue_client, cut_connection):
    cut_connection()
    assert venue_client.stats().epoch == 2 and venue_sim.accepted == 2
    with cut_connection.away():
        with pytest.raises(NotSent):
            venue_client.request("order")
    assert venue_client.connected and venue_client.stats().epoch == 3


clocks = []


def note_clock(change):
    from venuesdk import timing
    clocks.append(timing.monotonic is not timing.real_monotonic)


@pytest.mark.venue_client(on_state=note_clock)
@pytest.mark.usefixtures("venue_leaks")
def test_pass_clock_in_any_order(venue_sim, venue_client, fake_clock):
    """It is there before the client, which the last byte is measured by, and goes after it."""
    gaps = SimpleQueue()
    venue_client.subscribe_tickers(print, products=["ebob"], on_gap=gaps.put, stale_after=1)
    fake_clock.advance(4)
    assert gaps.get(timeout=5).reason is GapReason.STALE
    assert clocks and all(clocks)


def test_pass_everything_was_closed():
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("venuesdk-")]
    from venuesdk import timing
    assert timing.monotonic is timing.real_monotonic


def test_pass_missing_extra(request, monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets.server", None)
    with pytest.raises(ImportError, match=r"pip install 'venuesdk\\[sim\\]'"):
        request.getfixturevalue("venue_sim")


@pytest.mark.tape("a.tape", speed=1)
class TestTapes:
    def test_pass_tape(self, tape):
        assert tape.header.venue == "onyx" and not tape.truncated

    @pytest.mark.usefixtures("venue_leaks")
    @pytest.mark.tape(speed=float("inf"))
    def test_pass_at_once(self, tape_client):
        stream = tape_client.subscribe_tickers(products=["ebob"])
        assert len([stream.get(timeout=5) for _ in range(3)]) == 3

    @pytest.mark.venue_client(delivery="pump")
    def test_pass_at_the_pace_of_the_recording(self, tape_client, fake_clock):
        seen = []
        tape_client.subscribe_tickers(seen.append, products=["ebob"])
        while not seen:
            tape_client.pump(timeout=5, max_events=1)
        fake_clock.advance(9)
        assert not tape_client.pump() and len(seen) == 1
        fake_clock.advance(2)
        assert tape_client.pump(timeout=5) and len(seen) == 2


@pytest.mark.tape("none.tape")
def test_wrong_no_such_tape(tape):
    """FileNotFoundError"""


@pytest.mark.venue_sim("onix")
def test_wrong_venue(venue_sim):
    """no simulated venue 'onix'; there are fuze, infinex, loopring, onyx, timex"""


@pytest.mark.venue_sim("onyx", "fuze")
def test_wrong_two_venues(venue_sim):
    """the marker venue_sim takes one name, not ('onyx', 'fuze')"""


@pytest.mark.venue_client("pump")
def test_wrong_client_argument(venue_client):
    """the marker venue_client takes options by name alone"""


@pytest.mark.venue_client(retries=3)
def test_wrong_client_option(venue_client):
    """OnyxClient takes no argument 'retries'"""


def test_wrong_thread_left(monkeypatch, venue_leaks):
    """threads left behind: venuesdk-onyx-reader"""
    from venuesdk.testing import leaks
    monkeypatch.setattr(leaks, "ENDS_WITHIN", 0.05)
    leave = threading.Event().wait
    threading.Thread(target=leave, args=(20,), name="venuesdk-onyx-reader", daemon=True).start()


def test_wrong_error_to_nobody(venue_sim, venue_client, venue_leaks):
    """ZeroDivisionError: division by zero"""
    called = threading.Event()

    def callback(_):
        called.set()
        1 / 0

    venue_client.subscribe_tickers(callback, products=["ebob"])
    venue_sim.tick()
    assert called.wait(5)
'''

UNMARKED = '''
def test_wrong_no_marker(venue_sim):
    """the fixture venue_sim needs to know which: @pytest.mark.venue_sim("onyx")"""


def test_wrong_no_tape(tape_client):
    """the fixture tape needs to know which: @pytest.mark.tape("monday.tape.zst")"""
'''

COUNTED = '''
import json, sys

def test_modules():
    print("LOADED " + json.dumps(sorted(sys.modules)))
'''


def run(
    folder: Path, *arguments: str, site: Path | None = None, autoload: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugins that are named alone, whatever is installed here.

    Where the entry point of this plugin is, pytest would refuse its module under a second name.
    """
    path = os.pathsep.join(map(str, [ROOT, *([site] if site else [])]))
    alone = {} if autoload else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **alone},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def outcomes_of(report: Path) -> dict[str, str]:
    """Return what failed each test of a run, "" for those that passed."""
    return {
        case.attrib["name"]: "".join(f"{bad.get('message')}\n{bad.text}" for bad in case)
        for case in Xml.parse(report).iter("testcase")
    }


def record(path: Path) -> None:
    """Record half a minute of a market with a price every ten seconds."""
    seen: SimpleQueue[object] = SimpleQueue()
    with FakeClock() as clock, simulate("onyx", interval=None) as venue:
        client = client_of(venue)
        with Recorder(client, path), client:
            client.subscribe_tickers(seen.put, products=["ebob"])
            for _ in range(3):
                venue.tick()
                assert seen.get(timeout=5)
                clock.jump(10)


def names_in(source: str) -> list[str]:
    """Return the names of the tests in a source, and of their parameters."""
    lines = [line.strip() for line in source.splitlines()]
    return [line[4:].partition("(")[0] for line in lines if line.startswith("def test_")]


def test_each_fixture_does_its_part(tmp_path: Path) -> None:
    """What a planted test says of its fixtures is so; a mistake fails it with its docstring."""
    (tmp_path / "test_planted.py").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "test_unmarked.py").write_text(UNMARKED, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    record(tmp_path / "a.tape")
    report = tmp_path / "report.xml"
    done = run(tmp_path, "-p", MODULE, "--strict-markers", f"--junitxml={report}")
    assert report.is_file(), done.stdout + done.stderr
    outcomes = outcomes_of(report)
    assert {name.partition("[")[0] for name in outcomes} == {*names_in(PLANTED + UNMARKED)}
    for name, found in outcomes.items():
        if "_pass_" in name:
            assert not found, found
        else:
            source = (PLANTED + UNMARKED).partition(f"def {name}(")[2]
            assert source.split('"""')[1] in found


def test_a_run_that_uses_none_of_it_pays_nothing(tmp_path: Path) -> None:
    """Its modules are those of a run without the plugin, and a handful of light ones of ours."""
    (tmp_path / "test_counted.py").write_text(COUNTED, encoding="utf-8")
    loaded = []
    for plugin in ([], ["-p", MODULE]):
        done = run(tmp_path, "-s", "--strict-markers", *plugin)
        assert done.returncode == 0, done.stdout + done.stderr
        [line] = [line for line in done.stdout.splitlines() if "LOADED " in line]
        loaded.append(set(json.loads(line.partition("LOADED ")[2].rpartition("]")[0] + "]")))
    added = loaded[1] - loaded[0]
    assert added == {"venuesdk", "venuesdk._version", "venuesdk.testing", MODULE}


def installed(folder: Path) -> Path:
    """Return a place that holds what pip writes there of the entry points of setup.cfg."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    declared = setup["options.entry_points"]["pytest11"].strip()
    info = folder / "site" / "declared-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{declared}\n")
    return info.parent


def test_the_sample_that_users_copy_passes(tmp_path: Path) -> None:
    """Copied to where nothing else is; the plugin is found by the name that setup.cfg declares."""
    shutil.copytree(SAMPLE, tmp_path, dirs_exist_ok=True)
    strict = ("-W", "error", "--strict-markers")
    done = run(tmp_path, *strict, "-p", "venuesdk", site=installed(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(names_in((SAMPLE / "test_my_bot.py").read_text(encoding="utf-8")))
    assert count and f"{count} passed" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("sound", "broken", "noticed_by"),
    [
        ("self.order is None and ", "", "test_it_buys_once"),
        ("self.trouble is None and ", "", "test_it_does_not_insist_where_the_venue_says_no"),
        ("self.trouble = error ", "pass", "test_it_buys_no_second_time_when_the_answer_is_lost"),
        (" and book.asks[0].price <= self.limit", "", "test_it_does_not_pay_too_much"),
        (", on_gap=self.on_gap", "", "test_it_goes_on_after_a_cut"),
        (", stale_after=5", "", "test_it_distrusts_a_venue_that_falls_silent"),
    ],
)
def test_the_sample_notices_a_bot_that_is_broken(
    tmp_path: Path, sound: str, broken: str, noticed_by: str
) -> None:
    """Each of its tests fails where the bot does what that test is against."""
    shutil.copytree(SAMPLE, tmp_path, dirs_exist_ok=True)
    bot = tmp_path / "my_bot.py"
    source = bot.read_text(encoding="utf-8")
    assert source.count(sound) == 1
    bot.write_text(source.replace(sound, broken), encoding="utf-8")
    run(tmp_path, "-p", MODULE, f"--junitxml={tmp_path / 'report.xml'}")
    assert outcomes_of(tmp_path / "report.xml")[noticed_by]


@pytest.mark.long
def test_it_can_be_left_out(tmp_path: Path) -> None:
    """``-p no:venuesdk`` leaves none of its fixtures; without it pytest finds them by itself."""
    (tmp_path / "test_unmarked.py").write_text(UNMARKED, encoding="utf-8")
    site = installed(tmp_path)
    without = run(tmp_path, "-p", "no:venuesdk", site=site, autoload=True)
    assert "fixture 'venue_sim' not found" in without.stdout
    by_itself = run(tmp_path, site=site, autoload=True)
    assert "venue_sim needs to know which" in by_itself.stdout


@pytest.mark.long
def test_it_works_on_several_workers(tmp_path: Path) -> None:
    """Each worker has its own venues, ports and clock: the same tests pass and fail."""
    (tmp_path / "test_planted.py").write_text(PLANTED, encoding="utf-8")
    record(tmp_path / "a.tape")
    run(tmp_path, "-p", MODULE, "-p", "xdist", "-n", "2", f"--junitxml={tmp_path / 'report.xml'}")
    outcomes = outcomes_of(tmp_path / "report.xml")
    failed = sorted(name for name, text in outcomes.items() if text)
    assert failed == sorted(name for name in names_in(PLANTED) if "_wrong_" in name)
