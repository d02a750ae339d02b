"""What a play is, and finding one by its name."""

from __future__ import annotations

import pytest

from venuesdk.testing.faults import PLAYS, answering, cutting_under
from venuesdk.testing.faults.play import needs_venue, play_named


def test_every_play_is_found_by_its_name_and_says_what_it_does() -> None:
    """The names are those of the functions, and each has one sentence at the least."""
    assert {"honest", "silent", "half_frame_then_reset", "deaf", "http_gzip_bomb"} <= set(PLAYS)
    for name, play in PLAYS.items():
        assert play_named(name) is play
        assert play.__name__ == name
        assert play.__doc__, name
        assert play.__doc__.strip().endswith("."), name


def test_a_name_that_no_play_has_is_refused_with_those_that_there_are() -> None:
    """Whoever mistypes a name sees what there is."""
    with pytest.raises(ValueError, match="no play 'honset'; there are .*honest"):
        play_named("honset")


def test_what_relays_needs_a_venue() -> None:
    """So do all plays that wait for a sign in what the client sends; of others nothing is known."""
    needing = {name for name, play in PLAYS.items() if needs_venue(play)}
    assert {"honest", "silence", "ping_flood", "deaf", "executed_then_cut"} <= needing
    assert not needing & {"silent", "endless_head", "proxy_hangs", "http_honest", "http_cut"}
    assert needs_venue(answering(b"x"))
    assert needs_venue(cutting_under(2))
    assert not needs_venue(lambda peer: peer.relay() and None)
