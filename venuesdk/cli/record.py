"""``venuesdk record``: streams onto a tape, every frame with its time, secrets masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import console, counted, note, shows_progress, write_json
from .target import Target, target_options
from .topics import complete, find_all

if TYPE_CHECKING:
    from ..testing.tape import Recorder
    from .stream import Ending, Entry, Stream

__all__ = ["command"]

STEP = 0.125
"""Seconds between two looks at the stream, at the most."""
Show = Callable[[list["Entry"]], None]


@click.command(
    epilog="Topics: venuesdk topics VENUE. Credentials are masked before anything is written; "
    "orders, balances and addresses are not. Try: "
    "venuesdk record onyx tickers:dub --sim -o onyx.tape.zst --seconds 5",
)
@target_options
@click.argument("topics", metavar="TOPIC...", nargs=-1, required=True, shell_complete=complete)
@click.option("--output", "-o", "path", required=True, type=click.Path(path_type=Path),
              help="The tape: NAME.tape.zst, or NAME.tape for plain lines.")
@click.option("--force", is_flag=True, help="Overwrite a tape that is there.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many events.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as a line of JSON.")
def command(
    target: Target, topics: tuple[str, ...], path: Path, force: bool, count: int | None,
    seconds: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Record streams until Ctrl-C: every frame in and out, with its time.

    A tape can be played back with "venuesdk replay", into a client in a test, or as a venue.
    """
    wanted = find_all(target.venue, topics)
    from ..testing.tape import Recorder
    from .stream import Ending, Stream

    seen: Counter[str] = Counter()
    with target.client(delivery="pump") as client:
        recorder = Recorder(client, path, overwrite=force)
        try:
            recorder.start()
        except FileExistsError:
            raise click.UsageError(f"{path} is there already; --force overwrites it") from None
        try:
            stream = Stream(client)
            client.connect()
            stream.subscribe(wanted, conflate=False)
            _follow(stream, Ending(count, seconds), seen, recorder)
        finally:
            # In this order, so that the end of the connection is on the tape.
            client.close()
            recorder.close()
            _tell(recorder, path, seen, as_json)
    if recorder.error is not None:
        raise click.ClickException(f"the tape ended before its time: {recorder.error}")


def _follow(stream: Stream, ending: Ending, seen: Counter[str], recorder: Recorder) -> None:
    with _progress(Path(recorder.path), seen) as show:
        # Nobody wants to go on watching what is not on the tape any more.
        while not ending.come and recorder.error is None:
            entries = ending.admit(stream.take(ending.slice(STEP)))
            seen.update(entry.kind for entry in entries)
            show(entries)


@contextmanager
def _progress(path: Path, seen: Counter[str]) -> Iterator[Show]:
    """Yield what shows how far it is, where standard error is a terminal; else the losses alone."""
    if not shows_progress():
        yield _losses(note)
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    bar = Progress(*columns, console=console(stderr=True), refresh_per_second=8)
    losses = _losses(lambda text: bar.console.print(text, markup=False))
    with bar:
        task = bar.add_task(f"recording {path.name}")

        def show(entries: list[Entry]) -> None:
            losses(entries)
            size = path.stat().st_size
            what = f"recording {path.name}  {counted(seen['event'], 'event')}  {size:,} bytes"
            bar.update(task, description=what)

        yield show


def _losses(tell: Callable[[str], object]) -> Show:
    """Return what tells gaps, errors, and losses of the connection, each in a line."""
    from .notices import Notices

    notices = Notices()

    def show(entries: list[Entry]) -> None:
        for text in notices.take(entries):
            tell(text)

    return show


def _tell(recorder: Recorder, path: Path, seen: Counter[str], as_json: bool) -> None:
    size = path.stat().st_size if path.exists() else 0
    if as_json:
        facts = {"path": str(path), "bytes": size, "entries": recorder.written}
        counts = {"events": seen["event"], "gaps": seen["gap"], "lost": recorder.lost}
        write_json({"kind": "recorded", **facts, **counts})
        return
    lost = f", {recorder.lost:,} LOST" if recorder.lost else ""
    click.echo(
        f"{path}: {recorder.written:,} entries{lost}, {counted(seen['event'], 'event')}, "
        f"{counted(seen['gap'], 'gap')}, {size:,} bytes"
    )
