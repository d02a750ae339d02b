"""What the public docstrings owe their reader, as far as a program can see it.

Whether they are true no program can tell; what is checked here is that nothing is missing, and
that nothing they name has gone.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import keyword
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import venuesdk
from venuesdk import Client, SubscribeOptions, Subscription, errors, testing, venues
from venuesdk.protocol.codec import Codec

PACKAGE = Path(venuesdk.__file__).parent

MODULES = (
    "venuesdk",
    *(f"venuesdk.venues.{venue}" for venue in venues.names()),
    "venuesdk.desktop",
    "venuesdk.metrics",
    "venuesdk.testing",
    "venuesdk.testing.faults",
    "venuesdk.testing.pytest_plugin",
    "venuesdk.testing.tape",
)
HOOKS = ("admit", "closed", "events_for", "link_", "on_http", "on_text", "opened", "step")
"""How methods of a simulated venue begin that its author writes; `venuesdk.testing.sims` tells."""

REFERENCE = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")
BLOCKS = re.compile(r"\b(blocks?|waits?|returns within)\b", re.IGNORECASE)
SOURCES = re.compile(
    r"\b(?:Infinex|TimeX|Loopring|Fuze|Onyx|API) document\b|published clients|same sources"
)
WHERE = re.compile(r"\*\*Callbacks\*\* run on a thread")
ERRORS = {*errors.__all__, "TimeoutError", "ValueError"}
CALLS = ("RequestTimeout", "NotSent", "ConnectionLost", "ClientClosed", "RequestRejected")
"""Errors that every call of every client may raise."""


@dataclass(frozen=True)
class Named:
    """A class, function, method or property that is public, and the class that it is of."""

    name: str
    thing: Any
    owner: type | None = None

    @property
    def text(self) -> str:
        """Its own docstring: neither inherited, nor made up for a tuple with names."""
        own = vars(self.thing).get("__doc__") if isinstance(self.thing, type) else None
        if isinstance(self.thing, type) and own and own.startswith(f"{self.thing.__name__}("):
            own = None
        elif not isinstance(self.thing, type):
            own = self.thing.__doc__
        return inspect.cleandoc(own or "")

    @property
    def parameters(self) -> set[str]:
        """What a caller gives it; a fixture is never called, and what it takes are others."""
        function = getattr(self.thing, "__func__", self.thing)
        named = inspect.signature(function).parameters if inspect.isfunction(function) else ()
        return set(named) - {"self", "cls", "options"}

    @property
    def takes_timeout(self) -> bool:
        """Whether it has a `timeout`, by itself or among the options of every subscribe."""
        options = inspect.isfunction(self.thing) and "options" in self.thing.__annotations__
        return options or "timeout" in self.parameters

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


@functools.cache
def everything() -> tuple[Named, ...]:
    """Return all that is public, each thing once: the names of modules, and what classes have."""
    found: dict[int, list[Named]] = {}
    for module in MODULES:
        home = importlib.import_module(module)
        for name in home.__all__:
            thing = getattr(home, name)
            if isinstance(thing, type):
                found[id(thing)] = [Named(name, thing), *members(thing)]
            elif is_function(thing):
                found[id(thing)] = [Named(name, thing)]
    return tuple(named for several in found.values() for named in several)


def is_function(thing: object) -> bool:
    """Return whether it is a function, or a fixture of pytest, which has one in it."""
    return inspect.isfunction(inspect.unwrap(thing))  # type: ignore[arg-type]


def members(cls: type) -> Iterator[Named]:
    """Yield the public methods and properties of a class, inherited ones of ours too."""
    for name in sorted(dir(cls)):
        owner = next((base for base in cls.__mro__ if name in vars(base)), object)
        thing = vars(owner).get(name)
        described = inspect.isroutine(thing) or isinstance(thing, property)
        if owner.__module__.startswith("venuesdk") and described and not name.startswith("_"):
            yield Named(f"{cls.__name__}.{name}", thing, cls)


def waiting() -> list[Any]:
    """Return what has a `timeout` of the clients and of a subscription, as parameters."""
    return [
        pytest.param(named, id=named.name)
        for named in everything()
        if named.takes_timeout
        and named.owner is not None
        and issubclass(named.owner, (Client, Subscription))
    ]


def calling() -> list[Any]:
    """Return those of a venue's own, which ask it for something."""
    return [
        parameter
        for parameter in waiting()
        if parameter.values[0].owner is not Subscription
        and parameter.values[0].short not in vars(Client)
    ]


