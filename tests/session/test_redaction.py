"""A venue that repeats what it was sent does not make our errors show it."""

from __future__ import annotations

import pytest

from venuesdk.errors import ConnectionLost, ProtocolError, RequestRejected, VenueError
from venuesdk.secret import Secret
from venuesdk.session.redaction import redact

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
