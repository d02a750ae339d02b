"""``venuesdk doctor``: what is wrong on the way to a venue, and what to do, line by line.

What is looked at, and how it is judged, is in `venuesdk.cli.checks`; here it is shown.
"""

from __future__ import annotations

import functools
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import click
from attrs import evolve
from rich.console import Console
from rich.text import Text

from ..secret import Secret
from ..timing import monotonic
from .checks import CHECKS, Finding, Subject, Verdict, Visit, environment, examine, versions
from .output import console, is_for_people, write_json
from .target import VENUES, Target, target_options

__all__ = ["command"]

WIDEST = 100
CHECK_WIDTH = 15
TIME_WIDTH = 10
NARROWEST = 24
WORTH_TELLING = 0.001
"""Seconds that a step which was skipped took, if that is to be shown."""

MARKS: Mapping[Verdict, tuple[str, str, str]] = {
    Verdict.OK: ("✓", "+", "green"),
    Verdict.WARNING: ("!", "!", "yellow"),
    Verdict.FAILED: ("✗", "x", "bold red"),
    Verdict.SKIPPED: ("–", "-", "dim"),
}
"""How a verdict looks, how it looks where that cannot be written, and its colour."""


@click.command()
@functools.partial(target_options, venue_required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(target: Target, as_json: bool) -> int:
    """Look at each step of the way to a venue: what is wrong, and what to do.

    Versions, environment, credentials, name, TCP, proxy, TLS, HTTP, clock, upgrade, heartbeat,
    login, one read, close; each step takes the timeout at the most. Without VENUE: all whose
    credentials are in the environment, or, where there are none, all, up to the login. Nothing is
    changed at any venue, and no credential is shown. The exit status is 1 where something failed.
    """
    if not target.venue and (target.options.keys() & {"url", "http_url"} or target.credentials):
        raise click.UsageError("--url, --http-url and --credential are of one venue: name it")
    if "http_url" in target.options and "url" not in target.options:
        raise click.UsageError("--http-url goes with --url: both of one venue, or neither")
    report = _Json() if as_json else _Lines()
    report.part("this machine")
    for finding in _about_this_machine(target):
        report.add(finding)
    for one in _targets(target):
        with _subject(one, named=bool(target.venue)) as subject:
            report.part(f"{one.venue}, simulated" if one.simulated else one.venue)
            with (
                report.busy() as begins,
                closing(examine(Visit(subject), CHECKS, begins)) as findings,
            ):
                for finding in findings:
                    report.add(finding)
    report.end()
    return 1 if report.counts[Verdict.FAILED] else 0


def _about_this_machine(target: Target) -> Iterator[Finding]:
    options = target.options
    looks = (
        ("versions", versions()),
        ("environment", environment(options.get("ca_file"), "environment_proxy" in options)),
    )
    for name, findings in looks:
        started = monotonic()
        for finding in findings:
            yield evolve(finding, check=name, seconds=monotonic() - started)
            started = monotonic()


def _targets(target: Target) -> list[Target]:
    """Return those that are to be looked at: the named one, or all that can be."""
    if target.venue:
        return [target]
    every = [evolve(target, venue=name) for name in VENUES]
    if target.simulated:
        return every
    found = [one for one in every if _has_credentials(one)]
    return found or every


def _has_credentials(target: Target) -> bool:
    subject = _subject_of(target, named=False)
    return bool(subject.secrets) and not subject.lacks


@contextmanager
def _subject(target: Target, named: bool) -> Iterator[Subject]:
    """Yield who is examined; where asked for, a simulator that runs meanwhile."""
    if not target.simulated:
        yield _subject_of(target, named)
        return
    from ..testing import simulate

    with simulate(target.venue) as simulator:
        yield evolve(
            _subject_of(target, named),
            url=simulator.url,
            http_url=simulator.http_url or "",
            usual=False,
            credentials={name: Secret(value) for name, value in simulator.credentials.items()},
        )


def _subject_of(target: Target, named: bool) -> Subject:
    options, codec = target.options, target.client_class.codec
    usual = not {"url", "http_url"} & options.keys()
    return Subject(
        client_class=target.client_class,
        url=options.get("url") or codec.url,
        http_url=options.get("http_url") or (codec.http_url or "" if usual else ""),
        usual=usual,
        credentials=target.given(),
        ca_file=options.get("ca_file"),
        environment_proxy=options.get("environment_proxy", False),
        timeout=options.get("timeout", 10.0),
        named=named,
    )


class _Report:
    """Where findings go; it counts them."""

    def __init__(self) -> None:
        self.counts: Counter[Verdict] = Counter()

    def add(self, finding: Finding) -> None:
        """Take one finding."""
        self.counts[finding.verdict] += 1
        self._write(finding)

    def part(self, title: str) -> None:
        """Begin a part."""

    @contextmanager
    def busy(self) -> Iterator[Callable[[str], object]]:
        """Yield what is told of each check that begins, to show it while it lasts."""
        yield lambda name: None

    def end(self) -> None:
        """Say what it comes to."""

    def _write(self, finding: Finding) -> None:
        raise NotImplementedError


class _Json(_Report):
    """Findings for programs: a line of JSON for each."""

    def _write(self, finding: Finding) -> None:
        write_json(
            {
                "venue": finding.venue or None,
                "check": finding.check,
                "verdict": finding.verdict,
                "said": finding.said,
                "advice": finding.advice,
                "seconds": round(finding.seconds or 0.0, 6),
                "facts": finding.facts,
            }
        )


class _Lines(_Report):
    """Findings for people: aligned, coloured where there are colours, never wider than 100."""

    def __init__(self) -> None:
        super().__init__()
        self._console: Console = console()
        if not is_for_people():
            self._console.width = WIDEST
        self._width = min(self._console.width, WIDEST)
        encoding = sys.stdout.encoding or "ascii"
        self._plain = not _can_write("✓✗–→←±…", encoding)
        self._encoding = encoding

    def part(self, title: str) -> None:
        """Begin a part, under its title."""
        if self.counts:
            self._console.print()
        self._print(Text(title, "bold"))

    @contextmanager
    def busy(self) -> Iterator[Callable[[str], object]]:
        """Show what is being looked at, where it can be taken away again."""
        if not is_for_people():
            yield lambda name: None
            return
        with self._console.status("", spinner="line" if self._plain else "dots") as status:
            yield lambda name: status.update(f"looking at {name}")

    def _write(self, finding: Finding) -> None:
        """Write one finding, and below it what to do."""
        fancy, plain, style = MARKS[finding.verdict]
        width = max(self._width - CHECK_WIDTH - TIME_WIDTH - 2, NARROWEST)
        first, *more = self._wrapped(finding.said, width) or [""]
        line = Text()
        line.append(f"{plain if self._plain else fancy} ", style)
        line.append(f"{finding.check:<{CHECK_WIDTH}}")
        line.append(f"{first:<{width}}", "dim" if finding.verdict is Verdict.SKIPPED else "")
        line.append(f"{_time_text(finding):>{TIME_WIDTH}}", "dim")
        self._print(line)
        for rest in more:
            self._print(Text(" " * (CHECK_WIDTH + 2) + rest))
        indent = " " * (CHECK_WIDTH + 2)
        arrow = f"{'->' if self._plain else '→'} "
        for rest in self._wrapped(finding.advice, width - len(arrow)):
            self._print(Text(f"{indent}{arrow}{rest}", "bold"))
            arrow = " " * len(arrow)

    def end(self) -> None:
        """Say in one line what it comes to."""
        failures, warnings = self.counts[Verdict.FAILED], self.counts[Verdict.WARNING]
        self._console.print()
        if failures:
            self._print(Text(f"{failures} failed, {warnings} to be looked at.", "bold red"))
        elif warnings:
            self._print(Text(f"Nothing failed, {warnings} to be looked at.", "yellow"))
        else:
            self._print(Text("Nothing is wrong.", "green"))

    def _print(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)

    def _wrapped(self, text: str, width: int) -> list[str]:
        """Return the text in lines, as standard output can take it."""
        if self._plain:
            for fancy, plain in (("←", "<-"), ("→", "->"), ("±", "+/-"), ("…", "...")):
                text = text.replace(fancy, plain)
            text = text.encode(self._encoding, "replace").decode(self._encoding)
        return textwrap.wrap(text, width, break_on_hyphens=False)


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _time_text(finding: Finding) -> str:
    seconds = finding.seconds or 0.0
    if finding.verdict is Verdict.SKIPPED and seconds < WORTH_TELLING:
        return ""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
