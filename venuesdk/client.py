"""Client: what the five clients share, and the registry that finds them.

A venue's client adds its own methods on top of `_request`, `_subscribe` and their kin; nothing
here knows a venue.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypedDict, TypeVar

from attrs import evolve

from .errors import ProtocolError, VenueError
from .models import Gap, HttpRequest, HttpResponse, State, StateChange
from .protocol.codec import Codec, Request, Topic
from .secret import MaskedText, Secret, resolve
from .session.callbacks import check_callback
from .session.dump import dump_of, how_given, text_of_dump
from .session.fetcher import Fetcher, Http
from .session.masking import mask_logs
from .session.modes import DeliveryChoice, make_delivery
from .session.quota import AttemptQuota, quota_of
from .session.reader import Dial, Plan
from .session.redaction import redact
from .session.session import Session
from .session.sink import Sink, SinkSubscription
from .session.stats import Stats
from .session.subscription import Subscription
from .timing import Backoff, Deadline
from .wire.endpoint import USER_AGENT, Endpoint, Proxy, masked_headers
from .wire.site import Site
from .wire.tap import Tap

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext

    from typing_extensions import Self, Unpack

    from .wire.http import HttpConnection

__all__ = [
    "Client",
    "ClientOptions",
    "Credential",
    "SubscribeOptions",
    "check_options",
    "clients",
]

T = TypeVar("T")
Credential: TypeAlias = "str | Secret | Callable[[], str | Secret]"
"""What a credential may be given as: text, a `Secret`, or a callable, asked for each connection."""

_REGISTRY: dict[str, type[Client]] = {}

TELLING = ("auth", "cookie", "key", "pass", "secret", "session", "sign", "token")
"""Words in the name of a header that make its value a credential, which nothing may show."""
SHORTEST_HEADER = 8
"""The fewest characters of such a value that count: fewer stand in any text by chance."""


class ClientOptions(TypedDict, total=False):
    """The keyword arguments that every client's constructor takes.

    ``url`` and ``http_url`` replace the venue's own; ``timeout`` is the default of every call, in
    seconds (10.0). ``delivery`` says where callbacks run: ``"thread"`` (the default) on the
    client's dispatch thread; ``"inline"`` on its reader, where a blocking call raises
    `ReentrantCall`; ``"pump"`` in the thread that calls `Client.pump`; a callable ``post`` where it
    runs the function that it is given, once for each burst, from any thread. ``reconnect`` is the
    rhythm of reconnecting, and ``quota`` bounds how often all clients that share one do it (by
    default one of 10 attempts a second, 20 at once, for all clients of the process with the same
    host and port); ``on_state`` and ``on_error`` are as the methods of these names. The rest
    concerns the connection: ``ssl_context`` or ``ca_file``, ``proxy`` (an HTTP proxy) or
    ``environment_proxy``, ``headers``, ``user_agent`` and ``max_message`` (bytes).
    """

    url: str
    http_url: str
    timeout: float
    delivery: DeliveryChoice
    reconnect: Backoff
    quota: AttemptQuota
    on_state: Callable[[StateChange], object]
    on_error: Callable[[BaseException], object]
    ssl_context: SSLContext
    ca_file: str | Path
    proxy: Proxy | str
    environment_proxy: bool
    headers: Mapping[str, str]
    user_agent: str
    max_message: int


class SubscribeOptions(TypedDict, total=False):
    """The keyword arguments that every ``subscribe…`` method takes, and what they all promise.

    ``on_gap`` is called with each `Gap`, before the next event; ``conflate`` keeps only the newest
    value of each key; ``max_queue`` bounds the events that wait for the consumer; ``timeout`` is
    in seconds. With ``stale_after``, ``on_gap`` is told, by one `Gap` with `GapReason.STALE`, of
    each silence of that many seconds while the client is connected: never early, and within
    2.5 seconds after. Any event of the stream ends a silence, one that the subscription filters
    out or that cannot be read too; so does a reconnection.

    A callback is called with each event, one at a time, perhaps before ``subscribe…`` has returned;
    where callbacks run is told at `venuesdk.Client`. Without one the subscription is iterated, or
    asked by `Subscription.get`; then ``on_gap`` runs in the thread that does so, and it is logged
    as a warning where there is none.

    ``subscribe…`` waits for a connection, and for the venue's yes, and raises what every call
    raises (`venuesdk.Client`); after an error there is no subscription, and a stream that the venue
    confirms too late is ended again. It is asked for anew on every later connection; where the
    venue then refuses it, it ends with that error, which goes to `Client.on_error`.
    """

    on_gap: Callable[[Gap], object] | None
    conflate: bool
    max_queue: int | None
    stale_after: float | None
    timeout: float | None


class Client:
    """One blocking, thread-safe client of one venue; the base of all of them.

    Any thread may call any method. `connect` (or ``with``) comes first; from then on the client
    keeps itself connected until `close`. In a forked child every call raises `ClientClosed`.

    **Calls.** Whatever asks the venue for something blocks until the answer, for ``timeout``
    seconds in all (the client's own where it is ``None``), and raises:

    - `ValueError` or `TypeError` for arguments that cannot be, before anything is sent;
    - `NotSent` where not one byte left, or will: the time was up before it was its turn, or there
      is no connection. A read and a ``subscribe…`` wait for the next one, once the client has
      been connected; anything else raises at once;
    - `RequestRejected`, or a kind of it, where the venue said no; `AuthenticationError` also
      where it refused a later login, from then on until `connect` is called again;
    - `RequestTimeout`, `ConnectionLost`, `ClientClosed`, `VenueUnavailable` or `ProtocolError`,
      whose ``outcome_unknown`` says whether the request may have been carried out. What may have
      left is never sent again. Take Ctrl-C inside a call for an unknown outcome too;
    - `ReentrantCall` in an ``inline`` callback; nothing was sent.

    **Callbacks** run on a thread of the client's own, one after the other, in the order of their
    events, unless ``delivery=`` (`venuesdk.ClientOptions`) says otherwise. They may block, call,
    subscribe, and close the client. What one raises goes to `on_error`, and stops nothing. An
    answer may overtake events that still wait for their callback.
    """

    venue: ClassVar[str]
    codec: ClassVar[type[Codec]]
    credentials: ClassVar[Mapping[str, str]]
    optional_credentials: ClassVar[frozenset[str]]

    def __init_subclass__(
        cls,
        *,
        venue: str = "",
        codec: type[Codec] | None = None,
        credentials: Mapping[str, str] | None = None,
        optional_credentials: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init_subclass__(**options)
        if not venue:
            return
        if codec is None:
            raise TypeError(f"the client of {venue} needs a codec")
        cls.venue = venue
        cls.codec = codec
        cls.credentials = dict(credentials or {})
        cls.optional_credentials = frozenset(optional_credentials)
        if "__init__" in vars(cls):
            _shield(cls)
        _REGISTRY[venue] = cls

    def __init__(
        self,
        credentials: Mapping[str, Credential | None],
        *,
        codec: type[Codec] | None = None,
        first_connect: str = "raise",
        **options: Unpack[ClientOptions],
    ) -> None:
        known = ClientOptions.__annotations__
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise TypeError(f"{type(self).__name__} takes no argument {unknown[0]!r}")
        self._given = {name: _checked(name, value) for name, value in credentials.items()}
        self._codec_class = codec or self.codec
        self._options = options
        mask_logs()
        self._timeout = Deadline(options.get("timeout", 10.0)).timeout or 0.0
        if self._timeout <= 0:
            raise ValueError("a client's timeout must be more than 0 seconds")
        for name in ("url", "http_url"):
            if options.get(name) == "":
                raise ValueError(f"{name} is empty; leave it out for the venue's own")
        reconnect = options.get("reconnect", Backoff())
        if not isinstance(reconnect, Backoff):
            raise TypeError(f"reconnect is a Backoff, not {reconnect!r}")
        quota = options.get("quota")
        if not isinstance(quota, (AttemptQuota, type(None))):
            raise TypeError(f"quota is an AttemptQuota, not {quota!r}")
        self._url = options.get("url") or self._codec_class.url
        self._http_url = options.get("http_url") or self._codec_class.http_url or ""
        proxy = options.get("proxy")
        if isinstance(proxy, str):
            proxy = options["proxy"] = Proxy.parse(proxy)
        self._endpoint = self._make_endpoint(self._url)
        self._check_http()
        self._fetch = Fetcher(self.venue, self._make_http)
        self._taps: list[Tap] = []
        self._delivery = make_delivery(options.get("delivery", "thread"), self.venue)
        self._mask = self._delivery.journal.mask
        known_now = (one for one in self._given.values() if isinstance(one, Secret))
        self._mask.learn((*known_now, *self._other_secrets()))
        plan = Plan(
            self.venue,
            self._make_codec,
            self._endpoint_at,
            self._fetch,
            self._timeout,
            reconnect,
            persistent=first_connect == "background",
            quota=quota or quota_of(self._endpoint.host, self._endpoint.port),
            taps=self._taps,
        )
        self._session = Session(plan, self._delivery, self._resolve_credentials)
        if "on_state" in options:
            self.on_state(options["on_state"])
        if "on_error" in options:
            self.on_error(options["on_error"])

    # Connecting ----------------------------------------------------------------------------------

    def connect(self, timeout: float | None = None) -> Self:
        """Connect and log in, and return the client.

        Blocks for `timeout` seconds at the longest (the client's by default). Raises what went
        wrong at once: `ConnectFailed`, `ConnectTimeout`, `AuthenticationError`, and where the
        venue ends or garbles the login `ConnectionLost` or `ProtocolError`; only after a first
        success does the client reconnect by itself. Does nothing where it is connected, or
        reconnecting, already; after a login that was refused it tries again.

        Credentials that are callables are called here, on this thread, and what they raise is
        passed on; for later connections they are called on a thread of their own, and what they
        raise is a failed attempt, after which there is another.
        """
        self._delivery.refuse_reentrant("connect")
        self._session.connect(self._deadline(timeout))
        return self

    def close(self) -> None:
        """Close for good.

        Returns within two seconds, from any thread, callbacks included, in any state. Requests
        under way raise `ClientClosed`; streams end. A callback that is still running is named in
        a warning and not waited for.
        """
        self._session.close()

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the client is closed; return False where `timeout` seconds came first.

        Blocks, and can be interrupted by Ctrl-C. Raises `AuthenticationError` where the venue
        refuses a later login.
        """
        self._delivery.refuse_reentrant("wait")
        return self._session.standing.await_close(Deadline(timeout))

    def wait_state(self, *states: State, timeout: float | None = None, epoch: int = 0) -> bool:
        """Wait until the client stands in one of `states`; return False where time ran out first.

        ``wait_state(State.CONNECTED)`` waits until requests go out at once; with
        ``epoch=client.stats().epoch + 1`` until they do on the next connection. Blocks for
        `timeout` seconds at the longest (for ever by default), and can be interrupted by Ctrl-C. A
        state that comes and goes at once may be missed: ``on_state`` hears of each. Raises
        `ClientClosed` where the client is closed meanwhile, and `AuthenticationError` where the
        venue refuses a later login, unless that is the state waited for.
        """
        if not states or not all(isinstance(state, State) for state in states):
            raise TypeError(f"wait for one State, or several, not for {states!r}")
        if type(epoch) is not int:
            raise TypeError(f"epoch is the number of a connection, not {epoch!r}")
        deadline = Deadline(timeout)
        self._delivery.refuse_reentrant("wait_state")
        return self._session.standing.await_state(states, epoch, deadline)

    def pump(self, timeout: float | None = 0.0, max_events: int | None = None) -> int:
        """Run the callbacks that are due, on this thread; return how many items there were.

        Only with ``delivery="pump"``: else raises `ValueError`. Waits up to `timeout` seconds for
        the first one (``None``: until there is one, or the client is closed), and runs what stands
        in the line then, `max_events` of it at the most. Belongs to the thread that calls it first:
        any other gets a `ValueError`. Raises `ReentrantCall` inside itself.
        """
        return self._delivery.pump(timeout, max_events)

    @property
    def state(self) -> State:
        """Where the client stands now, as a `State`; any thread may ask, and it never waits."""
        return self._session.standing.state

    @property
    def delivery(self) -> DeliveryChoice:
        """Where callbacks run: what the client was made with."""
        return self._options.get("delivery", "thread")

    @property
    def connected(self) -> bool:
        """Whether requests go out at once; it may be otherwise by the time you ask."""
        return self._session.standing.connected

    def on_state(self, callback: Callable[[StateChange], object]) -> None:
        """Call `callback` with every `StateChange`, where callbacks run, in order.

        Several may be given, one after the other; there is no way to take one back.
        """
        check_callback("on_state", callback)
        self._session.standing.handlers.append(callback)

    def on_error(self, callback: Callable[[BaseException], object]) -> None:
        """Call `callback` with every error that no caller waits for, where callbacks run.

        Those are exceptions in callbacks, frames and events that cannot be read, refused replays.
        Without any `on_error`, and where each of them raised, they go with their traceback to the
        log and to `threading.excepthook`, which shows them on standard error even where the
        program has not set logging up.
        """
        check_callback("on_error", callback)
        self._delivery.error_handlers.append(callback)

    def stats(self) -> Stats:
        """Return the client's counters, as they are now; `Stats.prometheus` makes text of them.

        From any thread. `ClientClosed` in a forked child: it is the parent that has the client.
        """
        return self._session.overview.stats()

    def dump(self) -> str:
        """Return all that a bug report needs about the client, as text for people.

        Versions, options, the state, the connection, counters, waiting requests, subscriptions,
        the callback that is running, the stacks of the threads that have to do with the client,
        the last errors and state changes. No credential, no payload, no local variable.

        From any thread, a signal handler included, in every state, of a closed client and in a
        forked child too. It waits for nothing: where another thread is stuck with a lock, it says
        so after a tenth of a second, and goes on without. Never raises.
        """
        return text_of_dump(self.dump_data())

    def dump_data(self) -> dict[str, Any]:
        """Return what `dump` does as plain values: dicts, lists, text, numbers and None."""
        name, variables = type(self).__name__, self.credentials
        given = {one: how_given(self._given.get(one), variables[one]) for one in variables}
        return dump_of(
            self._session, name, self._endpoint, self._http_url, self._options, given
        )

    def __repr__(self) -> str:
        # A traceback that captures locals may show it half made.
        session = vars(self).get("_session")
        state = "half made" if session is None else session.standing.state.value
        return f"<{type(self).__name__} {state}>"

    # For the venues ------------------------------------------------------------------------------

    def _request(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        timeout: float | None = None,
        *,
        wait: bool | None = None,
    ) -> T:
        return self._request_until(request, decode, self._deadline(timeout), wait=wait)

    def _request_until(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        deadline: Deadline,
        *,
        wait: bool | None = None,
    ) -> T:
        """Ask on the socket; no error shows a credential that the venue sent back."""
        self._delivery.refuse_reentrant("a request")
        try:
            asking = self._session.asking
            return self._read(asking.request(request, deadline, wait), decode, request)
        except VenueError as error:
            raise self._redacted(error)  # noqa: B904 - the same error, without a traceback perhaps

    def _read(self, payload: bytes, decode: Callable[[bytes], T], request: Request) -> T:
        """Decode an answer; one that cannot be read leaves the outcome unknown."""
        try:
            return decode(payload)
        except ProtocolError as error:
            error.venue = error.venue or self.venue
            error.outcome_unknown = True
            raise
        except VenueError:
            raise
        except Exception as error:
            raise ProtocolError(
                f"the answer to {request.method} cannot be read: {type(error).__name__}",
                venue=self.venue,
                outcome_unknown=True,
                frame=payload,
            ) from error

    def _redacted(self, error: VenueError) -> VenueError:
        """Return the error without any credential: in what it says, and in its traceback."""
        redact(error, self._delivery.secrets)
        return error

    def _subscribe(
        self,
        topic: Topic,
        callback: Callable[[T], object] | None,
        options: SubscribeOptions,
    ) -> Subscription[T]:
        return self._subscribe_all([topic], callback, options)[0]

    def _subscribe_all(
        self,
        topics: Sequence[Topic],
        callback: Callable[[T], object] | None,
        options: SubscribeOptions,
        wire_options: Mapping[str, Any] | None = None,
        cancels: Callable[[Topic], bool] | None = None,
    ) -> list[Subscription[T]]:
        check_options(options)
        make: Any = SinkSubscription if isinstance(callback, Sink) else Subscription
        subscriptions: list[Subscription[T]] = [
            make(
                topic,
                self._delivery,
                callback,
                options.get("on_gap"),
                options.get("conflate", False),
                options.get("max_queue"),
                options.get("stale_after"),
            )
            for topic in topics
        ]
        self._delivery.refuse_reentrant("subscribe")
        try:
            self._session.subscribing.subscribe(
                subscriptions,
                self._deadline(options.get("timeout")),
                wire_options or {},
                cancels,
                self._codec_class.grouped,
            )
        except VenueError as error:
            raise self._redacted(error)  # noqa: B904 - as above
        return subscriptions

    def _unsubscribe(
        self, request: Request, cancels: Callable[[Topic], bool], timeout: float | None = None
    ) -> None:
        self._delivery.refuse_reentrant("unsubscribe")
        try:
            self._session.subscribing.unsubscribe(request, cancels, self._deadline(timeout))
        except VenueError as error:
            raise self._redacted(error)  # noqa: B904 - as above

    def _unsubscribe_one(
        self, subscription: Subscription[Any], timeout: float | None = None
    ) -> None:
        self._delivery.refuse_reentrant("unsubscribe")
        if not subscription.belongs_to(self._delivery):
            raise ValueError(f"{subscription!r} is of another client")
        try:
            self._session.subscribing.unsubscribe_one(subscription, self._deadline(timeout))
        except VenueError as error:
            raise self._redacted(error)  # noqa: B904 - as above

    def _topics(self) -> list[Topic]:
        """Return every topic that somebody listens to."""
        return self._session.topics()

    def _http(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Ask over HTTP; a relative URL is a path on the client's ``http_url``."""
        self._delivery.refuse_reentrant("a request")
        response, failure = None, None
        try:
            response = self._fetch(request, deadline)
        except VenueError as error:
            failure = error
            raise
        finally:
            for tap in tuple(self._taps):
                tap.exchanged(request, response, failure)
            del failure
        return response

    def _resolve_credentials(self) -> Mapping[str, Secret]:
        """Return the credentials as given, or from the environment.

        Raises `ValueError` where a required one is missing.
        """
        found: dict[str, Secret] = {}
        for name, variable in self.credentials.items():
            given = self._given.get(name)
            value: Credential | None = os.environ.get(variable) if given is None else given
            if value:
                found[name] = resolve(value)
            elif name not in self.optional_credentials:
                raise ValueError(
                    f"{type(self).__name__} needs {name}= or the environment variable {variable}"
                )
        secrets = (*found.values(), *self._other_secrets())
        if secrets != self._delivery.secrets:
            self._delivery.secrets = secrets
            self._mask.learn(secrets)
            for tap in tuple(self._taps):
                tap.learn(secrets)
        return found

    def _other_secrets(self) -> list[Secret]:
        """Return what else may be one: headers whose names say so, and a proxy's password."""
        headers, proxy = self._endpoint.headers, self._endpoint.proxy
        found = [] if proxy is None or proxy.password is None else [proxy.password]
        for name, value in headers.items():
            if any(word in name.lower() for word in TELLING):
                # Of "Bearer …" the second word alone may be repeated.
                parts = {str(value), value.rpartition(" ")[2]}
                found += [Secret(part) for part in parts if len(part) >= SHORTEST_HEADER]
        return found

    def _deadline(self, timeout: float | None) -> Deadline:
        return Deadline(self._timeout if timeout is None else timeout)

    # For what is built on the clients ------------------------------------------------------------

    def _tap(self, tap: Tap) -> None:
        """Let `tap` hear of every frame from now on."""
        self._taps.append(tap)
        # Afterwards: credentials that come meanwhile are told of here or there.
        tap.learn(self._delivery.secrets)

    def _untap(self, tap: Tap) -> None:
        """Let `tap` hear of nothing more, but for what is being told now."""
        with suppress(ValueError):
            self._taps.remove(tap)

    def _watch(self, watch: Callable[[StateChange], object]) -> None:
        """Let `watch` hear of every change of state as it happens; it neither waits nor raises."""
        with self._session.standing.lock:
            self._session.standing.watchers.append(watch)

    def _unwatch(self, watch: Callable[[StateChange], object]) -> None:
        """Let `watch` hear of nothing more."""
        with self._session.standing.lock, suppress(ValueError):
            self._session.standing.watchers.remove(watch)

    def _report(self, error: Exception) -> None:
        """Tell ``on_error`` of an error that no caller waits for."""
        self._delivery.report(error)

    def _use(self, dial: Dial, make_http: Callable[[], Http]) -> None:
        """Speak to something else than a venue; before the first `connect`."""
        self._fetch = Fetcher(self.venue, make_http)
        self._session.use(dial, self._fetch)

    # Making the parts ----------------------------------------------------------------------------

    def _make_codec(self, credentials: Mapping[str, Secret]) -> Codec:
        return self._codec_class(credentials, self._url, self._http_url)

    def _make_endpoint(self, url: str) -> Endpoint:
        options = self._options
        chosen: dict[str, Any] = {
            name: options[name]
            for name in (
                "headers",
                "user_agent",
                "ssl_context",
                "ca_file",
                "proxy",
                "environment_proxy",
                "max_message",
            )
            if name in options
        }
        return Endpoint(url, has_credentials=bool(self.credentials), **chosen)

    def _endpoint_at(self, url: str) -> Endpoint:
        return self._endpoint if url == self._url else evolve(self._endpoint, url=url)

    def _check_http(self) -> None:
        """Find what is wrong with the HTTP side now, and not in the middle of an outage.

        What it needs is imported now too: Python leaves every thread that waits for an import
        waiting for ever where Ctrl-C breaks it off on another, and in an outage many would.
        """
        Site(self._http_url, **self._http_options())
        if self._http_url:
            from .wire import http  # noqa: F401

    def _http_options(self) -> dict[str, Any]:
        options = self._options
        return {
            "headers": options.get("headers") or {},
            "user_agent": options.get("user_agent") or USER_AGENT,
            "proxy": options.get("proxy"),
            "environment_proxy": options.get("environment_proxy", False),
            "has_credentials": bool(self.credentials),
        }

    def _make_http(self) -> HttpConnection:
        from .wire.http import HttpConnection

        return HttpConnection(
            self._http_url,
            ssl_context=self._options.get("ssl_context"),
            ca_file=self._options.get("ca_file"),
            **self._http_options(),
        )


def clients() -> dict[str, type[Client]]:
    """Return the registered clients by the name of their venue."""
    return dict(_REGISTRY)


def check_options(options: SubscribeOptions) -> None:
    """Raise for a keyword that no subscription takes: a misspelt one, most often."""
    unknown = sorted(set(options) - set(SubscribeOptions.__annotations__))
    if unknown:
        raise TypeError(f"a subscription takes no argument {unknown[0]!r}")


def _checked(name: str, value: Credential | None) -> Credential | None:
    if value is None or isinstance(value, Secret) or callable(value):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, a Secret or a callable, not {type(value).__name__}")
    return Secret(value)


def _shield(cls: type[Client]) -> None:
    """Let a venue's constructor see its arguments only in a form that no traceback shows.

    A mistake in one argument is raised through frames that hold all of them.
    """
    init: Callable[..., None] = cls.__init__
    names = tuple(cls.credentials)

    @functools.wraps(init)
    def shielded(self: Client, *arguments: Any, **options: Any) -> None:
        # In place, for this frame is in the traceback too.
        for name in names:
            if type(options.get(name)) is str and options[name]:
                options[name] = Secret(options[name])
        if isinstance(options.get("headers"), Mapping):
            options["headers"] = masked_headers(options["headers"])
        if type(options.get("proxy")) is str:
            options["proxy"] = MaskedText(options["proxy"])
        init(self, *arguments, **options)

    cls.__init__ = shielded  # type: ignore[method-assign]
