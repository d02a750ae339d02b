"""A venue that repeats what it was sent does not make our errors show it."""

from __future__ import annotations

import traceback
from base64 import b64encode
from urllib.parse import quote

import pytest

from venuesdk.errors import ConnectionLost, ProtocolError, RequestRejected, VenueError
from venuesdk.secret import Secret
from venuesdk.session.redaction import Escapes, forms_of, has_escapes, redact, sealed
from venuesdk.timing import monotonic

KEY = 'k3y-with-"quotes"-91ab'
SECRETS = (Secret("another-c0de-77"), Secret(KEY))


def raised(error: VenueError) -> VenueError:
    """Return an error with a traceback and a cause, as one that was caught has them."""
    try:
        try:
            raise ValueError(KEY)
        except ValueError as cause:
            raise error from cause
    except VenueError as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [
        ProtocolError("odd", frame='{"auth":"k3y-with-\\"quotes\\"-91ab"}'),
        ProtocolError("odd", frame=f"echo {KEY} echo"),
        ProtocolError("odd", frame="x" * 390 + KEY),
        ProtocolError(f"a frame {KEY}"),
        RequestRejected(f"no permissions for {KEY}"),
        RequestRejected("unknown key another-c0de-77", code=4),
        RequestRejected("unknown key", code="another-c0de-77"),
        ConnectionLost("closed by the venue", code=4001, reason=f"bad {KEY}"),
    ],
)
def test_no_credential_is_left_in_an_error(error: VenueError) -> None:
    """Not in its text, its frame (a cut one too), its message; and no traceback brings it back."""
    error = raised(error)
    assert redact(error, SECRETS)
    shown = f"{error} {error!r} {error.args} {vars(error)}"
    assert "k3y-with" not in shown
    assert "another-c0de" not in shown
    assert "********" in shown
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


def test_an_error_without_a_credential_stays_as_it_is() -> None:
    """Its traceback and its cause are what somebody needs to find the fault."""
    error = raised(ProtocolError("odd", frame="nothing of ours"))
    assert not redact(error, SECRETS)
    assert error.__traceback__ is not None
    assert isinstance(error.__cause__, ValueError)
    assert isinstance(error, ProtocolError)
    assert error.frame == "nothing of ours"


def test_what_is_no_error_of_ours_is_left_alone() -> None:
    """The user's own exceptions are the user's."""
    assert not redact(KeyError(KEY), SECRETS)
    assert not redact(ConnectionLost("cut"), SECRETS)


@pytest.mark.parametrize(
    "shown",
    [
        quote(KEY, safe=""),
        quote(KEY),
        repr(KEY),
        repr(KEY.encode()),
        *(b64encode(f"{user}:{KEY}:more".encode()).decode() for user in ("m", "me", "you")),
    ],
)
def test_a_credential_is_known_in_whatever_form_it_comes_back(shown: str) -> None:
    """As a URL, Python or base64 writes it: a gateway may repeat the request line or a header."""
    error = raised(RequestRejected(f"bad request: {shown}"))
    assert redact(error, SECRETS)
    core = b64encode(KEY.encode()).decode()[4:12]
    assert not [part for part in ("k3y", "91ab", "quotes", core) if part in str(error)]


ODD = Secret("A+b/Cd==\\x9é")
ESCAPED = [
    r"A+b\/Cd==\\x9é",  # a slash in JSON, as PHP writes it
    r"A\u002Bb/Cd\u003d\u003D\\x9é",  # what has a meaning in HTML, as Go and Gson write it
    r"\u0041\u002b\u0062\u002f\u0043\u0064\u003d\u003d\u005c\u0078\u0039\u00e9",
    r"A+b/Cd==\\\\x9\\u00e9",  # a JSON text in a JSON text
    "A%2bb%2fCd%3d%3d%5cx9%c3%a9",  # a URL in small letters
    "A%252Bb%252FCd%253D%253D%255Cx9%25C3%25A9",  # a URL in a URL
]


