"""The poster of a Qt application, without a display, and with one."""

from __future__ import annotations

from typing import Any

import pytest

CASES = (
    "refuses_what_is_no_application",
    "is_made_on_the_applications_thread",
    "what_is_posted_runs_here_in_order",
    "clients_share_a_poster",
    "a_blocking_call_comes_back_here",
    "a_blocking_call_leaves_the_window_alive",
    "posting_while_the_application_ends_is_safe",
)


@pytest.fixture(scope="module")
def report(run_program: Any, qt_environment: Any) -> dict[str, str]:
    """Return what became of each case."""
    return run_program("qt_cases.py", environment=qt_environment("offscreen"))


@pytest.mark.parametrize("case", CASES)
def test_an_application_of_qt(case: str, report: dict[str, str]) -> None:
    """What the case is called holds."""
    assert report[case] == "ok", report[case]


def test_every_case_is_asked_for(report: dict[str, str]) -> None:
    """The program has no case that is not named here."""
    assert set(report) == set(CASES)


def test_an_error_that_comes_after_the_main_loop_is_reported(
    run_program: Any, qt_environment: Any
) -> None:
    """Qt takes what is posted then and never calls it; what became of an order is told still."""
    report = run_program("qt_late.py", environment=qt_environment("offscreen"))
    assert report == {"told": [], "hooked": "RequestTimeout('no answer')"}