def tells(named: Named, said: Callable[[str], object], seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a docstring says something, or leads to one that does.

    It leads to methods of the same class, and to the two places for what all clients share.
    """
    if said(named.text):
        return True
    shared = {"venuesdk.Client": Client, "venuesdk.SubscribeOptions": SubscribeOptions}
    for reference in set(REFERENCE.findall(named.text)) - seen:
        other = shared.get(reference) or inspect.getattr_static(named.owner, reference, None)
        if inspect.isroutine(other) or isinstance(other, type):
            further = Named(reference, other, named.owner)
            if tells(further, said, seen | {reference}):
                return True
    return False


@functools.cache
def trees() -> tuple[ast.Module, ...]:
    """Return the source of the package, parsed."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in paths)


def test_there_is_something_to_check() -> None:
    """The search finds the classes, methods and properties that everybody knows."""
    assert {named.name for named in everything()} >= {
        "OnyxClient.subscribe_tickers",
        "OnyxClient.connect",
        "Subscription.stats",
        "Order.expire_time_ns",
        "BookSlot",
        "simulate",
        "SimulatedVenue.wait_for",
        "FaultProxy.for_url",
        "Peer.relay",
        "Collector.unregister",
        "Recorder.close",
        "venue_sim",
    }
    assert {parameter.id for parameter in waiting()} >= {
        "TimexClient.place_order",
        "TimexClient.subscribe_trades",
        "TimexClient.pump",
        "Subscription.get",
    }
    assert "TimexClient.pump" not in {parameter.id for parameter in calling()}


def test_everything_public_has_a_docstring_of_its_own() -> None:
    """Every class, method, property and function that is public says what it is or does."""
    assert [named.name for named in everything() if not named.text] == []


def test_every_public_value_has_a_docstring() -> None:
    """A constant or an alias is followed by a line that says what it is."""
    explained = {
        getattr(target, "id", "")
        for tree in trees()
        for one, behind in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)
        for target in getattr(one, "targets", [getattr(one, "target", None)])
    }
    values = {
        name
        for module in map(importlib.import_module, MODULES)
        for name in module.__all__
        if not (isinstance(getattr(module, name), type) or is_function(getattr(module, name)))
    }
    assert {"MARK", "Credential", "MarketEvent"} <= values
    assert values <= explained


@pytest.mark.parametrize("named", waiting())
def test_what_takes_a_timeout_says_that_it_blocks_and_names_its_errors(named: Named) -> None:
    """It says itself that it blocks, and which errors it raises, or where that is said."""
    assert BLOCKS.search(named.text)
    assert tells(named, lambda text: ERRORS.intersection(REFERENCE.findall(text)))


@pytest.mark.parametrize("named", calling())
def test_what_asks_a_venue_leads_to_what_every_call_may_raise(named: Named) -> None:
    """That, and what an error says of the outcome, stands in one place, which each call names."""
    assert tells(named, lambda text: all(f"`{name}`" in text for name in CALLS))
    assert tells(named, lambda text: "``outcome_unknown``" in text)


@pytest.mark.parametrize(
    "named", [each for each in calling() if each.values[0].short.startswith("subscribe")]
)
def test_what_subscribes_leads_to_where_callbacks_run(named: Named) -> None:
    """On which thread a callback runs stands in one place, which each subscribe leads to."""
    assert tells(named, WHERE.search)


@pytest.mark.parametrize("named", calling())
def test_what_asks_a_venue_says_where_that_is_known_from(named: Named) -> None:
    """It names, itself, the venue's document, or says that clients or recordings show it."""
    assert SOURCES.search(" ".join(named.text.split()))


def test_every_parameter_is_named() -> None:
    """The docstring of what takes a parameter, or that of its class, has its name in it."""
    missing = {
        f"{named.name}({parameter})"
        for named in everything()
        if not (isinstance(named.owner, type) and issubclass(named.owner, Codec))
        and not (
            isinstance(named.owner, type)
            and issubclass(named.owner, testing.SimulatedVenue)
            and named.short.startswith(HOOKS)
        )
        for parameter in named.parameters - {"timeout"}
        if not re.search(
            rf"\b{parameter}\b", named.text + ((named.owner and named.owner.__doc__) or "")
        )
    }
    assert missing == set()


def test_no_reference_leads_nowhere() -> None:
    """Every part of what stands in single backticks is a name that the source still has."""
    files = [path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py")]
    known = {part for path in files for part in path.parts} | set(keyword.kwlist)
    for node in (node for tree in trees() for node in ast.walk(tree)):
        known |= {
            part
            for attribute in ("id", "attr", "arg", "name", "module")
            if isinstance(getattr(node, attribute, None), str)
            for part in getattr(node, attribute).split(".")
        }
    lost = {
        f"{named.name}: {reference}"
        for named in everything()
        for reference in REFERENCE.findall(named.text)
        if not known.issuperset(reference.split("."))
    }
    assert lost == set()
