"""``venuesdk relay``: streams into Redis, from where any number of programs read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from ..secret import MaskedText
from .output import console, note, shows_progress, write_json
from .shell import INTERRUPTED, NOT_SENT, REFUSED
from .target import SOURCES, Target, read_source, source_of, target_options
from .topics import complete, find_all

if TYPE_CHECKING:
    from ..relay import Relay
    from .tally import News, Tally

__all__ = ["command"]

PATIENCE = 5.0
"""Seconds that Redis has at the end for what still waits."""
STEP = 0.125
"""Seconds between two looks at the relay, at the most."""
Show: TypeAlias = "Callable[[News, str], None]"


class _UnreachedError(click.ClickException):
    """Redis gave no answer: certainly nothing was published."""

    exit_code = NOT_SENT


@click.command(
    epilog="Topics: venuesdk topics VENUE. They are read with venuesdk.relay.RelayReader. Of two "
    "that publish the same venue and shard one stands by. The exit status is 1 where something was "
    "left unpublished, after Ctrl-C too; else that is 130. "
    "Try: venuesdk relay onyx tickers:dub --sim --to redis://localhost",
)
@target_options
@click.argument("topics", metavar="TOPIC...", nargs=-1, required=True, shell_complete=complete)
@click.option("--to", required=True, envvar="VENUESDK_RELAY_URL", show_envvar=True, metavar="URL",
              type=MaskedText, help="Redis: redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH.")
@click.option("--password", metavar="SOURCE", callback=lambda ctx, param, text: text and
              source_of(text), help=f"Where the password of Redis is found: {SOURCES}.")
@click.option("--redis-ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The PEM file of the authorities to trust for rediss://.")
@click.option("--shard", default="", help="A name for these topics of the venue, or this account, "
              "beside others that are published elsewhere.")
@click.option("--lease", type=click.FloatRange(min=0.5), default=5.0, show_default=True,
              help="Seconds after which one that stands by takes over.")
@click.option("--max-length", type=click.IntRange(min=1),
              help="LOSSY: keep so many entries of a stream, and forget the oldest, read or not. "
              "Else only what all have read is forgotten.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="What happens, as lines of JSON.")
def command(
    target: Target, topics: tuple[str, ...], to: str, password: str | None,
    redis_ca_file: Path | None, shard: str, lease: float, max_length: int | None,
    seconds: float | None, as_json: bool,
) -> int:  # fmt: skip
    """Publish streams to Redis until Ctrl-C, each event as the venue sent it.

    What cannot be published yet waits in memory while Redis is away, market data up to a bound,
    accounts and orders all of it. Whatever is lost on the way is told here, and to the readers.
    """
    wanted = find_all(target.venue, topics)
    from ..relay import Relay
    from ..relay.keys import PREFIX, office_of
    from ..relay.redis import RedisEngine
    from .stream import Ending, Stream
    from .tally import Tally

    secret = None if password is None else read_source("the password of Redis", password)
    engine = RedisEngine(to, password=secret, ca_file=redis_ca_file)
    with target.client(delivery="pump") as client:
        relay = Relay(client, engine, shard=shard, lease=lease, max_length=max_length)
        stream = Stream(client)
        interrupted = False
        office = office_of(PREFIX, target.venue, shard)
        tally = Tally(target.venue, engine.place, office, relay, stream.subscriptions)
        _start(relay)
        try:
            with _shown(target, as_json) as show:
                client.connect()
                for topic in wanted:
                    stream.subscriptions[topic.text] = topic.subscribe(client, callback=relay)
                ending = Ending(seconds=seconds)
                while not ending.come:
                    show(tally.take(stream.take(ending.slice(STEP))), tally.progress())
        except KeyboardInterrupt:
            interrupted = True
        finally:
            _close(relay, as_json)
            _end(tally, as_json)
    if tally.left:
        return REFUSED
    return INTERRUPTED if interrupted else 0


def _start(relay: Relay) -> None:
    from ..relay import EngineUnavailable, RelayError

    try:
        relay.start()
    except RelayError as error:
        unreached = isinstance(error, EngineUnavailable)
        kind = _UnreachedError if unreached else click.ClickException
        raise kind(f"{type(error).__name__}: {error}") from error


@contextmanager
def _shown(target: Target, as_json: bool) -> Iterator[Show]:
    """Yield what shows the news, and how far it is where standard error is a terminal."""
    if as_json or not shows_progress():
        yield lambda news, progress: _tell(news, as_json)
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    bar = Progress(*columns, console=console(stderr=True), refresh_per_second=8)
    with bar:
        task = bar.add_task(f"connecting to {target.place} …")

        def show(news: News, progress: str) -> None:
            for line in news.lines:
                bar.console.print(line, markup=False)
            bar.update(task, description=progress)

        yield show


def _tell(news: News, as_json: bool) -> None:
    if as_json:
        write_json(*news.records)
        return
    for line in news.lines:
        note(line)


def _close(relay: Relay, as_json: bool) -> None:
    """Publish what waits; say for how long that may take where Redis is away."""
    if relay.stats().down and not as_json:
        note(f"waiting up to {PATIENCE:g} s for Redis")
    relay.close(PATIENCE)


def _end(tally: Tally, as_json: bool) -> None:
    """Tell the last news, and what it all came to."""
    _tell(tally.take((), closed=True), as_json)
    total = tally.total()
    if as_json:
        write_json(*total.records)
    else:
        click.echo("\n".join(total.lines))
