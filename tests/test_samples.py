"""Every sample runs as it is, against a simulator, and says what it is named for."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from venuesdk import venues
from venuesdk.client import clients

ROOT = Path(__file__).parent.parent
README = ROOT / "samples" / "README.md"
SCREEN = 64
"""Lines of a sample, and then it is time to split it."""

SAMPLES: dict[str, list[str] | set[str]] = {
    # Texts of refusals, networks and amounts are those of the venues' documents, and of messages
    # that were recorded from them.
    "asyncio_bridge.py": ["ETHAUDT", "AUDT 111.672571309375"],
    "callbacks_that_call.py": ["placed: 0.01 at ", "news: ACTIVE", "cancelled: 1", "CANCELLED"],
    "credentials_from_keyring.py": [
        "asked on MainThread for ********",
        "asked on venuesdk-onyx-credentials for ********",
        "reconnected",
        "logged in again, connection 2",
    ],
    "follow_dashboards.py": [
        "there are ",
        "came: dashboard-",
        "Gap(reason=<GapReason.RECONNECTED",
        "after the cut there are",
    ],
    "http_fallback.py": [
        "over the socket: ['ETH', 'TRX']",
        "over HTTP:       ['ETH', 'TRX']",
        "['/wallet/networks']",
    ],
    "iterate_streams.py": [
        "quiet: no event of server_info within 0.05 s",
        "connected for",
        "ended: <Subscription tickers",
        "closed>, 0 dropped",
    ],
    "keep_book.py": [
        "bid ",
        "spread ",
        "reported: LRC-ETH lacks versions",
        "mended: version ",
        "Gap(reason=<GapReason.RECONNECTED",
        "after the cut, on connection 2: version ",
        "MirrorStats(synchronised=True",
    ],
    "place_and_reconcile.py": [
        "placing ",
        "the venue has ",
        "certainly not placed: Insufficient AUDT balance. Required: 500000",
        "the venue has None",
        "outcome unknown: RequestTimeout",
        "the venue has ",
    ],
    "logging_and_queue.py": {
        "worker: BTC_USD",
        '"text": "reconnecting: ',
        '"venuesdk_topic": "quote_request BTC_USD RFQ", "venuesdk_gap": "reconnected"',
        '"text": "not for any caller: ',
        '"desk": "rfq"',
    },
    "metrics.py": {
        'venuesdk_state{client="onyx",state="connected",venue="onyx"} 1.0',
        'venuesdk_state{client="hedge",state="connected",venue="fuze"} 1.0',
        'venuesdk_subscription_delivered_events_total{client="onyx",subscription="1"',
    },
    "pump_main_loop.py": 5 * ["MainThread LRC-ETH"],
    "quickstart_fuze.py": ["refused: Method not found (-32601)", "BTC_USD", "USDC "],
    "quickstart_infinex.py": [
        "alive",
        "ETH Ethereum / ERC20",
        "TRX Tron / TRC20",
        "BTC 2.5",
        "refused: Order not found",
    ],
    "quickstart_loopring.py": [
        "refused: receive illegal arg for candlestick:lrc-gold (104106)",
        "LRC-ETH close",
        "LRC-ETH ",
        "account 10005 token 0 holds",
    ],
    "quickstart_onyx.py": [
        "refused: no permissions for product unobtainium or product does not exist",
        *3 * ["ebobm25"],
    ],
    "quickstart_timex.py": ["AUDT 111.672571309375", "refused: Access denied", *3 * ["ETHAUDT"]],
    "record_and_replay.py": [
        'out {"id":"msg:1","method":"auth","token":"********"}',
        "replayed: ",
        "served: ",
        "surprises: []",
    ],
    "relay_two_consumers.py": {
        "tick brt",
        "table brtm25 ",
        " dubm25",
        "both were served: True",
    },
    "several_accounts.py": [
        "maker holds 500.25 AUDT",
        "taker holds 75 AUDT",
        "connected=2 requests=2 rejections=0",
    ],
    "survive_reconnect.py": [
        "state: connected",
        "quote: BTC_USD",
        "state: reconnecting",
        "state: connected",
        "gap: reconnected",
        "quote: BTC_USD",
        "state: closed",
    ],
}
"""What each must print: a list in this order, a set, of what comes from two threads, in any."""

ENDLESS = {"asyncio_bridge.py", "callbacks_that_call.py", "iterate_streams.py"}
"""Of the ways to wait for a stream one each; the others are interrupted in the long run."""

INTERRUPTED = """
import os, runpy, signal, sys, threading
from venuesdk.testing import SimulatedVenue

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
struck = []

