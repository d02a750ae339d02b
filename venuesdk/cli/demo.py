"""The demo: every client against its simulator, and a table of what happened."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeAlias

import click

from ..client import clients
from ..errors import VenueError
from ..testing import simulate
from ..timing import Backoff, monotonic
from .output import write_json
from .scenes import SCENES
from .stage import Row, SceneFailed, Stage
from .target import VENUES

__all__ = ["command"]

Say: TypeAlias = Callable[[str], None]

RECONNECT = Backoff(initial=0.1, maximum=1.0)


@click.command()
@click.option("--venue", type=click.Choice(VENUES), help="Only this one.")
@click.option("--url", help="The WebSocket address of a real venue; needs --venue.")
@click.option("--http-url", help="The HTTP address of a real venue, where it has one.")
@click.option("--json", "as_json", is_flag=True, help="Steps and counts as lines of JSON.")
def command(venue: str | None, url: str | None, http_url: str | None, as_json: bool) -> int:
    """Run every client against its built-in simulator, and print what happened.

    Login, calls, rejections, streams, a cut connection. The exit status is 0 only if every step
    did what it must. With --url one client talks to a real venue instead, and orders nothing; its
    credentials come from the environment.
    """
    if url is not None and venue is None:
        raise click.UsageError("--url needs --venue")
    started = monotonic()
    say = _say_json if as_json else _say
    rows: list[Row] = []
    failures: list[str] = []
    for name in [venue] if venue else list(SCENES):
        try:
            rows.append(_play_at(name, url, http_url, say) if url else _play(name, say))
        except (SceneFailed, VenueError, ValueError) as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
            say(f"{name:<9} FAILED   {type(error).__name__}: {error}")
    if as_json:
        write_json(*({"kind": "counts", "counts": row} for row in rows))
    else:
        _sum_up(rows, failures, monotonic() - started)
    return 1 if failures else 0


def _sum_up(rows: list[Row], failures: list[str], seconds: float) -> None:
    print(f"\n{_table(rows)}\n")
    for failure in failures:
        print(f"FAILED: {failure}")
    if not failures:
        print(f"Every step did what it must ({seconds:.1f} s).")


def _say(line: str) -> None:
    print(line, flush=True)


def _say_json(line: str) -> None:
    venue, step, *what = line.split(maxsplit=2)
    write_json({"kind": "step", "venue": venue, "step": step, "what": "".join(what)})


def _play(name: str, say: Say) -> Row:
    """Play the scene of a venue against its simulator."""
    with simulate(name, seed=1, interval=0.05) as simulator:
        addresses = {"url": simulator.url}
        if simulator.http_url is not None:
            addresses["http_url"] = simulator.http_url
        return _perform(name, {**addresses, **simulator.credentials}, simulator, say)


def _play_at(name: str, url: str, http_url: str | None, say: Say) -> Row:
    """Play the scene of a venue at a real address, with credentials from the environment."""
    addresses = {"url": url, "http_url": http_url}
    return _perform(name, {key: value for key, value in addresses.items() if value}, None, say)


def _perform(name: str, options: dict[str, Any], simulator: Any, say: Say) -> Row:
    stage = Stage(name, say)
    errors: list[BaseException] = []
    client: Any = clients()[name](reconnect=RECONNECT, on_error=errors.append, **options)
    with client:
        stage.say("login", f"{client!r} at {options['url'].partition('?')[0]}")
        SCENES[name](stage, client, simulator)
        row = stage.row(client.stats())
    stage.must(not errors, f"no error was left over, but {errors!r}")
    return row


def _table(rows: list[Row]) -> str:
    head = ("venue", "calls", "events", "rejections", "reconnects", "gaps", "p50 round trip")
    lines: list[tuple[str, ...]] = [head]
    for row in rows:
        trip = "-" if row.round_trip_ms is None else f"{row.round_trip_ms:.2f} ms"
        counts = (row.calls, row.events, row.rejections, row.reconnects, row.gaps)
        lines.append((row.venue, *map(str, counts), trip))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return os.linesep.join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
