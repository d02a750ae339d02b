"""Infinex's codec, refusals and routes without a socket; then the client against the simulator.

The frames that the documents show are on the venue's tape; here is what lies between them. That
nothing is carried out twice is judged by the simulated venue's own list of orders.
"""

from __future__ import annotations

import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from venuesdk.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    InsufficientFunds,
    InvalidRequest,
    NotSent,
    OrderNotFound,
    ProtocolError,
    RateLimitExceeded,
    ReentrantCall,
    RequestRejected,
    VenueUnavailable,
)
from venuesdk.models import HttpResponse, State
from venuesdk.protocol.codec import Rejection, Request, Response
from venuesdk.secret import Secret
from venuesdk.testing import simulate
from venuesdk.timing import Backoff
from venuesdk.venues.infinex import InfinexClient, InfinexCodec, Network, TwoFactorRequired
from venuesdk.venues.infinex.refusals import judge, refusal
from venuesdk.venues.infinex.routes import PATHS, http_request, only_reads, read_answer

KEY = "infinex-key-of-a-test"
ORDER = {
    "pair": "BPX/USDT",
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "price": Decimal("0.0001"),
    "amount": Decimal("100.50"),
    "resp_type": "ACK",
}
NEW = "/spot/open_orders/new"
NETWORKS = (
    Network("ETH", "Ethereum / ERC20", "/ico/eth.svg"),
    Network("TRX", "Tron / TRC20", "/ico/trx.svg"),
)


@pytest.fixture
def codec():
    """A codec of one new connection."""
    return InfinexCodec({"api_key": Secret(KEY)})


def req(path, read=False, **post):
    """Make the request that the client makes of a call."""
    return Request("req", {"url": path, "post": post} if post else {"url": path}, read=read)


def answer(codec, id, **members):
    """Decode the venue's answer to request `id`."""
    (message,) = codec.decode(json.dumps({"class": "resp", "id": id, **members}).encode())
    return message


class TestFrames:
    def test_the_key_goes_where_the_document_wants_one_and_nowhere_else(self, codec):
        """Private paths and unknown ones get the key; public ones and the login do not."""
        sent = {
            path: json.loads(codec.encode(1, req(path, offset=0)))["post"]
            for path in ("/wallet/balances", "/later/path", "/spot/trades", "/account/login")
        }
        keyed = {path for path, post in sent.items() if post.pop("api_key", None) == KEY}
        assert keyed == {"/wallet/balances", "/later/path"}
        assert all(post == {"offset": 0} for post in sent.values())

    def test_a_private_path_without_parameters_still_has_its_key(self, codec):
        """The key alone is a `post`; without a key there is no `post` at all."""
        assert json.loads(codec.encode(1, req("/wallet/addressbook")))["post"] == {"api_key": KEY}
        assert "post" not in json.loads(codec.encode(2, req("/spot/config")))

    def test_unknown_paths_do_without_a_key_where_there_is_none(self):
        """Only what is known to need a key is refused without one."""
        codec = InfinexCodec({})
        assert "post" not in json.loads(codec.encode(1, req("/later/path")))
        with pytest.raises(ValueError, match="api_key"):
            codec.encode(2, req("/wallet/balances"))

    def test_amounts_are_written_as_text_without_an_exponent(self, codec):
        """A Decimal becomes the text that the venue's validator takes, digit by digit."""
        text = codec.encode(1, req(NEW, amount=Decimal("1E-10"), price=Decimal("2500.0000")))
        assert '"amount":"0.0000000001"' in text
        assert '"price":"2500.0000"' in text

    def test_the_heartbeat_is_a_ping_with_an_id(self, codec):
        """The venue's own ping is asked as any request is."""
        assert json.loads(codec.encode(7, codec.heartbeat())) == {"op": "ping", "id": 7}

    def test_http_carries_the_post_object_alone(self):
        """The body over HTTP is what `post` is on the socket, and {} where that is left out."""
        request = http_request(req("/wallet/networks", asset="USDT"), {})
        assert (request.method, request.url) == ("POST", "/wallet/networks")
        assert request.headers == {"Content-Type": "application/json"}
        assert json.loads(request.body) == {"asset": "USDT"}
        assert http_request(req("/spot/config"), {}).body == b"{}"

    def test_no_representation_of_a_request_shows_the_key(self, codec):
        """The key is only in the frame and in the body, never in what describes them."""
        request = http_request(req("/wallet/balances", offset=0), codec.credentials)
        assert KEY.encode() in request.body
        assert KEY not in repr(request)