def importing():  # what Python leaves half done then is no sample's to put right
    frame = sys._current_frames()[threading.main_thread().ident]
    while frame and "importlib" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None

def strike(venue, n=1):  # in place of the market's next step
    if venue.received and not struck and not importing():
        struck.append(venue)
        os.kill(os.getpid(), signal.SIGINT)

SimulatedVenue.tick = strike
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""Runs a sample in a market that stands still, and presses Ctrl-C when its client has asked."""

EXTRAS = {
    "cli": ["click", "rich"],
    "metrics": ["prometheus_client"],
    "record": ["zstandard"],
    "relay": ["redis", "hiredis"],
}
"""What a user who has installed `venuesdk[sim]` alone does not have."""
PROGRAMS = {"relay_two_consumers.py": "redis-server"}
"""What must be installed on the machine for a sample to run."""
BARE = """
import runpy, sys
sys.modules.update(dict.fromkeys(sys.argv[2:]))
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""Runs a sample where certain modules are not installed."""


def run(*arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Run Python as a user would, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def skip_without_its_program(name: str) -> None:
    """Skip a test where the machine has not what the sample needs."""
    program = PROGRAMS.get(name)
    if program and not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def test_every_sample_is_listed() -> None:
    """No sample goes untested, and none goes unlisted in the samples' README.

    What needs more than to be run, as a window does, is named by a test of its own.
    """
    found = {path.name for path in (ROOT / "samples").glob("*.py")}
    assert set(SAMPLES) <= found
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    texts = [path.read_text(encoding="utf-8") for path in tests]
    for name in found - set(SAMPLES):
        assert any(Path(name).stem in text for text in texts), name
    listed = README.read_text(encoding="utf-8")
    assert all(f"({name})" in listed for name in found)


@pytest.mark.parametrize("venue", venues.names())
def test_every_venue_has_a_quickstart(venue: str) -> None:
    """It names the variables that the credentials for the venue itself are read from."""
    venues.load(venue)
    client = clients()[venue]
    text = (ROOT / "samples" / f"quickstart_{venue}.py").read_text(encoding="utf-8")
    listed = README.read_text(encoding="utf-8")
    for variable in client.credentials.values():
        assert re.search(rf"\b{variable}\b", text)
        assert f"`{variable}`" in listed
    assert f"with {client.__name__}() as client:" in text


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sample_fits_on_a_screen(name: str) -> None:
    """Whoever reads one sees it whole."""
    assert (ROOT / "samples" / name).read_text(encoding="utf-8").count("\n") <= SCREEN


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_sample_runs(name: str) -> None:
    """It exits with 0, prints what it promises, and has nothing to complain of.

    Nor does it need an extra beside the simulators', unless its docstring names it.
    """
    skip_without_its_program(name)
    path = ROOT / "samples" / name
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    absent = [module for extra in EXTRAS if f"[{extra}]" not in told for module in EXTRAS[extra]]
    result = run("-c", BARE, str(path), *absent)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    rest = result.stdout
    for promise in SAMPLES[name]:
        found = promise in rest
        if isinstance(SAMPLES[name], list):
            rest = rest.partition(promise)[2]
        assert found, f"{promise!r} is not there, or not in its place:\n{result.stdout}"


@pytest.mark.parametrize(
    "name",
    [
        name if name in ENDLESS else pytest.param(name, marks=pytest.mark.long)
        for name in sorted(SAMPLES)
    ],
)
def test_the_sample_leaves_on_ctrl_c(name: str) -> None:
    """Where Ctrl-C comes while its client waits, it ends at once, by that and nothing else."""
    skip_without_its_program(name)
    # Sooner than the 10 seconds after which whatever it waits for would end by itself.
    result = run("-c", INTERRUPTED, str(ROOT / "samples" / name), timeout=9)
    if result.returncode == 0 and name not in ENDLESS:
        return  # It needed nothing of the market, and was done before.
    assert result.returncode in (-2, 130), result.stderr
    assert result.stderr.rstrip().endswith("KeyboardInterrupt"), result.stderr
    for complaint in ("Exception in thread", "never retrieved", "Warning", "still running"):
        assert complaint not in result.stderr


@pytest.mark.long
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="mypy is not installed")
def test_the_samples_have_sound_types(tmp_path: Path) -> None:
    """What a sample does with clients and simulators, a user's type checker lets pass too."""
    options = ["--config-file=", "--check-untyped-defs", "--cache-dir", str(tmp_path)]
    qt = importlib.util.find_spec("PySide6")
    paths = [str(path) for path in (ROOT / "samples").glob("*.py") if qt or "_qt" not in path.name]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *paths],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
