"""What one check found."""

from __future__ import annotations

from venuesdk.cli.checks.finding import Verdict, failed, ok, printable, skipped, warning


def test_what_a_peer_says_moves_no_cursor() -> None:
    """Escape sequences and line breaks of a venue's words do not reach a terminal."""
    assert ok("a\x1b[2Jb\nc\x9bd").said == "a [2Jb c d"


def test_what_a_peer_says_is_cut() -> None:
    """A text of any length becomes one of 400 characters."""
    assert len(printable("x" * 10_000)) == 400
    assert printable("x" * 400) == "x" * 400


def test_each_verdict_has_its_maker() -> None:
    """Facts are kept for programs; only what should be mended comes with advice."""
    assert ok("a", status=1).facts == {"status": 1}
    assert [ok("a").verdict, skipped("a").verdict] == [Verdict.OK, Verdict.SKIPPED]
    assert (warning("a", "b").verdict, warning("a", "b").advice) == (Verdict.WARNING, "b")
    assert (failed("a", "b").verdict, failed("a", "b").advice) == (Verdict.FAILED, "b")
