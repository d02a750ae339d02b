"""Where HTTP requests may go, and what is refused before anything is opened."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from venuesdk.errors import ConnectFailed
from venuesdk.models import HttpRequest
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.exchange import Exchange
from venuesdk.wire.site import Site

NOW = Deadline(None)


def laid_out(site: Site, url: str, **options: Any) -> Exchange:
    """Return what a GET of a URL becomes."""
    return site.exchange(HttpRequest("GET", url, **options), NOW)


@pytest.mark.parametrize(
    ("base", "url", "shown", "target"),
    [
        ("https://v.test", "/a", "https://v.test/a", "/a"),
        ("https://v.test/", "/a", "https://v.test/a", "/a"),
        ("https://v.test/api", "/a?k=1", "https://v.test/api/a", "/api/a?k=1"),
        ("https://v.test/api/", "", "https://v.test/api", "/api"),
        ("https://v.test", "", "https://v.test/", "/"),
        ("https://v.test/api", "?k=1", "https://v.test/api", "/api?k=1"),
        ("https://v.test", "//evil.test/a", "https://v.test//evil.test/a", "//evil.test/a"),
        ("https://v.test/api", "https://v.test/b?k", "https://v.test/b", "/b?k"),
        ("https://v.test/api", "https://V.test:443/b", "https://V.test:443/b", "/b"),
        ("", "https://v.test/b?k=1", "https://v.test/b", "/b?k=1"),
        ("", "http://[::1]:8080", "http://[::1]:8080/", "/"),
    ],
)
def test_a_url_becomes_a_place_that_may_be_shown_and_a_target(
    base: str, url: str, shown: str, target: str
) -> None:
    """Paths are appended, never resolved: no path leads to another host."""
    exchange = laid_out(Site(base), url)
    assert exchange.url == shown
    assert exchange.target == target
    assert exchange.deadline is NOW


@pytest.mark.parametrize(
    "url",
    [
        "https://other.test/a", "http://v.test/a", "https://v.test:8443/a", "a", "ftp://v.test/",
        "/a#part", "/a b", "/é", "/a\tb", "https://user:pass@v.test/", "https://v.test:0/",
        "https://v.test:99999/", "https://",
    ],
)  # fmt: skip
def test_urls_that_lead_elsewhere_or_nowhere(url: str) -> None:
    """Another host, scheme or port, credentials, fragments and what is not ASCII are refused."""
    with pytest.raises(ValueError, match=r"URL"):
        laid_out(Site("https://v.test"), url)


@pytest.mark.parametrize("url", ["", "/a", "v.test/a", "ws://v.test/"])
def test_without_a_base_url_a_url_is_whole(url: str) -> None:
    """A path alone leads nowhere."""
    with pytest.raises(ValueError, match=r"URL"):
        laid_out(Site(), url)


@pytest.mark.parametrize(
    "base", ["v.test", "ws://v.test", "https://v.test?k=1", "https://u@v.test", "https://v.test#a"]
)
def test_base_urls_that_are_none(base: str) -> None:
    """A base URL is scheme, host, port and path."""
    with pytest.raises(ValueError, match="URL"):
        Site(base)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (HttpRequest("GET", 7), TypeError),  # type: ignore[arg-type]
        (HttpRequest(b"GET", "/"), TypeError),  # type: ignore[arg-type]
        (HttpRequest("GÉT", "/"), TypeError),
        (HttpRequest("", "/"), ValueError),
        (HttpRequest("GET /", "/"), ValueError),
        (HttpRequest("POST", "/", body="text"), TypeError),  # type: ignore[arg-type]
        (HttpRequest("POST", "/", body=bytearray(b"x")), TypeError),  # type: ignore[arg-type]
        (HttpRequest("GET", "/", {"Host": "x"}), ValueError),
        (HttpRequest("GET", "/", {"content-length": "1"}), ValueError),
        (HttpRequest("GET", "/", {"Transfer-Encoding": "x"}), ValueError),
        (HttpRequest("GET", "/", {"Connection": "close"}), ValueError),
        (HttpRequest("GET", "/", {"Proxy-Authorization": "x"}), ValueError),
        (HttpRequest("GET", "/", {"X": "€"}), ValueError),
        (HttpRequest("GET", "/", {"X": 1}), TypeError),  # type: ignore[dict-item]
        (HttpRequest("GET", "/", {"X Y": "1"}), ValueError),
        (HttpRequest("GET", "/", {"": "1"}), ValueError),
    ],
)
def test_requests_that_cannot_be_sent(request_: HttpRequest, error: type[Exception]) -> None:
    """Wrong types, odd methods, and headers that belong to the connection are refused."""
    with pytest.raises(error):
        Site("https://v.test").exchange(request_, NOW)


def test_a_method_goes_out_in_capitals() -> None:
    """``get`` is what people write."""
    assert Site("https://v.test").exchange(HttpRequest("get", "/"), NOW).method == "GET"


@pytest.mark.parametrize("headers", [{"Authorization": "x"}, {"COOKIE": "x"}])
def test_credentials_do_not_travel_in_clear_text(headers: dict[str, str]) -> None:
    """``http://`` with credentials leads to this machine alone, wherever they are given."""
    with pytest.raises(ValueError, match="only to this machine"):
        Site("http://v.test", headers)
    with pytest.raises(ValueError, match="only to this machine"):
        laid_out(Site("http://v.test"), "/", headers=headers)
    with pytest.raises(ValueError, match="only to this machine"):
        laid_out(Site("", headers), "http://v.test/")
    with pytest.raises(ValueError, match="only to this machine"):
        Site("http://v.test", has_credentials=True)
    for place in ("http://127.0.0.1:8080", "http://[::1]", "http://localhost", "https://v.test"):
        laid_out(Site(place, headers, has_credentials=True), "/")
    laid_out(Site("http://v.test"), "/")