class TestAnswers:
    @pytest.mark.parametrize("id", [None, "2", 2.0, True, [2]])
    def test_an_answer_without_an_id_of_ours_is_a_protocol_error(self, codec, id):
        """An id that is no integer belongs to nobody."""
        with pytest.raises(ProtocolError, match="no id of ours"):
            answer(codec, id, success=True)

    @pytest.mark.parametrize("frame", [b"", b"{", b"[]", b"5", b"null", b'"x"', b"\xff"])
    def test_what_is_no_object_is_a_protocol_error(self, codec, frame):
        """A frame that cannot be read is reported, never dropped."""
        with pytest.raises(ProtocolError):
            codec.decode(frame)

    @pytest.mark.parametrize("success", ["true", 1, None])
    def test_a_success_that_is_no_flag_leaves_the_outcome_unknown(self, codec, success):
        """Where the transport says neither yes nor no nobody can know what became of it."""
        message = answer(codec, 1, success=success)
        assert isinstance(message, Rejection)
        assert type(message.error) is ProtocolError
        assert message.error.outcome_unknown

    def test_a_request_whose_answer_has_no_body_is_not_a_success(self, codec):
        """Only a ping succeeds without a body."""
        codec.encode(1, req(NEW))
        message = answer(codec, 1, success=True)
        assert type(message.error) is ProtocolError
        codec.encode(2, Request("ping", read=True))
        assert answer(codec, 2, success=True) == Response(2, b"")

    def test_a_second_answer_to_one_request_is_judged_on_its_own(self, codec):
        """What was asked is forgotten with its answer; a duplicate is no error of the codec."""
        codec.encode(1, req("/spot/config", read=True))
        assert not answer(codec, 1, success=False, error="API unavailable").error.outcome_unknown
        assert answer(codec, 1, success=False, error="API unavailable").error.outcome_unknown

    def test_requests_that_are_never_answered_are_forgotten(self, codec):
        """What the codec remembers of unanswered requests is bounded."""
        for id in range(1, 6000):
            codec.encode(id, Request("ping", read=True))
        assert len(codec._asked) <= 4096


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "kind", "code", "message"),
        [
            ("Missing data", InvalidRequest, None, "Missing data"),
            ("Order not found", OrderNotFound, None, "Order not found"),
            ("INSUF_FUNDS", InsufficientFunds, None, "INSUF_FUNDS"),
            ("INSUF_TRADE_AMOUNT", InvalidRequest, None, "INSUF_TRADE_AMOUNT"),
            ("Unauthorized", AuthenticationError, None, "Unauthorized"),
            ("Something new", RequestRejected, None, "Something new"),
            ("", RequestRejected, None, "refused without a reason"),
            (None, RequestRejected, None, "refused without a reason"),
            (["x"], RequestRejected, None, '["x"]'),
            (
                [Decimal("1e9999")],
                RequestRejected,
                None,
                "a reason that cannot be shown",
            ),
            ({"code": "NOT_FOUND", "msg": "No"}, RequestRejected, "NOT_FOUND", "No"),
            ({"code": "MISSNIG_DATA", "msg": "No"}, InvalidRequest, "MISSNIG_DATA", "No"),
            ({"code": "FORBIDDEN"}, AuthenticationError, "FORBIDDEN", "FORBIDDEN"),
            ({"msg": "No"}, RequestRejected, None, "No"),
            ({"code": 5}, RequestRejected, None, '{"code":5}'),
        ],
    )
    def test_an_error_is_text_an_object_or_nothing(self, error, kind, code, message):
        """Every form of the nested error is a refusal, of the class that its words have."""
        refused = refusal(error, read=False)
        assert type(refused) is kind
        assert (refused.code, refused.message) == (code, message)
        assert (refused.venue, refused.outcome_unknown) == ("infinex", False)

    @pytest.mark.parametrize(
        "error",
        ["API unavailable", {"code": "LEGACY_API_UNAVAILABLE", "msg": "x"}],
    )
    @pytest.mark.parametrize("read", [True, False])
    def test_a_gateways_word_leaves_unknown_what_may_have_been_done(self, error, read):
        """Behind a gateway an order may have been placed; of a read nothing is unknown."""
        refused = refusal(error, read)
        assert type(refused) is VenueUnavailable
        assert refused.outcome_unknown is not read

    @pytest.mark.parametrize(
        ("body", "provider"),
        [
            ('{"success":false,"need_2fa":true,"provider_2fa":"SMS","error":"2FA"}', "SMS"),
            ('{"success":false,"need_2fa":true}', ""),
            ('{"error":{"code":"REQUIRE_2FA","msg":"SMS"}}', "SMS"),
        ],
    )
    def test_a_wanted_second_factor_names_its_provider(self, body, provider):
        """The caller learns where the code comes from; nothing was done, and it pickles."""
        refused = judge(body.encode(), read=False)
        assert type(refused) is TwoFactorRequired
        assert (refused.provider, refused.outcome_unknown) == (provider, False)
        again = pickle.loads(pickle.dumps(refused))
        assert (again.provider, again.message) == (provider, refused.message)

    @pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'{"success":1}', b"{", b""])
    def test_a_body_that_says_neither_yes_nor_no_leaves_the_outcome_unknown(self, body):
        """Nothing is taken for a success that does not say that it is one."""
        error = judge(body, read=True)
        assert type(error) is ProtocolError
        assert error.outcome_unknown

    def test_a_null_error_beside_a_success_is_none(self):
        """Success decides."""
        assert judge(b'{"success":true,"error":null,"obid":1}', read=False) is None


