"""Where HTTP requests may go, and what goes along with each: a frozen value, checked when made.

Nothing here opens a socket, and neither requests nor urllib3 is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from venuesdk.models import HttpRequest
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import USER_AGENT, Endpoint, Proxy, is_loopback, masked_headers
from venuesdk.wire.exchange import Exchange
from venuesdk.wire.proxy import environment_proxy

__all__ = ["Site"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CREDENTIALS = frozenset({"authorization", "cookie"})


def _to_proxy(value: Proxy | str | None) -> Proxy | None:
    """Return a proxy, which users may also write as a URL."""
    return Proxy.parse(value) if isinstance(value, str) else value


@frozen
class Site:
    """The place that a venue's HTTP requests go to.

    The paths of requests are appended to ``base_url``; where it is empty, requests carry whole
    URLs. ``headers`` go with every request, unless it has its own of the same name. Everything is
    checked here, with ValueError and TypeError that hold no value of a header and no query.
    """

    base_url: str = ""
    headers: Mapping[str, str] = field(factory=dict, converter=masked_headers, repr=False)
    user_agent: str = USER_AGENT
    proxy: Proxy | None = field(default=None, converter=_to_proxy)
    environment_proxy: bool = False
    has_credentials: bool = False

    def __attrs_post_init__(self) -> None:
        Endpoint("wss://localhost", self.headers, self.user_agent)
        if self.base_url:
            base = _checked(self.base_url)
            if base.query:
                raise ValueError("a base URL cannot have a query")
            self._refuse_clear_text(base, self.headers)

    def exchange(self, request: HttpRequest, deadline: Deadline) -> Exchange:
        """Return what is to be sent for `request`, laid out and checked.

        Raises ValueError or TypeError, and ConnectFailed where the environment names a proxy that
        cannot be used.
        """
        if not isinstance(request.method, str) or not request.method.isascii():
            raise TypeError("an HTTP method is ASCII text")
        if not request.method.isalpha():
            raise ValueError("an HTTP method is a word")
        if not isinstance(request.body, (bytes, type(None))):
            raise TypeError(f"a body is bytes or None, not {type(request.body).__name__}")
        parts = self._locate(request.url, request.headers)
        headers = {"Accept-Encoding": "gzip, deflate", "User-Agent": self.user_agent}
        headers = _merged(_merged(headers, self.headers), request.headers)
        self._refuse_clear_text(parts, headers)
        exchange = Exchange(deadline)
        exchange.method = request.method.upper()
        exchange.url = f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"
        exchange.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        exchange.headers = headers
        exchange.body = request.body
        exchange.proxy = self._proxy_for(parts)
        return exchange

    def _locate(self, url: str, headers: Mapping[str, str]) -> SplitResult:
        """Append a path to the base URL; a whole URL may not lead away from it."""
        if not isinstance(url, str):
            raise TypeError(f"a URL is text, not {type(url).__name__}")
        if self.base_url and (not url or url.startswith(("/", "?"))):
            return _checked(f"{self.base_url.rstrip('/')}{url}", headers)
        parts = _checked(url, headers)
        if self.base_url and _origin(parts) != _origin(urlsplit(self.base_url)):
            raise ValueError("a whole URL must lead to the host of the base URL")
        return parts

    def _refuse_clear_text(self, parts: SplitResult, headers: Mapping[str, str]) -> None:
        secret = self.has_credentials or not _CREDENTIALS.isdisjoint(map(str.lower, headers))
        if not secret or parts.scheme == "https":
            return
        if not is_loopback(parts.hostname or "") or self.proxy is not None:
            raise ValueError("credentials go over http:// only to this machine: use https://")

    def _proxy_for(self, parts: SplitResult) -> Proxy | None:
        host = parts.hostname or ""
        if self.proxy is not None or not self.environment_proxy or is_loopback(host):
            return self.proxy
        return environment_proxy(host, parts.scheme == "https")


def _checked(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> SplitResult:
    """Split a URL; what is sent to it keeps the rules of a WebSocket's opening request."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme.lower() not in _DEFAULT_PORTS:
        raise ValueError("a URL must begin with http:// or https://")
    Endpoint(f"wss://{rest}", headers)
    return urlsplit(url)


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]


def _merged(usual: Mapping[str, str], special: Mapping[str, str]) -> dict[str, str]:
    """Return both headers; where a name is in both, in whatever case, the special value."""
    names = {name.lower() for name in special}
    return {n: v for n, v in usual.items() if n.lower() not in names} | dict(special)