def test_credentials_for_this_machine_do_not_pass_a_proxy() -> None:
    """A proxy would read what ``http://`` carries through it."""
    with pytest.raises(ValueError, match="only to this machine"):
        Site("http://127.0.0.1", has_credentials=True, proxy="http://proxy.test:3128")


def test_the_proxy_is_the_one_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that was given stands before the environment's, which must be asked for."""
    monkeypatch.setenv("https_proxy", "http://env.test:1")
    monkeypatch.delenv("no_proxy", raising=False)
    given = Proxy("http://given.test:2")
    from_environment = Proxy("http://env.test:1")
    assert laid_out(Site("https://v.test"), "/").proxy is None
    assert laid_out(Site("https://v.test", proxy=given), "/").proxy is given
    asked = Site("https://v.test", environment_proxy=True)
    assert laid_out(asked, "/").proxy == from_environment
    both = Site("https://v.test", proxy=given, environment_proxy=True)
    assert laid_out(both, "/").proxy is given
    here = Site("https://127.0.0.1", environment_proxy=True)
    assert laid_out(here, "/").proxy is None


def test_an_environment_that_names_no_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a failed connection: the program is right, the machine is not."""
    monkeypatch.setenv("https_proxy", "https://proxy.test:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ConnectFailed, match="environment"):
        laid_out(Site("https://v.test", environment_proxy=True), "/")


def test_a_site_is_frozen_and_shows_no_header(canaries: Any) -> None:
    """Changing the mapping that was given changes nothing, and the repr holds no value of it."""
    headers = {"X-Key": canaries.api_key}
    site = Site("https://v.test", headers, proxy=f"http://desk:{canaries.token}@p.test:1")
    headers["X-Key"] = "other"
    assert laid_out(site, "/").headers["X-Key"] == canaries.api_key
    assert canaries.found_in(site) == []
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        site.base_url = "https://other.test"  # type: ignore[misc]
