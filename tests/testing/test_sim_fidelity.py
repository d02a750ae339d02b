"""The simulators against peers that nobody here wrote.

The official Onyx client runs on the simulated Onyx. The client of npm `rpc-websockets` runs on
the simulated Fuze, and a server of that library answers the same frames as the simulator does.
The npm library is installed outside the source tree, once per machine; where node, npm or the
registry is missing, those tests are skipped and say why.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from venuesdk.testing import simulate

RPC_WEBSOCKETS = "rpc-websockets@9.3.10"

pytestmark = pytest.mark.timeout(240)


# ---- Onyx: the official client -----------------------------------------------------------------


class Conversation:
    """The official client's messages, in two queues as its own tests have them."""

    def __init__(self, client: Any, url: str, token: str) -> None:
        self.responses: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.client = client.OnyxWebsocketClientV1(
            api_token=token,
            ws_url=url,
            on_response=lambda _, data: self.responses.put_nowait(data),
            on_event=lambda _, data: self.events.put_nowait(data),
            on_exit=lambda _: self.ended.set(),
        )

    async def response(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.responses.get(), 5.0)

    async def event(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.events.get(), 5.0)

    async def said(self, method: str, channel: str, **parameters: Any) -> str:
        getattr(self.client, method)(channel, **parameters)
        response = await self.response()
        assert response["method"] == method
        message = response["message"]["Message"]
        assert isinstance(message, str)
        return message


def converse(talk: Callable[[Conversation], Any], token: str | None = None) -> None:
    """Run a talk of the official client with a simulated Onyx that ticks by itself."""
    client = pytest.importorskip(
        "onyx_otc.websocket_v1", reason="the official Onyx client is not installed"
    )

    async def run() -> None:
        with simulate("onyx", interval=0.02) as venue:
            conversation = Conversation(client, venue.url, venue.token if token is None else token)
            task = asyncio.create_task(conversation.client.run())
            await conversation.client.connected(5.0)
            try:
                await talk(conversation)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_the_official_onyx_client_logs_in_and_gets_events_of_every_channel() -> None:
    """Its login succeeds, and each of its subscriptions brings the events that its tests want."""

    async def talk(onyx: Conversation) -> None:
        login = await onyx.response()
        assert (login["id"], login["method"], login["error"]) == ("msg:1", "auth", False)
        assert await onyx.said("subscribe", "server_info") == "subscribed to server_info"
        event = await onyx.event()
        assert event["channel"] == "server_info"
        assert {"uid", "timestamp", "age_millis"} <= event["message"].keys()
        assert await onyx.said("unsubscribe", "server_info") == "unsubscribed from server_info"

        for channel in ("dashboards", "snapshots"):
            assert await onyx.said("subscribe", channel) == f"subscribed to {channel}"
            while (event := await onyx.event())["channel"] != channel:
                pass
            assert event["message_type"] == 0
            assert event["message"]
            said = await onyx.said("subscribe", channel)
            assert said == f"already subscribed to {channel}"
            assert await onyx.said("unsubscribe", channel) == f"unsubscribed from {channel}"

        said = await onyx.said("subscribe", "tickers", products=["dub"])
        assert said == "subscribed to tickers for product dub"
        while (event := await onyx.event())["channel"] != "tickers":
            pass
        assert event["message_type"] == 1
        for ticker in event["message"]:
            assert 0.001 * ticker["timestamp_millis"] > 1_600_000_000
            assert float(ticker["mid"]) > 0
            assert ticker["product_symbol"] == "dub"

    converse(talk)


def test_the_official_onyx_client_is_refused_as_its_own_tests_expect() -> None:
    """The texts of refusals are those that the venue's tests saw from the venue."""

    async def talk(onyx: Conversation) -> None:
        await onyx.response()
        assert await onyx.said("subscribe", "tickers", products=[]) == "no products specified"
        said = await onyx.said("subscribe", "tickers", products=["gjhgjg"])
        assert said == "no permissions for product gjhgjg or product does not exist"
        assert await onyx.said("unsubscribe", "server_info") == "not subscribed to server_info"
        onyx.client.place_order(random=True)
        response = await onyx.response()
        assert response["error"] is True
        assert response["message"] == {"Message": "bad request"}

    converse(talk)


def test_the_official_onyx_client_without_a_token_is_told_to_log_in() -> None:
    """Without a token it sends no login, and its requests are refused."""

    async def talk(onyx: Conversation) -> None:
        said = await onyx.said("subscribe", "server_info")
        assert said == "authentication required for method subscribe"

    converse(talk, token="")


