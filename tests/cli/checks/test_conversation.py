"""Login, a read and the end, with a client as users make it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer

VENUES = ("fuze", "infinex", "loopring", "onyx", "timex")


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_in_order_passes_every_check(look: Any, venue: str) -> None:
    """Nothing fails, nothing warns; bytes are counted and the client is closed."""
    with simulate(venue) as one:
        options = {"http_url": one.http_url or "", "credentials": one.credentials}
        seen = look(venue, one.url, **options)
    assert {*seen.verdicts.values()} <= {"ok", "skipped"}
    assert seen["login"].verdict.value == "ok"
    assert ("accepts the credentials" in seen["login"].said) == (venue in ("fuze", "onyx"))
    assert seen["close"].said.endswith("closed")
    assert seen["close"].facts["bytes_in"] > 0
    assert seen["close"].facts["bytes_out"] > 0
    assert (seen["read"].verdict.value == "ok") == (venue in ("infinex", "onyx", "timex"))


@pytest.mark.parametrize("venue", ["infinex", "timex"])
def test_without_a_key_something_public_is_read(look: Any, venue: str) -> None:
    """With one, something that needs it."""
    with simulate(venue) as one:
        http_url = one.http_url or ""
        public = look(venue, one.url, http_url=http_url)["read"]
        private = look(venue, one.url, http_url=http_url, credentials=one.credentials)["read"]
    assert public.verdict.value == private.verdict.value == "ok"
    assert private.said == "the balances: answered"
    assert public.said != private.said


@pytest.mark.parametrize(
    ("venue", "names"), [("onyx", ["token"]), ("fuze", ["api_key", "api_secret"])]
)
def test_a_refused_login_is_told_in_the_venues_words(
    look: Any, canaries: Any, venue: str, names: list[str]
) -> None:
    """Masked, and with what to look at."""
    with simulate(venue) as one:
        seen = look(venue, one.url, credentials={name: getattr(canaries, name) for name in names})
    assert seen["upgrade"].verdict.value == "ok"
    assert seen["login"].verdict.value == "failed"
    assert seen["login"].said.startswith("the venue says: ")
    assert "key is active" in seen["login"].advice
    assert seen["read"].said == "login failed above"


def asked_of(peer: Any) -> Iterator[dict[str, Any]]:
    """Accept a client, answer its pings, and yield what it asks until it says good-bye."""
    peer.accept()
    while True:
        frame = peer.read_frame()
        if frame.opcode == 9:
            peer.send(bytes([0x8A, len(frame.payload)]) + frame.payload)
        elif frame.opcode == 1:
            yield json.loads(frame.payload)
        else:
            return


def text_frame(message: dict[str, Any]) -> bytes:
    """Return a message as a short frame."""
    text = json.dumps(message).encode()
    assert len(text) < 126
    return bytes([0x81, len(text)]) + text


def onyx(answer: Callable[[str], dict[str, Any] | None]) -> Callable[[Any], None]:
    """Return a play: a server that answers pings, and the login with what `answer` makes of it."""

    def play(peer: Any) -> None:
        for asked in asked_of(peer):
            told = answer(asked["token"])
            if told is not None:
                peer.send(text_frame({"id": asked["id"], "method": "auth", **told}))

    return play


def test_a_venue_that_repeats_a_credential_is_masked(look: Any) -> None:
    """In its refusal stands what it was sent."""
    parrot = onyx(lambda token: {"error": True, "message": f"who is {token}?"})
    with HostileServer(parrot) as server:
        seen = look("onyx", server.url, credentials={"token": "token-4711"})
    assert seen["heartbeat"].verdict.value == "ok"
    assert seen["login"].said == "the venue says: who is ********?"
    assert "token-4711" not in repr(seen.findings)


def test_a_login_that_nobody_answers_is_told(look: Any, canaries: Any) -> None:
    """It costs the timeout, and is not taken for a refusal."""
    with HostileServer(onyx(lambda token: None)) as server:
        seen = look("onyx", server.url, credentials={"token": canaries.token}, timeout=0.2)
    assert seen["login"].verdict.value == "failed"
    assert "ConnectTimeout" in seen["login"].said
    assert "does not answer logins" in seen["login"].advice
    assert 0.2 <= (seen["login"].seconds or 0) < 1.5


def test_credentials_that_are_refused_by_a_read_are_told(look: Any, canaries: Any) -> None:
    """A venue without a login tells them here."""
    with simulate("timex") as one:
        given = {"api_id": canaries.api_id, "api_secret": canaries.api_secret}
        seen = look("timex", one.url, credentials=given)
    assert seen["login"].verdict.value == "ok"
    assert seen["read"].verdict.value == "failed"
    assert "the balances: the venue says: " in seen["read"].said
    assert "permissions" in seen["read"].advice
    assert seen["close"].verdict.value == "ok"


def test_half_of_a_credential_is_told(look: Any, canaries: Any) -> None:
    """TimeX's client wants both, or neither."""
    with simulate("timex") as one:
        seen = look("timex", one.url, credentials={"api_id": canaries.api_id})
    assert seen["login"].verdict.value == "failed"
    assert "api_secret" in seen["login"].said
    assert "credentials above" in seen["login"].advice


def test_a_credential_that_cannot_be_sent_is_not_shown(look: Any) -> None:
    """Bytes of the environment that are no text become lone surrogates."""
    with simulate("onyx") as one:
        seen = look("onyx", one.url, credentials={"token": "hidden\udcff"})
    assert seen["login"].verdict.value == "failed"
    assert "hidden" not in repr(seen.findings)
    assert "udcff" not in repr(seen.findings)


def test_what_no_caller_waits_for_is_told_at_the_end(look: Any) -> None:
    """A frame that cannot be read, behind the login."""

    def babble(peer: Any) -> None:
        for asked in asked_of(peer):
            # Before the answer: by then the client has met it.
            noise = b"\x81\x01{" if asked["method"] == "subscribe" else b""
            answer = {"id": asked["id"], "method": asked["method"], "message": "well"}
            peer.send(noise + text_frame(answer))

    with HostileServer(babble) as server:
        seen = look("onyx", server.url, credentials={"token": "token-4711"})
    assert seen["read"].verdict.value == "ok"
    assert seen["close"].verdict.value == "warning"
    assert "ProtocolError" in seen["close"].said


def test_without_credentials_it_goes_up_to_the_login(look: Any) -> None:
    """Where all venues are looked at, that is no failure."""
    with simulate("onyx") as one:
        seen = look("onyx", one.url, named=False)
    assert seen["heartbeat"].verdict.value == "ok"
    assert seen["login"].verdict.value == "skipped"
    assert "no token" in seen["login"].said
    assert "failed" not in seen.verdicts.values()