@pytest.mark.parametrize("shown", ESCAPED)
@pytest.mark.parametrize("held", ["args", "frame", "message", "code", "reason"])
def test_what_is_escaped_more_than_it_has_to_be_is_taken_out(held: str, shown: str) -> None:
    """Wherever an error holds what the venue said; what stands around it is left."""
    text = f'{{"a":"{shown}","b/c":1}}'
    error: VenueError = {
        "args": ProtocolError(text),
        "frame": ProtocolError("odd", frame=text),
        "message": RequestRejected(text),
        "code": RequestRejected("no", code=text),
        "reason": ConnectionLost("lost", reason=text),
    }[held]
    error = raised(error)
    assert redact(error, [ODD])
    left = error.args[0] if held == "args" else getattr(error, held)
    assert left == '{"a":"********","b/c":1}'
    assert "Cd" not in f"{error!r} {error.args} {vars(error)}"
    assert error.__traceback__ is None


@pytest.mark.parametrize(("shown", "fourth"), [(ESCAPED[0], 5), (ESCAPED[2], 24), (ESCAPED[5], 12)])
def test_the_beginning_of_an_escaped_credential_is_taken_off_a_cut_frame(
    shown: str, fourth: int
) -> None:
    """From four characters on, wherever it was cut, in the middle of an escape too."""
    for length in range(fourth, len(shown) + 1):
        error = ProtocolError("odd", frame=f'{{"c":"\\/","a":"{shown[:length]}')
        assert redact(error, [ODD])
        assert error.frame == '{"c":"\\/","a":"********', shown[:length]
    error = ProtocolError("odd", frame=f'{{"c":"\\/","a":"{shown[:3]}')
    assert not redact(error, [ODD])


def test_base64_with_its_slashes_escaped_is_taken_out() -> None:
    """Wherever in a longer text it begins."""
    for before in (b"", b"a", b"ab"):
        shown = b64encode(before + b"key???key>>>key").decode()
        assert "/" in shown
        error = ProtocolError("odd", frame=shown.replace("/", "\\/"))
        assert redact(error, [Secret("key???key>>>key")])
        assert len(error.frame) <= len("********") + 8


def test_a_text_that_only_looks_like_an_escaped_one_stays_as_it_is() -> None:
    """Other words with escapes in them; and a credential of three letters."""
    text = r'{"path":"a\/b","per":"5 %","name":"\u00e9Ab"}'
    assert has_escapes(text)
    assert not has_escapes('{"path":"a/b","quoted":"\\"x\\""}')
    escapes = Escapes([ODD, Secret("Ab")])
    assert (escapes.mask(text), escapes.mask_end(text)) == (text, text)


def test_a_peer_that_sends_only_backslashes_holds_nobody_up() -> None:
    """Looking for a credential in them takes time in proportion to their number."""
    escapes = Escapes([Secret("\\" * 12 + "credential")])
    text = "\\" * 20_000
    began = monotonic()
    assert escapes.mask(text) == text
    assert escapes.mask_end(text) == text
    assert monotonic() - began < 2.0


def test_a_short_credential_is_not_looked_for_in_base64() -> None:
    """A few letters of it stand in any text; the credential itself is still found."""
    assert forms_of(Secret("ab1")) == ("ab1",)
    assert all(len(form) >= 8 for form in forms_of(Secret("0123456789")))
    assert forms_of(Secret("0123456789"))[0] == max(forms_of(Secret("0123456789")), key=len)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_what_is_sealed_bare(kind: type[BaseException]) -> None:
    """The same exception, with nothing of the frames and errors that it came through."""
    interrupt = kind()

    @sealed
    def send(frame: str) -> None:
        try:
            raise OSError(KEY)
        except OSError:
            raise interrupt from None

    with pytest.raises(kind) as caught:
        send(KEY)
    assert caught.value is interrupt
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(interrupt.__traceback__)]
    assert names[-1] == "bare"
    assert "send" not in names
    assert (interrupt.__cause__, interrupt.__context__) == (None, None)


def test_an_error_leaves_what_is_sealed_as_it_is() -> None:
    """With all that somebody needs to find the fault; and a value is returned."""

    @sealed
    def divide(a: int, b: int) -> float:
        """Say what it does."""
        return a / b

    assert divide(6, b=3) == 2
    assert divide.__doc__ == "Say what it does."
    with pytest.raises(ZeroDivisionError) as caught:
        divide(1, 0)
    trace = caught.value.__traceback__
    assert [frame.f_code.co_name for frame, _ in traceback.walk_tb(trace)][-1] == "divide"