def test_the_official_onyx_client_sees_the_end_when_its_method_is_invalid() -> None:
    """The venue hangs up without a response, and the client's run ends."""

    async def talk(onyx: Conversation) -> None:
        await onyx.response()
        onyx.client.send({"id": "x", "method": "no such method"})
        await asyncio.wait_for(onyx.ended.wait(), 5.0)
        assert onyx.responses.empty()

    converse(talk)


# ---- Fuze: the library that its documents point to ---------------------------------------------

CLIENT = """
const { Client } = require("rpc-websockets");
const [url, key, secret, agent] = process.argv.slice(1);
const options = { autoconnect: false, reconnect: false };
if (agent) options.headers = { "user-agent": agent };
const client = new Client(url, options);
const told = [];
const done = () => { console.log(JSON.stringify(told)); process.exit(0); };
const tell = (name, promise) => promise.then(
  (result) => told.push([name, "result", result]),
  (error) => told.push([name, "error", error.code ?? error.message]));
client.on("error", (error) => { told.push(["connection", "error", error.message]); done(); });
client.on("open", async () => {
  await tell("too early", client.call("quote_request", { symbol: "BTC_USD", type: "RFQ" }));
  await tell("bad login", client.login({ apiKey: key, apiSecret: "wrong" }));
  await tell("login", client.login({ apiKey: key, apiSecret: secret }));
  await tell("quotes", client.call("quote_request", { symbol: "BTC_USD", type: "RFQ" }));
  await tell("market data", client.call("market_data_request"));
  await tell("nonsense", client.call("nonsense"));
  await tell("methods", client.listMethods());
  const event = new Promise((resolve) => client.on("quotes", resolve));
  await tell("subscribe", client.subscribe("quotes"));
  await tell("event", event);
  await tell("unsubscribe", client.unsubscribe("quotes"));
  done();
});
client.connect();
"""

SERVER = """
const { Server } = require("rpc-websockets");
const server = new Server({ port: 0, host: "127.0.0.1" });
server.setAuth(async (given) => given.apiKey === "key" && given.apiSecret === "secret");
server.register("quote_request", () => true).protected();
server.register("market_data_request", () => true).protected();
server.event("quotes").protected();
server.on("listening", () => console.log(server.wss.address().port));
"""


