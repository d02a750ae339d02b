"""Every case of the fault table, each against a client in a process of its own."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import pytest
from faults.cases import CASES
from faults.runner import prepare, problems, run
from faults.table import Case
from figures import Figures

AT_A_TIME = 4
"""How many cases run at the same time: nearly all of what they do is to wait."""


def _parameters() -> list[Any]:
    """Return every case over each of its links.

    The first variant of each number is in the default suite, over one link; all else in the long.
    """
    numbers: set[str] = set()
    parameters = []
    for case in CASES:
        for link in case.links:
            number = re.match(r"[SV]?\d+", case.id)[0]  # type: ignore[index]
            marks = [pytest.mark.long] if case.long or number in numbers else []
            if not case.long:
                numbers.add(number)
            parameters.append(pytest.param(case, link, id=f"{case.id}-{link}", marks=marks))
    return parameters


@pytest.fixture(scope="module")
def reports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], Future[dict[str, Any]]]]:
    """Begin to run all cases that were asked for; the peers live in processes of their own."""
    with ProcessPoolExecutor(
        AT_A_TIME,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=prepare,
        initargs=(str(tmp_path_factory.mktemp("authority")),),
    ) as pool:
        asked = [
            (item.callspec.params["case"].id, item.callspec.params["link"])
            for item in request.session.items
            if isinstance(item, pytest.Function) and "reports" in item.fixturenames
        ]
        yield {key: pool.submit(run, *key) for key in asked}


@pytest.mark.parametrize(("case", "link"), _parameters())
@pytest.mark.timeout(300)
def test_the_client_does_what_it_must(
    case: Case,
    link: str,
    reports: dict[tuple[str, str], Future[dict[str, Any]]],
    figures: Figures,
) -> None:
    """The client ends as the table says, in time, and leaves nothing and shows nothing."""
    report = reports[case.id, link].result()
    found = problems(case, report)
    figures.add(
        "Fault table",
        case=case.id,
        link=link,
        peer=case.peer,
        seconds=report.get("seconds", ""),
        verdict="FAILED" if found else "ok",
    )
    assert not found, f"{case.peer}: {'; '.join(found)}\n{report}"
