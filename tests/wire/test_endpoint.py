"""Endpoints and proxies are checked when they are made, and show no credential."""

from __future__ import annotations

import ssl

import pytest

from venuesdk._version import __version__
from venuesdk.secret import Secret
from venuesdk.wire.endpoint import Endpoint, Proxy, is_loopback, without_query


@pytest.mark.parametrize(
    ("url", "host", "port", "secure", "resource", "authority"),
    [
        ("wss://api.example.com", "api.example.com", 443, True, "/", "api.example.com"),
        ("ws://API.example.com:80/a", "api.example.com", 80, False, "/a", "api.example.com"),
        ("ws://h:443", "h", 443, False, "/", "h:443"),
        ("wss://h:9443/p/q?k=v&x=%20", "h", 9443, True, "/p/q?k=v&x=%20", "h:9443"),
        ("ws://[::1]:8000?q", "::1", 8000, False, "/?q", "[::1]:8000"),
        ("wss://[::1]/", "::1", 443, True, "/", "[::1]"),
    ],
)
def test_a_url_is_taken_apart(url, host, port, secure, resource, authority):
    """Host, port, security and resource follow from the URL (RFC 6455, section 3)."""
    endpoint = Endpoint(url)
    assert (endpoint.host, endpoint.port) == (host, port)
    assert (endpoint.secure, endpoint.resource) == (secure, resource)
    assert endpoint.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "http://h/",
        "https://h/",
        "ws:///path",
        "ws://",
        "ws://h/#fragment",
        "ws://h/#",
        "ws://user@h/",
        "ws://user:pass@h/",
        "ws://h:0/",
        "ws://h:/",
        "ws://h:65536/",
        "ws://h:port/",
        "ws://h:-1/",
        "ws://[::1/",
        "ws://[nonsense]/",
        "ws://[v1.future]/",
        "ws://h\r\nX: y/",
        "ws://h/\r\nX: y",
        "ws://h/\0",
        "ws://h/a b",
        "ws://h/\tx",
        "ws://h\\evil/",
        "ws://h/ü",
        "ws://hü/",
        "ws://h!/",
    ],
)
def test_a_bad_url_is_refused(url):
    """What is not a plain ws or wss URL is a ValueError before anything is sent."""
    with pytest.raises(ValueError):
        Endpoint(url)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"upgrade": "x"},
        {"Connection": "close"},
        {"Content-Length": "0"},
        {"Sec-WebSocket-Key": "x"},
        {"sec-websocket-protocol": "x"},
        {"Proxy-Authorization": "x"},
        {"": "x"},
        {"A B": "x"},
        {"A:": "x"},
        {"A\r\nB": "x"},
        {"A": "x\r\nB: y"},
        {"A": "x\0"},
        {"A": "x\x7f"},
        {"A": "€"},
        {"X-Key": "1", "x-key": "2"},
    ],
)
def test_a_bad_header_is_refused(headers):
    """Headers that would break the request, or take over the connection's own, are refused."""
    with pytest.raises(ValueError):
        Endpoint("wss://h/", headers=headers)


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": b"ws://h/"},
        {"headers": {"A": 1}},
        {"headers": {1: "A"}},
        {"user_agent": None},
        {"origin": 1},
        {"max_message": "1"},
        {"max_message": True},
        {"max_fragments": 1.5},
        {"ssl_context": "no"},
        {"proxy": 5},
    ],
)
def test_a_value_of_the_wrong_type_is_refused(arguments):
    """A wrong type is a TypeError when the endpoint is made."""
    with pytest.raises(TypeError):
        Endpoint(**{"url": "wss://h/", **arguments})