def rpc(method: Any, identifier: Any = 1, **fields: Any) -> str:
    """Return a request's text."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "id": identifier, **fields})


LOGIN = {"params": {"apiKey": "key", "apiSecret": "secret"}}
BEFORE_LOGIN = [
    rpc("quote_request"),
    rpc("quote_request", "text"),
    rpc("rpc.login"),
    rpc("rpc.login", params=None),
    rpc("rpc.login", params=0),
    rpc("rpc.login", params=""),
    rpc("rpc.login", params="text"),
    rpc("rpc.login", params={}),
    rpc("rpc.login", params=[]),
    rpc("rpc.login", params={"apiKey": "key", "apiSecret": "wrong"}),
    rpc("rpc.on", params=["quotes"]),
    rpc("rpc.on", params=["zzz"]),
    rpc("rpc.off", params=["quotes"]),
    rpc("rpc.on"),
    rpc("rpc.off", 0),
    "[" + rpc("rpc.login", 0, **LOGIN) + "," + rpc("quote_request", 2) + "]",
]
AFTER_LOGIN = [
    rpc("nonsense"),
    rpc("nonsense", 0),
    rpc("nonsense", None),
    rpc("nonsense", ""),
    rpc("nonsense", False),
    rpc("nonsense", 1.5),
    rpc("nonsense", {"a": 1}),
    rpc("nonsense", []),
    rpc("nonsense", True),
    '{"jsonrpc":"2.0","method":"nonsense"}',
    '{"jsonrpc":"2.0","method":"nonsense","id":12345678901234567890}',
    '{"jsonrpc":"2.0","method":"nonsense","id":9007199254740993}',
    '{"jsonrpc":"2.0","method":"nonsense","id":-123}',
    "5", "null", '"x"', "true", "{}", "[]", "[1,null,\"x\",{}]",
    '{"jsonrpc":"1.0","method":"nonsense","id":1}',
    '{"jsonrpc":2.0,"method":"nonsense","id":1}',
    '{"jsonrpc":"2.0","id":1}',
    rpc(None), rpc(""), rpc(0), rpc(5), rpc([]), rpc({"a": 1}), rpc(True),
    rpc("nonsense", params="text"), rpc("nonsense", params=""),
    rpc("nonsense", params=5), rpc("nonsense", params=None),
    rpc("rpc.login", params={"apiKey": "key", "apiSecret": "wrong"}),
    rpc("rpc.on", params=["quotes", "zzz"]),
    rpc("rpc.on", params=["quotes"]),
    rpc("rpc.off", params=["quotes", "zzz"]),
    rpc("rpc.off", params=["quotes"]),
    rpc("rpc.on", 0, params=["zzz"]),
    f"[{rpc('nonsense', 1)},{rpc('nonsense', 0)},{rpc('rpc.login', 3, **LOGIN)}]",
    '{"jsonrpc":"2.0",', "", "ping", '{"a":1}}', "[1,]", "undefined",
]  # fmt: skip


@pytest.fixture(scope="module")
def npm_home() -> Path:
    """Return a folder where the npm library is installed; skip where it cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on this machine")
    home = Path(tempfile.gettempdir()) / f"venuesdk-tests-{RPC_WEBSOCKETS}"
    if not (home / "node_modules" / "rpc-websockets").is_dir():
        with tempfile.TemporaryDirectory(dir=home.parent) as fresh:
            command = ["npm", "install", "--prefix", fresh, "--ignore-scripts", "--no-audit"]
            command += ["--no-fund", RPC_WEBSOCKETS, "ws"]
            try:
                done = subprocess.run(
                    command, cwd=fresh, capture_output=True, text=True, timeout=120, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip(f"npm did not install {RPC_WEBSOCKETS} within two minutes")
            if done.returncode:
                pytest.skip(f"npm cannot install {RPC_WEBSOCKETS}: {done.stderr[-300:]}")
            home.mkdir(exist_ok=True)
            # Somebody else who runs these tests may have been faster.
            with suppress(OSError):
                Path(fresh, "node_modules").rename(home / "node_modules")
    return home


def run_client(home: Path, venue: Any, agent: str) -> list[Any]:
    """Run the library's client against a venue, and return what it told."""
    done = subprocess.run(
        ["node", "-e", CLIENT, venue.url, venue.api_key, venue.api_secret, agent],
        cwd=home, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, list)
    return told


def test_the_client_of_rpc_websockets_logs_in_and_calls(npm_home: Path) -> None:
    """A client that the venue's documents point to finds the server that it expects."""
    with simulate("fuze", interval=0.02) as venue:
        told = {name: (kind, value) for name, kind, value in run_client(npm_home, venue, "x/1")}
    assert told["too early"] == ("error", -32605)
    assert told["bad login"] == ("error", "authentication failed")
    assert told["login"] == ("result", True)
    assert told["quotes"] == ("result", True)
    assert told["market data"] == ("result", True)
    assert told["nonsense"] == ("error", -32601)
    assert "quote_request" in told["methods"][1]
    assert told["subscribe"] == ("result", {"quotes": "ok"})
    assert told["event"][1].keys() == {"symbol", "buyPrice", "sellPrice"}
    assert told["unsubscribe"] == ("result", {"quotes": "ok"})


def test_the_client_of_rpc_websockets_needs_a_user_agent(npm_home: Path) -> None:
    """By itself it sends none, and the handshake is refused."""
    with simulate("fuze") as venue:
        assert run_client(npm_home, venue, "") == [
            ["connection", "error", "Unexpected server response: 403"]
        ]


@pytest.fixture
def real_server(npm_home: Path) -> Iterator[str]:
    """Return the URL of a server of the library."""
    with subprocess.Popen(
        ["node", "-e", SERVER], cwd=npm_home, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"ws://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.kill()


def test_frames_are_answered_as_a_server_of_rpc_websockets_answers_them(
    real_server: str, dial: Any
) -> None:
    """Frame by frame, the same text: codes, messages, details, ids, and silence.

    Silence is shown by the answer to a sentinel, which comes next. Of a parse error's detail only
    the beginning is compared: its words differ between versions of node.
    """
    options = {"api_key": "key", "api_secret": "secret", "interval": None}
    with simulate("fuze", **options) as venue:
        peers = [dial(real_server), dial(venue.url)]
        for frame in [*BEFORE_LOGIN, rpc("rpc.login", 1, **LOGIN), *AFTER_LOGIN]:
            heard = [_answers(peer, frame) for peer in peers]
            assert heard[1] == heard[0], frame


def _answers(peer: Any, frame: str) -> list[Any]:
    """Return what a frame is answered with, before the answer to a sentinel."""
    peer.tell(frame)
    answers = []
    if not _is_notification(frame):
        answers.append(peer.hear())
    sentinel = peer.ask(rpc("sentinel", "sentinel"))
    assert sentinel["id"] == "sentinel"
    for answer in answers:
        if isinstance(answer, dict) and answer.get("error", {}).get("code") == -32700:
            answer["error"]["data"] = answer["error"]["data"].partition(":")[0]
    return answers


def _is_notification(frame: str) -> bool:
    """Tell whether the library answers nothing: a known method without a true id."""
    try:
        request = json.loads(frame)
    except ValueError:
        return False
    return (
        isinstance(request, dict)
        and request.get("method") in ("quote_request", "__listMethods")
        and not request.get("id")
    )
