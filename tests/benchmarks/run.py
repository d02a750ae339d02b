"""The benchmark: measures the package against floors and peers, and prints Markdown tables.

``python tests/benchmarks/run.py [SECTION ...] [--rounds N] [--seconds S] [--json FILE]``

The peers come from ``tests/benchmarks/requirements.txt``; one that is not installed is left out,
and the table says so. Nothing here passes or fails: figures are for reading.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import goals  # noqa: E402
import growth  # noqa: E402
import latency  # noqa: E402
import recording  # noqa: E402
import relaying  # noqa: E402
import roundtrips  # noqa: E402
import start  # noqa: E402
import streaming  # noqa: E402
from stage import Stage  # noqa: E402
from table import Table  # noqa: E402

PACKAGES = (
    "venuesdk", "attrs", "msgspec", "websocket-client", "websockets", "picows", "aiohttp",
    "pybit", "hyperliquid-python-sdk", "binance-connector", "onyx-otc",
    "redis", "hiredis",
)  # fmt: skip


def _streaming(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return streaming.tables(stage, chosen.rounds, chosen.seconds)


def _requests(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return roundtrips.tables(stage, chosen.rounds, chosen.seconds)


def _latency(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return latency.tables(stage, chosen.rounds, chosen.seconds)


def _wss(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    if stage.no_tls:
        print(f"wss is left out: {stage.no_tls}\n")
        return
    yield from streaming.tables(stage, chosen.rounds, chosen.seconds, tls=True)
    yield from roundtrips.tables(stage, chosen.rounds, chosen.seconds, tls=True)


def _growth(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return growth.tables(stage, chosen.rounds, chosen.seconds)


def _start(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return start.tables(stage, chosen.rounds, chosen.seconds, chosen.idle)


def _recording(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return recording.tables(stage, chosen.rounds, chosen.seconds)


def _relay(stage: Stage, chosen: argparse.Namespace) -> Iterator[Table]:
    return relaying.tables(stage, chosen.rounds, chosen.seconds)


OURS = re.compile("venuesdk|floor").match
"""Whose failure is one of the run."""

SECTIONS: dict[str, Callable[[Stage, argparse.Namespace], Iterator[Table]]] = {
    "streaming": _streaming,
    "requests": _requests,
    "latency": _latency,
    "wss": _wss,
    "start": _start,
    "growth": _growth,
    "recording": _recording,
    "relay": _relay,
}


def main() -> int:
    """Measure what was asked for; print each table as soon as it is there.

    Returns 1 where the package or a floor could not be measured, and 130 after Ctrl-C, which loses
    the table that it falls into.
    """
    chosen = _parse()
    begun = time.monotonic()
    about = _about(chosen)
    print("\n".join(f"- {name}: {value}" for name, value in about.items()), end="\n\n", flush=True)
    tables: list[Table] = []
    interrupted = False
    try:
        with Stage() as stage:
            for name in chosen.sections:
                print(f"## {name}\n", flush=True)
                for table in SECTIONS[name](stage, chosen):
                    tables.append(table)
                    print(table.markdown(), flush=True)
                    _write(chosen.json, about, tables)
    except KeyboardInterrupt:
        interrupted = True
    judged = goals.judge(tables)
    if judged:
        print(goals.markdown(judged))
    print(f"{time.monotonic() - begun:.0f} s in all{', interrupted' if interrupted else ''}")
    _write(chosen.json, about, tables)
    if interrupted:
        return 130
    return int(any(OURS(name) for table in tables for name in table.failed))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        default=list(SECTIONS),
        help=f"all by default: {', '.join(SECTIONS)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each client runs (5)")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="how long it is measured each time (2)"
    )
    parser.add_argument(
        "--idle", type=float, default=60.0, help="how long idle clients are watched (60)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found there")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.sections) - set(SECTIONS))
    if unknown:
        parser.error(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    if chosen.rounds < 1:
        parser.error("--rounds is at least 1")
    for name in ("seconds", "idle"):
        if not 0 < getattr(chosen, name) < math.inf:
            parser.error(f"--{name} is a number of seconds above 0")
    if chosen.json is not None and not chosen.json.absolute().parent.is_dir():
        parser.error(f"there is no folder {chosen.json.parent}")
    return chosen


def _about(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures depend on."""
    installed = []
    for package in PACKAGES:
        try:
            installed.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return {
        "date": date.today().isoformat(),
        "command": " ".join(["python", "tests/benchmarks/run.py", *sys.argv[1:]]),
        "rounds": f"{chosen.rounds} of {chosen.seconds:g} s",
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(installed),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _write(path: Path | None, about: dict[str, Any], tables: list[Table]) -> None:
    if path is not None:
        found = {
            "about": about,
            "tables": [table.as_json() for table in tables],
            "goals": goals.judge(tables),
        }
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
