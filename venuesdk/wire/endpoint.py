"""Where a connection goes, and the limits it keeps: frozen values, checked when they are made.

Nothing here opens a socket, and no ``repr`` shows what may be a credential.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from ssl import SSLContext
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

from venuesdk._version import __version__
from venuesdk.secret import MaskedText, Secret

__all__ = [
    "MAX_FRAGMENTS",
    "MAX_MESSAGE",
    "USER_AGENT",
    "Endpoint",
    "Proxy",
    "is_loopback",
    "masked_headers",
    "without_query",
]

USER_AGENT = f"venuesdk/{__version__}"
MAX_MESSAGE = 16 * 1024 * 1024
"""The longest message, in bytes, that a connection accepts unless told otherwise."""
MAX_FRAGMENTS = 128 * 1024
"""The largest number of frames that one message may come in."""

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OURS = frozenset({"host", "upgrade", "connection", "content-length", "transfer-encoding"})
_CREDENTIALS = frozenset({"authorization", "cookie"})


def is_loopback(host: str) -> bool:
    """Return whether `host` names this machine, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_query(url: str) -> str:
    """Return `url` for people to read: a query string may hold a key, so it is left out."""
    head, mark, _ = url.partition("?")
    return f"{head}?…" if mark else head


def _parts(url: object, what: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split a URL, refusing what could smuggle a header line or hide a credential."""
    if not isinstance(url, str):
        raise TypeError(f"{what} is text, not {type(url).__name__}")
    if any(not 0x20 < ord(letter) < 0x7F or letter == "\\" for letter in url):
        raise ValueError(f"{what} may hold only visible ASCII characters: percent-encode the rest")
    if "#" in url:
        raise ValueError(f"{what} cannot have a fragment")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{what} has a bad host or port") from None
    if parts.scheme not in schemes:
        raise ValueError(f"{what} must begin with {' or '.join(s + '://' for s in schemes)}")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(f"{what} has a bad port")
    if not host:
        raise ValueError(f"{what} has no host")
    if "[" in parts.netloc:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(f"{what} has a bad host") from None
    elif not _HOST_NAME.fullmatch(host):
        raise ValueError(f"{what} has a bad host")
    return parts


def _check_text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{what} is text, not {type(value).__name__}")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F or ord(letter) > 0xFF for letter in value):
        raise ValueError(f"{what} may not hold control characters, nor any outside Latin-1")


def _check_headers(headers: Mapping[str, str]) -> None:
    seen = set()
    for name, value in headers.items():
        if not isinstance(name, str):
            raise TypeError(f"a header name is text, not {type(name).__name__}")
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise ValueError("a header name may hold only the characters of an HTTP token")
        if lower in _OURS or lower.startswith(("sec-websocket-", "proxy-")):
            raise ValueError(f"the header {name} belongs to the connection and cannot be set")
        if lower in seen:
            raise ValueError(f"the header {name} is given twice")
        seen.add(lower)
        _check_text(value, f"the header {name}")


def _check_limit(value: object, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is a whole number, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1")


def _names_only(headers: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: …" for name in headers) + "}"


def _to_secret(value: Secret | str | None) -> Secret | None:
    return Secret(value) if isinstance(value, str) else value


def masked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return a copy of headers that nobody can change, and whose ``repr`` shows no value."""
    return MappingProxyType(
        {
            name: MaskedText(value) if isinstance(value, str) else value
            for name, value in headers.items()
        }
    )


@frozen
class Proxy:
    """An HTTP proxy that is asked, by CONNECT, for a tunnel to the endpoint.

    ``url`` is ``http://host:port`` and nothing more. The proxy sees the host and port of the
    endpoint and its own ``username`` and ``password``, never a header of the endpoint.
    """

    url: str
    username: str | None = None
    password: Secret | None = field(default=None, converter=_to_secret)

    def __attrs_post_init__(self) -> None:
        parts = _parts(self.url, "a proxy URL", ("http",))
        if "@" in parts.netloc:
            raise ValueError("a proxy URL cannot hold credentials: use username= and password=")
        if parts.path not in ("", "/") or parts.query:
            raise ValueError("a proxy URL is http://host:port")
        if self.username is not None:
            _check_text(self.username, "a proxy user name")
            if ":" in self.username:
                raise ValueError("a proxy user name cannot hold a colon")
        if self.password is not None:
            if not isinstance(self.password, Secret):
                raise TypeError("a proxy password is a Secret or text")
            if self.username is None:
                raise ValueError("a proxy password needs a username")

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Read ``http://user:password@host:port``, as the environment and users write it."""
        if not isinstance(url, str):
            raise TypeError(f"a proxy URL is text, not {type(url).__name__}")
        # No text of it may stand in a frame that something is raised through.
        url = MaskedText(url)
        return cls(*_proxy_parts(url))

    @property
    def host(self) -> str:
        """The proxy's host, an IPv6 address without its brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The proxy's port, 80 where the URL has none."""
        return urlsplit(self.url).port or 80


def _proxy_parts(url: str) -> tuple[str, str | None, Secret | None]:
    head, mark, rest = url.partition("://")
    if not mark:
        head, rest = "http", url
    userinfo, at, place = rest.rpartition("@")
    if not at:
        return f"{head}://{place}", None, None
    username, colon, password = userinfo.partition(":")
    secret = Secret(unquote(password)) if colon and password else None
    return f"{head}://{place}", unquote(username), secret


def _to_proxy(value: Proxy | str | None) -> Proxy | None:
    return value if value is None or isinstance(value, Proxy) else Proxy.parse(value)


@frozen
class Endpoint:
    """One WebSocket address, what is sent along with it, and the limits of the connection.

    ``headers`` are sent with the upgrade request; ``origin`` only where it is set.
    ``ssl_context`` replaces the process-wide default context (which trusts the system's
    authorities), ``ca_file`` trusts only that file; give one of the two at most. There is no
    switch that turns verification off. The environment's proxies are used only with
    ``environment_proxy``. ``has_credentials`` says that secrets travel on this connection: then
    ``ws://`` is refused except to this machine. Everything is checked here, with ``ValueError``
    and ``TypeError`` that hold no value of a header and no query string.
    """

    url: str = field(repr=lambda url: repr(without_query(url)))
    headers: Mapping[str, str] = field(factory=dict, converter=masked_headers, repr=_names_only)
    user_agent: str = USER_AGENT
    origin: str | None = None
    ssl_context: SSLContext | None = field(default=None, repr=False)
    ca_file: str | Path | None = None
    proxy: Proxy | None = field(default=None, converter=_to_proxy)
    environment_proxy: bool = False
    max_message: int = MAX_MESSAGE
    max_fragments: int = MAX_FRAGMENTS
    has_credentials: bool = False

    def __attrs_post_init__(self) -> None:
        parts = _parts(self.url, "an endpoint URL", tuple(_DEFAULT_PORTS))
        if "@" in parts.netloc:
            raise ValueError("an endpoint URL cannot hold credentials")
        _check_headers(self.headers)
        _check_text(self.user_agent, "the User-Agent")
        names = {name.lower() for name in self.headers}
        if self.origin is not None:
            _check_text(self.origin, "the Origin")
            if "origin" in names:
                raise ValueError("the Origin is given twice")
        _check_limit(self.max_message, "max_message")
        _check_limit(self.max_fragments, "max_fragments")
        if self.ssl_context is not None and not isinstance(self.ssl_context, SSLContext):
            raise TypeError("ssl_context must be an ssl.SSLContext")
        if self.ssl_context is not None and self.ca_file is not None:
            raise ValueError("give ssl_context or ca_file, not both")
        secret = self.has_credentials or not names.isdisjoint(_CREDENTIALS)
        if secret and not self.secure and not is_loopback(self.host):
            raise ValueError("credentials go over ws:// only to this machine: use wss://")

    @property
    def host(self) -> str:
        """The host, an IPv6 address without its brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port: the URL's, else 80 for ``ws`` and 443 for ``wss``."""
        parts = urlsplit(self.url)
        return parts.port or _DEFAULT_PORTS[parts.scheme]

    @property
    def secure(self) -> bool:
        """Whether the connection is TLS."""
        return urlsplit(self.url).scheme == "wss"

    @property
    def authority(self) -> str:
        """The host and, where it is not the scheme's own, the port, as ``Host`` carries them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == _DEFAULT_PORTS["wss" if self.secure else "ws"]
        return host if usual else f"{host}:{self.port}"

    @property
    def resource(self) -> str:
        """The path and the query, as the request line carries them; it may hold a key."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
