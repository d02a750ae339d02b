"""The traffic of a session, over all of its connections."""

from __future__ import annotations

from typing import Any

from venuesdk.session.link import Link, Traffic
from venuesdk.timing import monotonic


class Counted:
    """A connection that counted something."""

    bytes_in, bytes_out, frames_in, frames_out = 1, 20, 300, 4000


def link() -> Link:
    """Return a link over which something went."""
    connection: Any = Counted()
    return Link(connection, connection)


def counts(traffic: Traffic) -> tuple[int, ...]:
    """Return the four counts."""
    return (traffic.bytes_in, traffic.bytes_out, traffic.frames_in, traffic.frames_out)


def test_traffic_is_the_sum_of_what_was_and_of_what_is() -> None:
    """A link in use is counted without being added."""
    traffic = Traffic()
    assert counts(traffic.plus(None)) == (0, 0, 0, 0)
    traffic.add(link())
    assert counts(traffic.plus(link())) == (2, 40, 600, 8000)
    assert counts(traffic) == (1, 20, 300, 4000)


def test_a_link_has_no_early_frames_unless_it_is_given_some() -> None:
    """And two links are never the same one."""
    assert link().early == ()
    assert link() != link()


def test_a_link_knows_when_it_was_made() -> None:
    """That is when its login was done."""
    before = monotonic()
    assert before <= link().since <= monotonic()