class TestHttpAnswers:
    def response(self, status, body=b"", **headers):
        return HttpResponse(status, headers, body)

    def raised(self, *arguments, read=False, **headers):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            read_answer(self.response(*arguments, **headers), read)
        return caught.value

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
    def test_a_gateways_status_leaves_unknown_what_may_have_been_done(self, status):
        """5xx says nothing about the request; its body counts only in the gateway's form."""
        error = self.raised(status, b"<html>")
        assert type(error) is VenueUnavailable
        assert (error.status, error.outcome_unknown) == (status, True)
        assert not self.raised(status, read=True).outcome_unknown

    def test_the_time_to_wait_is_kept(self):
        """A Retry-After in seconds is on the error; a date is not read."""
        assert self.raised(503, b"", **{"retry-after": "7"}).retry_after == 7.0
        assert self.raised(503, b"", **{"retry-after": "Wed, 21 Oct"}).retry_after is None
        limited = self.raised(429, b"", **{"retry-after": "3"})
        assert type(limited) is RateLimitExceeded
        assert (limited.retry_after, limited.code) == (3.0, 429)

    @pytest.mark.parametrize(
        ("status", "body", "kind", "code"),
        [
            (401, {"code": "UNAUTHORIZED", "msg": "no"}, AuthenticationError, "UNAUTHORIZED"),
            (403, {"code": "INVALID_2FA", "msg": "no"}, AuthenticationError, "INVALID_2FA"),
            (404, {"code": "INVALID_ENDPOINT", "msg": "no"}, InvalidRequest, "INVALID_ENDPOINT"),
            (400, {"code": "NEW_CODE", "msg": "no"}, InvalidRequest, "NEW_CODE"),
            (409, {"code": "CONFLICT", "msg": "no"}, RequestRejected, "CONFLICT"),
            (404, None, InvalidRequest, 404),
            (403, "text", AuthenticationError, 403),
            (418, None, RequestRejected, 418),
        ],
    )
    def test_other_refusals_have_the_gateways_code_or_the_status(self, status, body, kind, code):
        """A 4xx was not carried out; the venue's own code is kept where there is one."""
        error = self.raised(status, json.dumps({"error": body}).encode() if body else b"<html>")
        assert type(error) is kind
        assert (error.code, error.outcome_unknown) == (code, False)

    def test_the_second_factor_has_a_status_of_its_own(self):
        """511 wants a second factor, whether or not the body says where from."""
        body = b'{"error":{"code":"REQUIRE_2FA","msg":"Google Authenticator"}}'
        assert self.raised(511, body).provider == "Google Authenticator"
        assert type(self.raised(511)) is TwoFactorRequired

    @pytest.mark.parametrize("status", [201, 204, 302])
    def test_a_status_that_is_neither_is_no_answer(self, status):
        """Redirects are not followed, and only 200 carries an answer."""
        error = self.raised(status)
        assert type(error) is ProtocolError
        assert error.outcome_unknown

    @pytest.mark.parametrize(
        "networks",
        ["5", '[{"description":"d","icon_url":"i"}]', '{"ETH":{"description":"d"}}', "{"],
    )
    def test_a_body_that_cannot_be_read_leaves_the_outcome_unknown(self, monkeypatch, networks):
        """The venue said yes; what else it said has another form than the documented one."""
        client = InfinexClient(route="http")
        body = f'{{"success":true,"networks":{networks}}}'.encode()
        monkeypatch.setattr(client, "_http", lambda *_: HttpResponse(200, {}, body))
        with pytest.raises(ProtocolError) as caught:
            client.networks("ETH")
        assert caught.value.outcome_unknown
        assert caught.value.venue == "infinex"


