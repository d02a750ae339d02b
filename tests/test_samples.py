"""Every sample runs as it is, against a simulator, and says what it is named for."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLES = {
    "quickstart.py": ["refused: no permissions", "ebob"],
    "place_order.py": [
        "placed: 0x",
        "certainly not placed",
        "outcome unknown: RequestTimeout",
        "found: 0x",
    ],
    "http_fallback.py": ["over the socket:", "over HTTP:", "/wallet/networks"],
    "survive_reconnect.py": ["gap: reconnected", "state: connected", "BTC_USD"],
    "pump_main_loop.py": ["LRC-ETH"],
    "record_and_replay.py": [
        'out {"id":"msg:1","method":"auth","token":"********"}',
        "replayed: ",
        "served: ",
        "surprises: []",
    ],
}


def test_every_sample_is_listed() -> None:
    """No sample goes untested, and none goes unlisted in the samples' README."""
    found = {path.name for path in (ROOT / "samples").glob("*.py")}
    assert found == set(SAMPLES)
    listed = (ROOT / "samples" / "README.md").read_text(encoding="utf-8")
    assert all(f"({name})" in listed for name in found)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_sample_runs(name: str) -> None:
    """It exits with 0, prints what it promises, and leaves no traceback."""
    result = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "samples" / name)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    for promise in SAMPLES[name]:
        assert promise in result.stdout


@pytest.mark.long
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="mypy is not installed")
def test_the_samples_have_sound_types(tmp_path: Path) -> None:
    """What a sample does with clients and simulators, a user's type checker lets pass too."""
    options = ["--config-file=", "--check-untyped-defs", "--cache-dir", str(tmp_path)]
    paths = [str(ROOT / "samples" / name) for name in sorted(SAMPLES)]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *paths],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
