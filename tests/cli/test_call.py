"""``venuesdk call``: what is asked, what is printed, and that nothing is sent by accident."""

from __future__ import annotations

import errno
import io
import json
import shlex
import signal
import sys
import termios
import threading
from typing import Any

import pytest

from venuesdk import TimexClient
from venuesdk.cli import main
from venuesdk.cli.call import FIND_OUT
from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer, Peer

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402

ORDER = (
    "place_order", "symbol=ETHAUDT", "side=SELL", "quantity=0.5", "type=MARKET",
    "client_order_id=strike-now-1",
)  # fmt: skip


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what puts the credentials of a simulated TimeX into the environment."""

    def put(venue: Any) -> dict[str, str]:
        found = {
            f"VENUESDK_TIMEX_{name.upper()}": value for name, value in venue.credentials.items()
        }
        for name, value in found.items():
            monkeypatch.setenv(name, value)
        return found

    return put


def test_an_answer_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """People see the values as the client returns them, programs a line of JSON."""
    assert main(["call", "timex", "balances", "--sim"]) == 0
    assert "Balance(" in (out := capsys.readouterr().out)
    assert "total_balance=Decimal(" in out
    assert main(["call", "timex", "balances", "--sim", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == "result"
    assert {"currency", "total_balance", "locked_balance"} == set(record["result"][0])


def test_an_answer_without_a_value_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    """A ping brings nothing but that it came."""
    assert main(["call", "infinex", "ping", "--sim"]) == 0
    assert capsys.readouterr().out == "done\n"


def test_a_dry_run_needs_neither_credentials_nor_a_venue(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """The frame is printed with masks, whatever stands in the environment; nothing is sent."""
    monkeypatch.setenv("VENUESDK_TIMEX_API_ID", canaries.api_id)
    monkeypatch.setenv("VENUESDK_TIMEX_API_SECRET", canaries.api_secret)
    assert main(["call", "timex", *ORDER, "--dry-run", "--url", "ws://127.0.0.1:1/"]) == 0
    captured = capsys.readouterr()
    frame = json.loads(captured.out)
    assert frame["auth"] == {"id": "********", "secret": "********"}
    assert frame["payload"]["body"][0]["quantity"] == "0.5"
    assert not canaries.found_in(captured.out + captured.err)
    assert main(["call", "timex", "balances", "--dry-run", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == "dry-run"
    assert record["read"] is True


def test_without_a_terminal_an_order_needs_a_yes(
    keys: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused before anything is sent; with --yes it goes; a read needs none."""
    with simulate("timex") as venue:
        keys(venue)
        assert main(["call", "timex", *ORDER, "--url", venue.url]) == 2
        assert "--yes" in capsys.readouterr().err
        assert venue.accepted == 0
        assert main(["call", "timex", "open_orders", "--url", venue.url]) == 0
        assert main(["call", "timex", *ORDER, "--url", venue.url, "--yes"]) == 0
        assert "PlacedOrders(" in capsys.readouterr().out
        orders = [text for _, text in venue.received if "strike-now-1" in text]
        assert len(orders) == 1