class TestTable:
    def test_what_moves_money_or_orders_is_never_a_read(self):
        """The paths that change something, by the venue's document, are not sent twice."""
        for path in (
            NEW,
            "/spot/open_orders/cancel",
            "/wallet/withdraw",
            "/wallet/withdraw/cancel",
            "/wallet/transfer",
            "/wallet/deposit",
            "/wallet/addressbook/delete",
            "/wallet/addressbook/rename",
            "/account/api_keys/new",
            "/account/api_keys/edit",
            "/account/api_keys/remove",
            "/account/session/kill",
            "/account/login",
            "/account/logout",
        ):
            assert path in PATHS
            assert not only_reads(path)

    @pytest.mark.parametrize("path", ["/spot/open_orders/", "/Spot/open_orders", "/other"])
    def test_what_is_not_in_the_table_is_not_a_read(self, path):
        """Another spelling is another path: it may do anything."""
        assert not only_reads(path)


class Asked(InfinexClient):
    """A client that keeps its request instead of sending it."""

    requested: Request

    def _request(self, request, decode, timeout=None, *, wait=None):
        self.requested = request


class TestArguments:
    @pytest.fixture
    def client(self):
        return InfinexClient(api_key=KEY)

    def test_a_ping_only_reads(self):
        """It may wait for a connection, and be sent again."""
        client = Asked(api_key=KEY)
        client.ping()
        assert client.requested == Request("ping", read=True)

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/",
            "wallet/networks",
            "//wallet/networks",
            "/wallet//networks",
            "/wallet/../account",
            "/wallet/./networks",
            "/wallet/networks?asset=x",
            "/wallet/net works",
            "/wallet/networks\r\nX: y",
            "/wallet/networks\n",
            "/wallet/%2e%2e/x",
            "/wallet\\x",
            "/wallet/networks#x",
            "https://api.infinex.cc/wallet/networks",
        ],
    )
    def test_only_a_plain_path_is_taken(self, client, path):
        """What could lead elsewhere, or smuggle a line, is refused before anything is sent."""
        with pytest.raises(ValueError, match="a path begins with one /"):
            client.request(path)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((5,), TypeError),
            (("/spot/config", [1]), TypeError),
            (("/spot/config", {1: 2}), TypeError),
            (("/spot/config", {"a": float("nan")}), ValueError),
            (("/spot/config", {"a": Secret("x")}), TypeError),
            (("/wallet/balances", {"api_key": "x"}), ValueError),
        ],
    )
    def test_parameters_that_cannot_be_sent_are_refused(self, client, arguments, error):
        """They are a mapping of JSON values, and the key is not among them."""
        with pytest.raises(error):
            client.request(*arguments)

    @pytest.mark.parametrize(("asset", "error"), [("", ValueError), (5, TypeError)])
    def test_an_asset_is_text(self, client, asset, error):
        """An empty asset is refused too."""
        with pytest.raises(error):
            client.networks(asset)

    def test_a_path_that_needs_a_key_is_refused_without_one(self, monkeypatch):
        """Before anything is sent, on whatever route; the environment counts as a key."""
        client = InfinexClient(route="http")
        with pytest.raises(ValueError, match="VENUESDK_INFINEX_API_KEY"):
            client.request("/wallet/balances", {"offset": 0})
        monkeypatch.setenv("VENUESDK_INFINEX_API_KEY", KEY)
        assert client._has_key()

    def test_an_unknown_route_is_refused(self):
        """There are three routes."""
        with pytest.raises(ValueError, match="auto, websocket, http"):
            InfinexClient(route="tcp")

    def test_sides_of_different_venues_are_not_mixed(self):
        """Where only one address is given, a request never goes to the other, real one."""
        socket, web = "ws://127.0.0.1:9", "http://127.0.0.1:9"
        assert InfinexClient(url=socket).route == "websocket"
        assert InfinexClient(http_url=web).route == "http"
        assert InfinexClient(url=socket, http_url=web).route == "auto"
        assert InfinexClient().route == "auto"


