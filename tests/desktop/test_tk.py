"""Clients attached to windows of Tk's, on a real display."""

from __future__ import annotations

from typing import Any

import pytest

CASES = (
    "refuses_what_it_cannot_attach",
    "several_clients_share_a_window",
    "an_error_in_a_callback_goes_to_on_error",
    "an_interrupt_in_a_callback_does_not_end_the_polling",
    "a_callback_that_destroys_the_window_is_the_last",
    "destroying_never_waits_for_the_close",
    "where_no_thread_is_to_be_had_it_closes_all_the_same",
    "its_end_is_seen_whatever_else_is_bound",
    "only_the_end_of_the_widget_itself_counts",
    "a_dialog_under_a_callback_holds_up_nobody_else",
    "no_callback_is_begun_when_the_time_is_up",
    "a_quiet_window_is_looked_at_less_often",
    "an_error_that_was_posted_to_a_window_outlives_it",
    "a_closed_client_is_let_go_of_when_its_end_was_told",
    "a_client_that_is_pumped_elsewhere_is_reported_once",
    "what_is_posted_runs_here_in_order_until_the_window_is_gone",
    "an_error_in_a_posted_function_is_reported_by_tk",
    "a_blocking_call_comes_back_here",
    "a_blocking_call_leaves_the_window_alive",
    "closing_ends_the_calls_under_way_in_silence",
)


@pytest.fixture(scope="module")
def report(run_program: Any, tk_environment: dict[str, str]) -> dict[str, str]:
    """Return what became of each case; the root is collected on another thread at the end."""
    return run_program("tk_cases.py", environment=tk_environment)


@pytest.mark.parametrize("case", CASES)
def test_a_window_of_tk(case: str, report: dict[str, str]) -> None:
    """What the case is called holds."""
    assert report[case] == "ok", report[case]


def test_every_case_is_asked_for(report: dict[str, str]) -> None:
    """The program has no case that is not named here."""
    assert set(report) == set(CASES)
