"""Whom a subcommand talks to: the venue, its address, and where the credentials come from.

A credential is never given on the command line, only where it is to be found.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click
from attrs import field, frozen

from ..secret import Secret
from ..venues import load, names
from .output import can_ask

if TYPE_CHECKING:
    from ..client import Client

__all__ = ["PORT", "SOURCES", "VENUES", "Target", "read_source", "source_of", "target_options"]

F = TypeVar("F", bound=Callable[..., Any])

VENUES = names()
PORT = click.IntRange(0, 65_535)
"""Where something may listen; 0 is a free one."""
SOURCES = "env:VARIABLE, file:PATH or prompt"
_FOR_THE_CLIENT = ("url", "http_url", "timeout", "ca_file", "environment_proxy")


@frozen
class Target:
    """A venue, and the options of its client."""

    venue: str
    simulated: bool = False
    options: dict[str, Any] = field(factory=dict)
    credentials: dict[str, str] = field(factory=dict)
    """Where each is to be found: never what it is."""

    @property
    def place(self) -> str:
        """Whom one talks to, as a note says it: without what of an address may be a credential."""
        if self.simulated:
            return f"a simulated {self.venue}"
        address = urlsplit(self.options.get("url") or self.options.get("http_url") or "")
        host = address.netloc.rpartition("@")[2]
        return f"{self.venue} {address.scheme}://{host}{address.path}" if host else self.venue

    @property
    def client_class(self) -> type[Client]:
        """The class of its client."""
        # Here, because a shell that completes a line wants neither clients nor their libraries.
        from ..client import clients

        load(self.venue)
        return clients()[self.venue]

    @contextmanager
    def client(self, **more: Any) -> Iterator[Any]:
        """Yield a client that is not connected yet, and close it; where asked, with a simulator."""
        if not self.simulated:
            with _closing(self._make(self.options, self._found(), more)) as client:
                yield client
            return
        from ..testing import simulate

        with simulate(self.venue) as simulator:
            options = {**self.options, "url": simulator.url}
            if simulator.http_url is not None:
                options["http_url"] = simulator.http_url
            with _closing(self._make(options, simulator.credentials, more)) as client:
                yield client

    def _make(self, options: dict[str, Any], credentials: Any, more: dict[str, Any]) -> Client:
        make: Any = self.client_class
        made: Client = make(**options, **credentials, **more)
        return made

    def given(self) -> dict[str, Secret]:
        """Return the credentials that were pointed at, read from where they are."""
        self.check_credentials()
        return {name: read_source(name, source) for name, source in self.credentials.items()}

    def check_credentials(self) -> None:
        """Refuse the name of a credential that the venue does not have."""
        known = self.client_class.credentials
        for name in self.credentials:
            if name not in known:
                raise click.UsageError(
                    f"{self.venue} has no credential {name!r}, but {', '.join(known) or 'none'}"
                )

    def _found(self) -> dict[str, Secret]:
        """Return the credentials pointed at, and those asked for that one cannot do without."""
        found = self.given()
        for name, variable in self.client_class.credentials.items():
            needed = name not in self.client_class.optional_credentials
            if needed and name not in found and not os.environ.get(variable):
                found[name] = _ask_for(self.venue, name, variable)
        return found


@contextmanager
def _closing(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        client.close()


def target_options(
    function: F, *, venues: Sequence[str] = VENUES, venue_required: bool = True
) -> F:
    """Add the argument VENUE and the options of a client; the function gets a `Target` first.

    VENUE is one of `venues`. Where it is not required and not named, the target's is "".
    """

    def collected(
        venue: str | None,
        sim: bool,
        credential: tuple[tuple[str, str], ...],
        **others: Any,
    ) -> Any:
        options = {name: others.pop(name) for name in _FOR_THE_CLIENT}
        given = {name: value for name, value in options.items() if value}
        if sim and (credential or {"url", "http_url"} & given.keys()):
            raise click.UsageError("--sim brings its own address and credentials")
        return function(Target(venue or "", sim, given, dict(credential)), **others)

    # With its name, its docstring and the options that it has already.
    command: Any = functools.update_wrapper(collected, function)
    for add in reversed(_OPTIONS):
        command = add(command)
    argument = click.argument("venue", type=click.Choice(venues), required=venue_required)
    return argument(command)  # type: ignore[no-any-return]


def _sources(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values:
        name, _, source = value.partition("=")
        found.append((name, source_of(source if name else "", f"NAME={SOURCES}")))
    return tuple(found)


def _ask_for(venue: str, name: str, variable: str) -> Secret:
    if not can_ask():
        raise click.UsageError(
            f"{venue} needs {name}: set {variable}, or give --credential {name}={SOURCES}"
        )
    return read_source(name, "prompt")


def source_of(text: str, form: str = SOURCES) -> str:
    """Return where a credential is to be found; raise `click.BadParameter` for what is no place."""
    if text.partition(":")[0] not in ("env", "file", "prompt"):
        # Not what was given: it may be the credential itself.
        raise click.BadParameter(f"write {form}, and never the credential itself")
    return text


def read_source(name: str, source: str) -> Secret:
    """Return a credential from where it is, asking for it where that is at a prompt."""
    kind, _, place = source.partition(":")
    if kind == "env":
        value = os.environ.get(place, "")
    elif kind == "file":
        value = Path(place).expanduser().read_text(encoding="utf-8").strip()
    elif sys.stdin.isatty():
        value = click.prompt(f"{name} (not shown)", hide_input=True, err=True)
    else:
        raise click.UsageError(f"{name}: there is no terminal to ask at")
    if not value:
        raise click.UsageError(f"{name}: {source} is empty or not set")
    return Secret(value)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--sim", is_flag=True, help="Talk to a built-in simulator, started for this."),
    click.option("--url", help="The WebSocket address, in place of the venue's own."),
    click.option("--http-url", help="The HTTP address, in place of the venue's own."),
    click.option(
        "--credential",
        metavar="NAME=SOURCE",
        multiple=True,
        callback=_sources,
        help=f"Where a credential is found: {SOURCES}. By default in the environment, "
        "VENUESDK_<VENUE>_<NAME>.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        help="Seconds for each call; 10 by default.",
    ),
    click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False),
        help="The PEM file of the authorities to trust, in place of the system's.",
    ),
    click.option(
        "--environment-proxy", is_flag=True, help="Go through the proxy that the environment names."
    ),
)
