"""Clients and codecs without a network: the calls of a tape are made, and what they ask is kept."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from tape import Call, Line, Malformed, Venue

from venuesdk.client import Client
from venuesdk.protocol.codec import Codec, Request
from venuesdk.session.subscription import Subscription

__all__ = ["Prepared", "codec_of", "documented_frames", "perform", "recording", "written"]


class Taken(BaseException):
    """A request was taken where it would have been sent."""


class Recording:
    """What a client is mixed with: it takes down what would be sent, and sends nothing.

    `make` turns a codec into the last request; `read` decodes its answer. With a `reply` a
    request is answered with it, so that the public method returns what it makes of that.
    """

    make: Callable[[Codec], Request]
    read: Callable[[bytes], Any] | None = None
    reply: bytes | None = None
    routes: dict[int, Hashable]

    def _request(self: Any, request, decode, timeout=None, *, wait=None):
        return self._request_until(request, decode, self._deadline(timeout), wait=wait)

    def _request_until(self, request, decode, deadline, *, wait=None):
        if self.reply is not None:
            return decode(self.reply)
        self.make, self.read = lambda codec: request, decode
        raise Taken

    def _subscribe_all(self: Any, topics, callback, options, wire_options=None, cancels=None):
        assert len(topics) == 1 or self.codec.grouped, "several topics need several requests"
        self.make = lambda codec: codec.subscribe(topics, wire_options or {})
        return [Subscription(topic, self._delivery, callback) for topic in topics]

    def _unsubscribe(self, request, cancels, timeout=None):
        self.make = lambda codec: request

    def _unsubscribe_one(self, subscription, timeout=None):
        route = self.routes.get(id(subscription), subscription.topic.route)
        self.make = lambda codec: codec.unsubscribe(subscription.topic, route)

    def _http(self, request, deadline):
        # Behind a frame it is more of the same call; alone it is nothing that a tape holds.
        assert "make" in vars(self), f"a tape has no {request}"
        raise Taken


@functools.cache
def _recording_class(client: type[Client]) -> type[Any]:
    return type(f"Recording{client.__name__}", (Recording, client), {})


def recording(venue: Venue, credentials: Mapping[str, Any]) -> Any:
    """Return a client that sends nothing."""
    client = _recording_class(venue.client)(**credentials)
    client.routes = {}
    return client


def codec_of(client: Any) -> Codec:
    """Return a codec as the client would make one for a new connection."""
    codec: Codec = client._make_codec(client._resolve_credentials())
    return codec


def perform(venue: Venue, client: Any, call: Call, **options: Any) -> Any:
    """Make a call of a tape, and return what it returns."""
    if call.method not in venue.methods:
        raise Malformed(f"{venue.client.__name__} has no public method {call.method!r}")
    method = getattr(client, call.method)
    positional: list[Any] = []
    named = {name: built(venue, client, value) for name, value in call.arguments.items()}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += named.pop(name, [])
    return method(*positional, **named, **options)


def built(venue: Venue, client: Any, value: Any) -> Any:
    """Return an argument of a tape as the value that it stands for."""
    if isinstance(value, list):
        return [built(venue, client, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$" not in value:
        return {name: built(venue, client, item) for name, item in value.items()}
    if value["$"] == "subscription":
        subscription = perform(venue, client, Call(0, value["call"], value["arguments"]))
        if "route" in value:
            client.routes[id(subscription)] = value["route"]
        return subscription
    members = {name: built(venue, client, item) for name, item in value.items() if name != "$"}
    return getattr(venue.package, value["$"])(**members)


def record(venue: Venue, client: Any, call: Call) -> Callable[[Codec], Request]:
    """Return what makes the request of a call."""
    if call.method == "opening":
        return lambda codec: next(codec.opening())
    client.read = None
    with contextlib.suppress(Taken):
        perform(venue, client, call)
    make: Callable[[Codec], Request] = client.make
    return make


def written(venue: Venue, call: Call, credentials: Mapping[str, Any]) -> str:
    """Return the frame that a call sends on a new connection."""
    client = recording(venue, credentials)
    make = record(venue, client, call)
    codec = codec_of(client)
    return codec.encode(call.id, make(codec))


class Prepared:
    """An `in` line, ready to be played to any number of fresh codecs."""

    def __init__(self, venue: Venue, line: Line) -> None:
        self.venue = venue
        self.line = line
        self.clients: dict[int, Any] = {}
        self._steps: list[tuple[int, Callable[[Codec], Request]]] = []
        self._codecs = recording(venue, venue.tape.credentials)
        for call in line.setup:
            client = self.clients[call.id] = recording(venue, venue.tape.credentials)
            self._steps.append((call.id, record(venue, client, call)))

    def codec(self) -> Codec:
        return codec_of(self._codecs)

    def ask(self, codec: Codec) -> str:
        """Let the setup be asked; return the frame that the venue answers."""
        sent = {id: codec.encode(id, make(codec)) for id, make in self._steps}
        frame = self.line.frame
        for name, id in self.line.answers.items():
            ours = json.dumps(json.loads(sent[id])[name])
            theirs = json.dumps(json.loads(frame)[name])
            pattern = rf'("{re.escape(name)}"\s*:\s*){re.escape(theirs)}'
            frame, count = re.subn(pattern, lambda found, ours=ours: found[1] + ours, frame)
            if count != 1:
                raise Malformed(f"{name} stands {count} times in the frame")
        return frame


@functools.cache
def documented_frames(venue: Venue) -> list[Prepared]:
    """Return the frames that the venue sends."""
    return [Prepared(venue, line) for line in venue.tape.lines if line.direction == "in"]