def test_at_a_terminal_it_is_shown_and_asked_for(keys: Any) -> None:
    """What would be sent is shown with masks; a yes sends it, once."""
    with simulate("timex") as venue:
        env = keys(venue)
        with Terminal("call", "timex", *ORDER, "--url", venue.url, env=env) as terminal:
            terminal.wait_for('"secret":"********"', "Send it? [y/N]")
            terminal.press("y\n")
            assert terminal.end() == 0
            assert "PlacedOrders(" in terminal.text
            assert not [value for value in env.values() if value in terminal.raw]
        assert len([text for _, text in venue.received if "strike-now-1" in text]) == 1


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_a_no_sends_nothing(
    keys: Any,
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So do a mere Enter and an end of input; the status is that of what was certainly not sent."""
    monkeypatch.setattr("venuesdk.cli.call.can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    with simulate("timex") as venue:
        keys(venue)
        assert main(["call", "timex", *ORDER, "--url", venue.url]) == 3
        assert "Nothing was sent." in capsys.readouterr().err
        assert venue.accepted == 0


def test_ctrl_c_at_the_question_sends_nothing(keys: Any) -> None:
    """The status is 130, there is no traceback, and the venue never heard of it."""
    with simulate("timex") as venue:
        env = keys(venue)
        with Terminal("call", "timex", *ORDER, "--url", venue.url, env=env) as terminal:
            terminal.wait_for("Send it? [y/N]")
            assert terminal.end("\x03") == 130
            assert "Traceback" not in terminal.text
        assert venue.accepted == 0


def test_ctrl_c_in_an_order_says_that_it_may_have_been_carried_out(canaries: Any) -> None:
    """The venue has it and did not answer yet: the status is 130, and the words are the same."""
    asked = threading.Event()

    def silent(peer: Peer) -> None:
        peer.accept()
        if b"strike-now-1" in peer.read_frame().payload:
            asked.set()
        peer.hold()

    env = {"VENUESDK_TIMEX_API_ID": canaries.api_id, "VENUESDK_TIMEX_API_SECRET": canaries.token}
    with HostileServer(silent) as peer, Terminal(
        "call", "timex", *ORDER, "--url", peer.url, "--yes", env=env
    ) as terminal:
        assert asked.wait(15)
        assert terminal.end("\x03") == 130
        assert "outcome is unknown" in terminal.text
        assert "Traceback" not in terminal.text
        assert not canaries.found_in(terminal.raw)


def test_ctrl_c_behind_an_answer_leaves_it_known(
    keys: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is there before the client is closed, and its outcome is not called unknown."""
    close = TimexClient.close

    def interrupted(client: TimexClient) -> None:
        close(client)
        if client.stats().requests:
            raise KeyboardInterrupt

    monkeypatch.setattr(TimexClient, "close", interrupted)
    with simulate("timex") as venue:
        keys(venue)
        assert main(["call", "timex", *ORDER, "--url", venue.url, "--yes"]) == 130
    captured = capsys.readouterr()
    assert "PlacedOrders(" in captured.out
    assert "unknown" not in captured.err


def test_a_signal_to_end_does_what_ctrl_c_does(
    canaries: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminated order is told too; the status is the signal's, and the handler is put back."""
    monkeypatch.setenv("VENUESDK_TIMEX_API_ID", canaries.api_id)
    monkeypatch.setenv("VENUESDK_TIMEX_API_SECRET", canaries.token)
    before = signal.getsignal(signal.SIGTERM)

    def terminating(peer: Peer) -> None:
        peer.accept()
        if b"strike-now-1" in peer.read_frame().payload:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        peer.hold()

    with HostileServer(terminating) as peer:
        assert main(["call", "timex", *ORDER, "--url", peer.url, "--yes"]) == 128 + signal.SIGTERM
    assert "outcome is unknown" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_missing_credential_is_asked_for_and_not_shown(canaries: Any) -> None:
    """At a terminal the one that cannot be done without is typed in, without an echo."""
    with simulate("onyx") as venue, Terminal(
        "watch", "onyx", "server_info", "--url", venue.url, "--count", "1", "--json"
    ) as terminal:
        token = venue.credentials["token"]
        terminal.wait_for("token (not shown):")
        terminal.press(f"{token}\n")
        assert terminal.end() == 0
        assert "age_millis" in terminal.text
        # Lines for programs have no colours, at a terminal either.
        assert "\x1b" not in terminal.raw
        assert token not in terminal.raw
        assert termios.tcgetattr(terminal.theirs) == terminal.modes


def test_an_order_whose_outcome_is_unknown_is_told_and_how_to_find_out(
    keys: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 4, the record says so too, and nothing of a credential is shown."""
    with simulate("timex") as venue:
        env = keys(venue)
        with HostileServer("executed_then_cut", "honest", upstream=venue.url) as peer:
            assert main(["call", "timex", *ORDER, "--url", peer.url, "--yes", "--json"]) == 4
        captured = capsys.readouterr()
        record = json.loads(captured.out)
        assert record["error"] == "ConnectionLost"
        assert record["outcome_unknown"] is True
        assert "outcome is unknown" in captured.err
        assert "venuesdk call timex open_orders" in captured.err
        assert not [value for value in env.values() if value in captured.out + captured.err]


@pytest.mark.parametrize("venue", FIND_OUT)
def test_what_one_is_told_to_look_in_can_be_asked(
    venue: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word, as it is printed, it is a read that the venue answers."""
    told = FIND_OUT[venue].partition("venuesdk ")[2].partition(" (")[0]
    assert main([*shlex.split(told), "--sim"]) == 0
    capsys.readouterr()
    for variable in ("VENUESDK_INFINEX_API_KEY", "VENUESDK_TIMEX_API_ID"):
        monkeypatch.setenv(variable, "any")
    monkeypatch.setenv("VENUESDK_TIMEX_API_SECRET", "any")
    assert main([*shlex.split(told), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["read"] is True


class FullDisk(io.StringIO):
    """Where nothing can be written, and it is known only at the end of a write."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_order_whose_answer_cannot_be_written_is_no_mistake(
    keys: Any, form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was carried out: the status is 4, and the answer stands in the error; a read failed."""
    monkeypatch.setattr("sys.stdout", FullDisk())
    with simulate("timex") as venue:
        keys(venue)
        assert main(["call", "timex", *ORDER, "--url", venue.url, "--yes", *form]) == 4
        told = capsys.readouterr().err
        assert "the venue answered" in told
        assert "PlacedOrders(" in told
        assert main(["call", "timex", "balances", "--url", venue.url, *form]) == 1


@pytest.mark.parametrize("broken", ["stdout", "stderr"])
def test_an_unknown_outcome_is_the_status_even_where_nothing_can_be_written(
    keys: Any, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, or a pipe that was closed, does not turn it into another one."""
    monkeypatch.setattr(f"sys.{broken}", FullDisk())
    with simulate("timex") as venue:
        keys(venue)
        with HostileServer("executed_then_cut", "honest", upstream=venue.url) as peer:
            assert main(["call", "timex", *ORDER, "--url", peer.url, "--yes", "--json"]) == 4


def test_a_refusal_is_the_venues_word(capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 1; programs get its class, code and text."""
    arguments = ["symbol=ETHAUDT", "side=BUY", "quantity=100", "price=1000000",
                 "expire_time=2030-01-01T00:00:00.000Z"]  # fmt: skip
    assert main(["call", "timex", "place_order", *arguments, "--sim", "--json"]) == 1
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert record["error"] == "InsufficientFunds"
    assert record["outcome_unknown"] is False
    assert "unknown" not in captured.err


def test_methods_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With signature and what they do; a venue without calls says so."""
    assert main(["call", "timex"]) == 0
    out = capsys.readouterr().out
    assert "place_order symbol=TEXT side=TEXT quantity=DECIMAL" in out
    assert "Place one order, and return it as the venue took it. Returns PlacedOrders." in out
    assert "`" not in out
    assert main(["call", "loopring"]) == 0
    assert "venuesdk topics loopring" in capsys.readouterr().out
    assert main(["call", "onyx", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "request"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["timex", "fly"], "there are rest, raw_order_book"),
        (["loopring", "fly"], "watch"),
        (["timex", "cancel_order"], "order_id is missing"),
        (["timex", "cancel_order", "order_id="], "order_id"),
        (["timex", "balances", "--credential", "token=env:A"], "no credential 'token'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown method, an argument that is missing or empty, a credential that there is not."""
    assert main(["call", *arguments, "--url", "ws://127.0.0.1:1/"]) == 2
    assert said in capsys.readouterr().err


def test_a_key_that_this_call_needs_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A venue that can be asked without one says nothing before; the request is not sent."""
    with simulate("timex") as venue:
        assert main(["call", "timex", "balances", "--url", venue.url]) == 2
        assert "VENUESDK_TIMEX_API_ID" in capsys.readouterr().err
        assert venue.received == []