@pytest.fixture
def venue(canaries):
    """A simulated Infinex that moves only when told."""
    with simulate("infinex", interval=None, api_key=canaries.api_key) as venue:
        yield venue


@pytest.fixture
def make(venue):
    """Make clients of the simulated venue, and close them afterwards."""
    clients = []

    def make(route="auto", **options):
        options = {"api_key": venue.api_key, "reconnect": Backoff(0.01, maximum=0.05)} | options
        client = InfinexClient(url=venue.url, http_url=venue.http_url, route=route, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def lose_socket(venue, client):
    """Take the socket away, and wait until the client knows."""
    lost = threading.Event()
    client.on_state(lambda change: change.state is State.RECONNECTING and lost.set())
    venue.refuse_connections()
    assert lost.wait(5)


class TestSocket:
    def test_calls_have_ids_from_one_up_and_typed_results(self, venue, make):
        """A ping, a typed method and the general request, each with the next id."""
        client = make("websocket").connect()
        client.ping()
        assert client.networks("USDT") == NETWORKS
        assert client.networks("BPX") == ()
        body = client.request("/wallet/balances", {"symbols": ["BTC"]})
        assert body["balances"]["BTC"]["total"] == "2.50000000"
        assert [json.loads(text)["id"] for _, text in venue.received] == [1, 2, 3, 4]
        assert venue.http_received == []

    def test_answers_in_any_order_find_their_callers(self, venue, make):
        """Eight callers at once, answered in reverse, each get their own answer."""
        client = make("websocket").connect()
        venue.reorder(8)
        assets = ["USDT", "ETH", "BTC", "BPX"] * 2
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(client.networks, assets))
        expected = {"USDT": 2, "ETH": 1, "BTC": 1, "BPX": 0}
        assert [len(networks) for networks in answers] == [expected[asset] for asset in assets]

    def test_the_apis_refusal_is_typed_and_says_what_was_asked(self, venue, make, canaries):
        """A nested refusal has its class, and a request without the key."""
        client = make("websocket").connect()
        with pytest.raises(OrderNotFound, match="Order not found") as caught:
            client.request("/spot/open_orders/cancel", {"obid": 5})
        assert caught.value.request.fields["post"] == {"obid": 5}
        assert not canaries.found_in(caught.value)
        with pytest.raises(InvalidRequest, match="Invalid endpoint"):
            client.request("/spot/nothing")
        assert client.stats().rejections == 2

    def test_a_second_factor_is_asked_for_and_given(self, make):
        """A withdrawal wants a code first, and succeeds with it."""
        client = make("websocket").connect()
        withdrawal = {
            "asset": "USDT",
            "network": "TRX",
            "address": "T",
            "amount": Decimal("10.00"),
            "fee": Decimal("1"),
        }
        with pytest.raises(TwoFactorRequired) as caught:
            client.request("/wallet/withdraw", withdrawal)
        assert caught.value.provider == "Google Authenticator"
        assert client.request("/wallet/withdraw", withdrawal | {"code_2fa": "123456"})["xid"] > 0

    def test_an_order_while_the_socket_is_down_is_not_sent(self, venue, make):
        """Without the HTTP side nothing goes out, and the venue has no order."""
        client = make("websocket").connect()
        lose_socket(venue, client)
        with pytest.raises(NotSent) as caught:
            client.request(NEW, ORDER)
        assert not caught.value.outcome_unknown
        assert (venue.orders, venue.http_received) == ([], [])

    def test_a_read_waits_for_the_socket(self, venue, make):
        """What only reads waits for the connection within its deadline."""
        client = make("websocket").connect()
        lose_socket(venue, client)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.networks, "USDT", timeout=5)
            venue.refuse_connections(False)
            assert waiting.result(5) == NETWORKS

    def test_a_socket_that_cannot_be_had_fails_the_first_connect(self, venue, make):
        """Only the automatic route does without."""
        venue.refuse_connections(status=404)
        with pytest.raises(ConnectFailed):
            make("websocket").connect()
        venue.refuse_connections(status=403)
        with pytest.raises(AuthenticationError):
            make("websocket").connect()


