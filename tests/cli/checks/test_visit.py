"""The order of the checks, what they hand on, and what stops them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from venuesdk.cli.checks import Check, Finding, Subject, Visit, examine
from venuesdk.cli.checks.finding import failed, ok, warning
from venuesdk.testing import simulate
from venuesdk.timing import Deadline
from venuesdk.venues.fuze import FuzeClient
from venuesdk.venues.timex import TimexClient


def visit(**options: Any) -> Visit:
    """Return a visit that nothing is known of."""
    return Visit(Subject(FuzeClient, "ws://127.0.0.1:9/", **options))


def finding(*findings: Finding) -> Any:
    """Return a check's function that finds these."""

    def find(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
        yield from findings

    return find


def test_what_stands_on_a_failure_is_skipped_and_says_why() -> None:
    """Also where it stands on something that was skipped itself; a warning stops nothing."""
    checks = [
        Check("a", finding(warning("hm", "do"), failed("no", "do"))),
        Check("b", finding(ok("never")), needs=("a",)),
        Check("c", finding(ok("never")), needs=("b",)),
        Check("d", finding(ok("fine"))),
    ]
    found = list(examine(visit(), checks))
    assert [(one.check, one.verdict.value, one.said) for one in found] == [
        ("a", "warning", "hm"),
        ("a", "failed", "no"),
        ("b", "skipped", "a failed above"),
        ("c", "skipped", "a failed above"),
        ("d", "ok", "fine"),
    ]
    assert {one.venue for one in found} == {"fuze"}
    assert all(one.seconds is not None for one in found if one.verdict.value != "skipped")


def test_who_asks_is_told_which_check_begins() -> None:
    """Not those that are skipped."""
    checks = [Check("a", finding(failed("no", "do"))), Check("b", finding(), needs=("a",))]
    begun: list[str] = []
    list(examine(visit(), checks, begun.append))
    assert begun == ["a"]


def test_each_check_has_the_whole_timeout() -> None:
    """One that takes long leaves the next one its time."""
    seen: list[float | None] = []

    def find(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
        seen.append(deadline.timeout)
        yield ok("fine")

    list(examine(visit(timeout=0.7), [Check("a", find), Check("b", find)]))
    assert seen == [0.7, 0.7]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_a_visit_what_is_open_is_closed(error: type[BaseException]) -> None:
    """Ctrl-C in the middle leaves no thread and no connection."""
    with simulate("fuze") as venue:
        one = visit()
        client = FuzeClient(url=venue.url, **venue.credentials)

        def find(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
            visit.client = client.connect()
            yield ok("connected")
            raise error

        with pytest.raises(error):
            list(examine(one, [Check("a", find)]))
        assert client.state.value == "closed"
        assert one.client is None


def test_a_visit_that_is_not_looked_at_to_its_end_is_closed() -> None:
    """Whoever stops in between closes the generator."""
    with simulate("fuze") as venue:
        one = visit()
        client = FuzeClient(url=venue.url, **venue.credentials)

        def find(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
            visit.client = client.connect()
            yield ok("connected")

        findings = examine(one, [Check("a", find)])
        next(findings)
        findings.close()
        assert client.state.value == "closed"


def test_credentials_are_found_as_the_client_finds_them(
    monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """What was pointed at comes first, then the environment; what may be left out is no lack."""
    monkeypatch.setenv("VENUESDK_FUZE_API_KEY", canaries.api_key)
    subject = Subject(FuzeClient, "ws://127.0.0.1:9/")
    assert sorted(subject.secrets) == ["api_key"]
    assert subject.lacks == ["api_secret"]
    assert canaries.found_in(repr(subject)) == []
    assert Subject(TimexClient, "ws://127.0.0.1:9/").lacks == []


def test_a_way_needs_an_address() -> None:
    """A step that comes too early is a mistake of the order, and says so."""
    with pytest.raises(ValueError, match="not read"):
        _ = visit().way
