"""A credential shows itself to `reveal` and to nothing else."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback

import attrs
import pytest

from venuesdk.secret import MaskedText, Secret, resolve

CANARY = "sk-9e41-do-not-show"


@attrs.frozen
class Holder:
    """A value with a credential inside, as every client has one."""

    api_key: Secret


def assert_hidden(text: str) -> None:
    """Fail if any telling part of the credential is in a text."""
    assert "sk-" not in text
    assert "9e41" not in text
    assert "do-not-show" not in text


def test_reveal_gives_the_credential_back() -> None:
    """What was put in comes out, unchanged, when asked by name."""
    assert Secret(CANARY).reveal() == CANARY
    assert Secret("ключ £€").reveal() == "ключ £€"


def test_every_way_to_text_is_masked() -> None:
    """repr, str, format, f-strings and % all show the mask."""
    secret = Secret(CANARY)
    texts = [
        repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret!s}", f"{secret!a}",
        f"{secret:>30}", format(secret), "%s %r" % (secret, secret),  # noqa: UP031
        "{0} {0!r}".format(secret),  # noqa: UP032
        repr([secret]), repr({"k": secret}), repr(Holder(secret)),
        str(attrs.asdict(Holder(secret))),
    ]  # fmt: skip
    for text in texts:
        assert_hidden(text)
        assert "****" in text


def test_the_mask_does_not_tell_the_length() -> None:
    """A short and a long credential look the same."""
    assert str(Secret("x")) == str(Secret("x" * 1000))
    assert repr(Secret("x")) == repr(Secret("x" * 1000))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_does_not_pickle(protocol: int) -> None:
    """Neither a secret nor what holds it goes into a pickle, and the refusal shows nothing."""
    for value in (Secret(CANARY), Holder(Secret(CANARY)), {"k": Secret(CANARY)}):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(value, protocol)
        assert_hidden(str(caught.value))


def test_a_secret_is_not_copied() -> None:
    """There is one of each credential: copy and deepcopy refuse."""
    for duplicate in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            duplicate(Secret(CANARY))
        assert_hidden(str(caught.value))


def test_a_secret_is_not_json() -> None:
    """A request body built with a secret that was not revealed fails instead of sending a mask."""
    with pytest.raises(TypeError) as caught:
        json.dumps({"apiKey": Secret(CANARY)})
    assert_hidden(str(caught.value))


def test_a_log_shows_the_mask() -> None:
    """A logging call with a secret among its arguments writes the mask."""
    stream = io.StringIO()
    logger = logging.Logger("canary-free", logging.DEBUG)
    logger.addHandler(logging.StreamHandler(stream))
    secret = Secret(CANARY)
    logger.debug("login with %s and %r", secret, secret)
    logger.info("login with %(key)s", {"key": secret})
    assert stream.getvalue().count("********") == 3
    assert_hidden(stream.getvalue())


def test_a_traceback_with_locals_shows_the_mask() -> None:
    """An error reporter that prints the locals of a frame that holds a secret shows nothing."""

    def login(secret: Secret) -> None:
        holder = Holder(secret)
        headers = {"Authorization": secret}
        raise RuntimeError(f"refused: {holder} {headers}")

    try:
        login(Secret(resolve_canary()))
    except RuntimeError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(shown.format())
    assert "holder = Holder(" in text
    assert "headers = {" in text
    assert_hidden(text)


def resolve_canary() -> str:
    """Return the canary from a frame that is gone when anything is raised."""
    return CANARY


def test_a_secret_cannot_be_changed_or_extended() -> None:
    """Assignment fails, and the message does not show what was assigned."""
    secret = Secret("before")
    for name in ("_value", "anything"):
        with pytest.raises(AttributeError) as caught:
            setattr(secret, name, CANARY)
        assert_hidden(str(caught.value))
    assert secret.reveal() == "before"
    assert not hasattr(secret, "__dict__")


def test_equality_is_by_content_and_only_between_secrets() -> None:
    """Two secrets of one content are equal and hash alike; a plain string is never equal."""
    assert Secret(CANARY) == Secret(CANARY)
    assert hash(Secret(CANARY)) == hash(Secret(CANARY))
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret("€") != Secret("£")
    assert Secret(CANARY) != CANARY
    assert hash(Secret(CANARY)) != hash(CANARY)


@pytest.mark.parametrize("wrong", [None, 7, CANARY.encode(), [CANARY], object()])
def test_a_credential_is_text(wrong: object) -> None:
    """Anything else is refused by its type, and not shown."""
    with pytest.raises(TypeError, match="a credential is text, not") as caught:
        Secret(wrong)  # type: ignore[arg-type]
    assert_hidden(str(caught.value))


def test_a_credential_is_not_empty() -> None:
    """An unset environment variable is found out here, not by the venue."""
    with pytest.raises(ValueError, match="empty"):
        Secret("")


def test_resolve_takes_text_a_secret_or_a_callable_of_either() -> None:
    """Each form in which a user may give a credential ends as one Secret."""
    ready = Secret(CANARY)
    assert resolve(CANARY).reveal() == CANARY
    assert resolve(ready) is ready
    assert resolve(lambda: CANARY).reveal() == CANARY
    assert resolve(lambda: ready) is ready


def test_resolve_calls_the_callable_each_time() -> None:
    """A rotated credential is seen at the next resolve: nothing is remembered."""
    keys = iter(["first", "second"])
    assert [resolve(lambda: next(keys)).reveal() for _ in range(2)] == ["first", "second"]


def test_resolve_passes_on_what_the_callable_raises() -> None:
    """The user's own error reaches the user unchanged."""
    failure = KeyError("vault sealed")

    def sealed() -> str:
        raise failure

    with pytest.raises(KeyError) as caught:
        resolve(sealed)
    assert caught.value is failure


def test_masked_text_is_text_to_who_uses_it_and_masked_to_who_shows_it() -> None:
    """A header's value has to be written; a mapping of headers that is shown must not show it."""
    value = MaskedText(CANARY)
    assert isinstance(value, str)
    assert f"X-Key: {value}" == f"X-Key: {CANARY}"
    assert value.encode() == CANARY.encode()
    assert value == CANARY and hash(value) == hash(CANARY)
    for shown in (repr(value), repr({"X-Key": value}), repr([value]), f"{value!r}"):
        assert_hidden(shown)
        assert "********" in shown