class TestHttp:
    def test_the_documents_curl_is_what_is_sent(self, venue, make):
        """POST to the path, a JSON content type, and the parameters alone as the body."""
        client = make("http")
        assert client.networks("USDT") == NETWORKS
        (request,) = venue.http_received
        assert (request.method, request.path) == ("POST", "/wallet/networks")
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.body) == {"asset": "USDT"}

    def test_no_socket_is_opened(self, venue, make):
        """Connecting does nothing, a ping is refused, and calls work all the same."""
        with make("http") as client:
            assert client.connect() is client
            with pytest.raises(ValueError, match="needs a socket"):
                client.ping()
            assert client.request(NEW, ORDER)["obid"] == 955
        assert venue.accepted == 0
        assert [order.route for order in venue.orders] == ["http"]

    def test_a_closed_client_refuses_calls(self, venue, make):
        """After `close` nothing is sent, and nothing can be opened again."""
        client = make("http")
        client.networks("USDT")
        client.close()
        for call in (lambda: client.networks("USDT"), client.connect):
            with pytest.raises(ClientClosed):
                call()
        assert len(venue.http_received) == 1

    def test_closing_ends_a_call_under_way(self, venue, make):
        """A call that waits for its answer ends with the client; it may have been carried out."""
        client = make("http")
        venue.mute(http=True)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.request, NEW, ORDER)
            assert venue.wait_for(lambda venue: venue.http_received)
            client.close()
            with pytest.raises(ClientClosed) as caught:
                waiting.result(5)
        assert caught.value.outcome_unknown

    def test_refusals_are_those_of_the_socket(self, make, canaries):
        """The same errors, with what was asked and without the key."""
        client = make("http")
        with pytest.raises(OrderNotFound) as caught:
            client.request("/spot/open_orders/cancel", {"obid": 5})
        assert caught.value.request.fields == {
            "url": "/spot/open_orders/cancel",
            "post": {"obid": 5},
        }
        assert not canaries.found_in(caught.value)
        with pytest.raises(InvalidRequest) as caught:
            client.request("/spot/nothing")
        assert caught.value.code == "INVALID_ENDPOINT"
        with pytest.raises(AuthenticationError, match="Unauthorized"):
            make("http", api_key="another-key").request("/wallet/balances", {"offset": 0})

    def test_an_api_that_is_lost_behind_its_gateway_is_unavailable(self, venue, make):
        """HTTP 500: of an order nobody knows what became, of a read nothing is lost."""
        client = make("http")
        venue.api_unavailable(executes_first=True)
        with pytest.raises(VenueUnavailable) as caught:
            client.request(NEW, ORDER)
        assert (caught.value.status, caught.value.outcome_unknown) == (500, True)
        assert len(venue.orders) == 1
        with pytest.raises(VenueUnavailable) as caught:
            client.networks("USDT")
        assert not caught.value.outcome_unknown

    def test_a_callable_key_is_asked_only_where_it_is_needed(self, venue, make, canaries):
        """Public paths never ask for the key."""
        asked = []

        def key():
            asked.append(1)
            return canaries.api_key

        client = make("http", api_key=key)
        client.networks("USDT")
        assert not asked
        client.request("/wallet/balances", {"offset": 0})
        assert asked == [1]


