"""Where a client stands, and what a person should know of."""

from __future__ import annotations

from decimal import Decimal

from venuesdk.cli.notices import Notices, age_of, price_of
from venuesdk.cli.output import counted
from venuesdk.cli.stream import Entry
from venuesdk.models import Gap, GapReason, State, StateChange


def test_one_gap_of_many_topics_is_one_notice() -> None:
    """A lost connection leaves a gap everywhere; how much was lost is told where it is known."""
    notices = Notices()
    new = notices.take(
        [
            Entry("gap", Gap(GapReason.RECONNECTED), "a"),
            Entry("gap", Gap(GapReason.RECONNECTED), "b"),
            Entry("gap", Gap(GapReason.OVERFLOW, 1), "a"),
        ]
    )
    assert new == ["gap in a, b: reconnected, loss unknown", "gap in a: overflow, 1 event lost"]
    assert notices.take([]) == []
    assert len(notices) == 2


def test_the_state_is_a_sign_and_a_word() -> None:
    """Every state has both, so that no colour is needed to know it."""
    notices = Notices()
    for state in State:
        notices.take([Entry("state", StateChange(state, State.NEW, "why", 0, 3))])
        assert notices.light.plain[2:] == state.value
        assert notices.light.plain[0] in "●○◌✕"
    assert notices.epoch == 3


def test_what_steers_a_terminal_is_spelt_out() -> None:
    """A venue's words are shown, and not obeyed."""
    (told,) = Notices().take([Entry("error", ValueError("\x1b[2Jgone"))])
    assert told == "ValueError: \\x1b[2Jgone"


def test_numbers_are_written_for_people() -> None:
    """No exponent, no plural of one, and a time in the unit that fits."""
    assert price_of(Decimal("1E-7")) == "0.0000001"
    assert price_of(None) == ""
    assert (counted(1, "gap"), counted(2000, "event")) == ("1 gap", "2,000 events")
    assert [age_of(one) for one in (0.04, 99.0, 600.0, 7200.0)] == [
        "0.0 s", "99.0 s", "10 min", "2 h",
    ]  # fmt: skip