@pytest.mark.parametrize(
    "arguments",
    [
        {"user_agent": "x\r\ny"},
        {"origin": "x\ny"},
        {"origin": "https://a", "headers": {"origin": "https://b"}},
        {"max_message": 0},
        {"max_fragments": -1},
        {"ca_file": "x.pem", "ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
    ],
)
def test_a_value_that_makes_no_sense_is_refused(arguments):
    """A value that could not work is a ValueError when the endpoint is made."""
    with pytest.raises(ValueError):
        Endpoint("wss://h/", **arguments)


def test_credentials_travel_in_clear_only_to_this_machine():
    """With credentials, ws:// is refused except to loopback; wss:// is not."""
    for url in ("ws://127.0.0.1/", "ws://127.8.9.1:80/", "ws://[::1]:1/", "ws://LocalHost:1/"):
        assert Endpoint(url, has_credentials=True).has_credentials
    assert Endpoint("wss://api.example.com/", has_credentials=True)
    assert Endpoint("ws://api.example.com/")
    for url in ("ws://api.example.com/", "ws://10.0.0.1/", "ws://localhost.example.com/"):
        with pytest.raises(ValueError, match="wss://"):
            Endpoint(url, has_credentials=True)
        with pytest.raises(ValueError, match="wss://"):
            Endpoint(url, headers={"Authorization": "Bearer x"})


def test_loopback_is_known_without_a_name_server():
    """Only addresses and the name localhost count as this machine."""
    assert is_loopback("::1")
    assert is_loopback("127.255.0.1")
    assert not is_loopback("example.com")
    assert not is_loopback("0.0.0.0")


def test_the_repr_shows_no_header_value_and_no_query(canaries):
    """Header values, query strings and proxy passwords are in no repr."""
    endpoint = Endpoint(
        f"wss://h/path?wsApiKey={canaries.api_key}",
        headers={"X-Api-Key": canaries.api_secret},
        proxy=f"http://me:{canaries.token}@proxy:3128",
    )
    text = f"{endpoint!r} {endpoint.proxy!r} {without_query(endpoint.url)} {endpoint.headers!r}"
    assert not canaries.found_in(text)
    assert "wss://h/path?…" in text
    assert "X-Api-Key" in text
    assert without_query("ws://h/") == "ws://h/"


def test_an_error_about_a_value_does_not_show_it(canaries):
    """A refused URL or header is not repeated in the message."""
    for make in (
        lambda: Endpoint(f"ws://h/?{canaries.token}#"),
        lambda: Endpoint(f"ws://u:{canaries.token}@h/"),
        lambda: Endpoint("ws://h/", headers={"A": canaries.token + "\n"}),
        lambda: Proxy(f"http://u:{canaries.token}@h/"),
    ):
        with pytest.raises(ValueError) as caught:
            make()
        assert not canaries.found_in(str(caught.value))


def test_the_headers_cannot_be_changed_later():
    """An endpoint keeps its own copy of the headers."""
    headers = {"A": "1"}
    endpoint = Endpoint("wss://h/", headers=headers)
    headers["B"] = "2"
    assert dict(endpoint.headers) == {"A": "1"}
    with pytest.raises(TypeError):
        endpoint.headers["B"] = "2"


def test_the_user_agent_names_the_version():
    """By default the SDK says who it is."""
    assert Endpoint("wss://h/").user_agent == f"venuesdk/{__version__}"


def test_a_proxy_is_read_as_the_environment_writes_it():
    """User and password are taken out of the URL, percent-decoded."""
    proxy = Endpoint("wss://h/", proxy="http://me:p%40ss%3A@proxy.example:3128").proxy
    assert (proxy.host, proxy.port, proxy.username) == ("proxy.example", 3128, "me")
    assert proxy.password.reveal() == "p@ss:"
    assert Proxy.parse("proxy.example:8080") == Proxy("http://proxy.example:8080")
    assert Proxy.parse("http://me@[::1]").username == "me"
    assert Proxy("http://[::1]").host == "::1"
    assert Proxy("http://p").port == 80
    assert Proxy("http://p", "u", "pw").password == Secret("pw")


@pytest.mark.parametrize(
    "arguments",
    [
        ("https://p:1",),
        ("socks5://p:1",),
        ("http://p:1/path",),
        ("http://p:1/?q",),
        ("http://u@p:1",),
        ("http://p:1", "a:b"),
        ("http://p:1", "a\r\nb"),
        ("http://p:1", None, "password"),
    ],
)
def test_a_bad_proxy_is_refused(arguments):
    """Only http://host:port is a proxy, and a password needs a user."""
    with pytest.raises(ValueError):
        Proxy(*arguments)


def test_a_proxy_of_the_wrong_type_is_refused():
    """A password is text or a Secret."""
    with pytest.raises(TypeError):
        Proxy("http://p:1", "user", 5)
    with pytest.raises(TypeError):
        Proxy.parse(5)