class TestAuto:
    def test_the_socket_is_used_while_it_is_there(self, venue, make):
        """Connected, nothing goes over HTTP."""
        client = make().connect()
        client.request(NEW, ORDER)
        assert [order.route for order in venue.orders] == ["websocket"]
        assert venue.http_received == []

    def test_before_connecting_requests_go_over_http(self, venue, make):
        """No socket, no waiting."""
        client = make()
        client.request(NEW, ORDER)
        assert [order.route for order in venue.orders] == ["http"]
        assert venue.accepted == 0

    def test_while_the_socket_is_down_requests_go_over_http_at_once(self, venue, make):
        """Orders too: they were certainly not sent on the socket. Once each."""
        client = make().connect()
        lose_socket(venue, client)
        assert client.request(NEW, ORDER)["status"] == "OPEN"
        assert client.networks("USDT") == NETWORKS
        assert [order.route for order in venue.orders] == ["http"]

    @pytest.mark.parametrize("status", [503, 404, 403])
    def test_a_first_connection_that_fails_is_no_error(self, venue, make, status):
        """Requests go over HTTP meanwhile."""
        venue.refuse_connections(status=status)
        with make() as client:
            assert not client.connected
            assert client.networks("USDT") == NETWORKS
            assert client.request(NEW, ORDER)["obid"] == 955

    def test_the_socket_is_used_again_once_it_is_back(self, venue, make):
        """The client goes on trying behind the first failure."""
        venue.refuse_connections()
        client = make().connect()
        back = threading.Event()
        client.on_state(lambda change: change.state is State.CONNECTED and back.set())
        venue.refuse_connections(False)
        assert back.wait(5)
        client.request(NEW, ORDER)
        assert [order.route for order in venue.orders] == ["websocket"]

    def test_an_order_is_not_repeated_where_the_api_was_unavailable(self, venue, make):
        """The gateway's word may come after the fact: one order, and the caller is told."""
        client = make().connect()
        venue.api_unavailable(http=False, executes_first=True)
        with pytest.raises(VenueUnavailable) as caught:
            client.request(NEW, ORDER)
        assert caught.value.outcome_unknown
        assert [order.route for order in venue.orders] == ["websocket"]
        assert venue.http_received == []

    def test_a_read_is_asked_over_http_where_the_api_was_unavailable(self, venue, make):
        """What changes nothing may be asked twice."""
        client = make().connect()
        venue.api_unavailable(http=False)
        assert client.networks("USDT") == NETWORKS
        assert [request.path for request in venue.http_received] == ["/wallet/networks"]

    def test_an_order_is_not_repeated_where_the_connection_broke_under_it(self, venue, make):
        """It left on the socket, so it never goes over HTTP: one order, outcome unknown."""
        client = make().connect()
        venue.mute()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.request, NEW, ORDER)
            assert venue.wait_for(lambda venue: venue.orders)
            venue.drop()
            with pytest.raises(ConnectionLost) as caught:
                waiting.result(5)
        assert caught.value.outcome_unknown
        assert [order.route for order in venue.orders] == ["websocket"]
        assert venue.http_received == []

    def test_a_read_is_asked_over_http_where_the_connection_broke_under_it(self, venue, make):
        """Its caller does not even notice."""
        client = make().connect()
        venue.mute()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.networks, "USDT")
            assert venue.wait_for(lambda venue: venue.received)
            venue.drop()
            assert waiting.result(5) == NETWORKS
        assert len(venue.http_received) == 1

    def test_a_path_that_no_table_knows_is_not_repeated(self, venue, make):
        """Whatever it does, it is done at most once."""
        client = make().connect()
        venue.api_unavailable(http=False)
        with pytest.raises(VenueUnavailable) as caught:
            client.request("/wallet/later")
        assert caught.value.outcome_unknown
        assert venue.http_received == []

    def test_a_refusal_by_the_api_is_final(self, venue, make):
        """A refused request is not tried on the other route."""
        client = make().connect()
        with pytest.raises(InvalidRequest):
            client.request("/spot/orderbook")
        assert venue.http_received == []

    def test_a_closed_client_refuses_calls(self, venue, make):
        """Closing closes both routes."""
        client = make().connect()
        client.close()
        with pytest.raises(ClientClosed):
            client.networks("USDT")
        assert venue.http_received == []

    def test_inside_an_inline_callback_a_call_is_refused_on_either_route(self, venue, make):
        """It would hold up the thread that keeps the connection alive."""
        raised = []
        told = threading.Event()
        client = make(delivery="inline").connect()

        def call(change):
            try:
                client.networks("USDT")
            except Exception as error:
                raised.append(type(error))
            told.set()

        client.on_state(call)
        venue.drop()
        assert told.wait(5)
        client.close()
        assert set(raised) == {ReentrantCall}
        assert venue.http_received == []
