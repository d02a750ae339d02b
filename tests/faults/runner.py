"""Runs one fault case: the peer here, the client in a process of its own, and what it reports."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from canaries import CANARIES
from faults.cases import CASES
from faults.plays import pausing, stuffed
from faults.table import TIMEOUT, Case
from faults.venue_cases import refusing

from venuesdk.testing import simulate
from venuesdk.testing.faults import (
    HostileServer,
    UnansweredPort,
    answering,
    cutting_under,
    redirecting_to,
)

__all__ = ["Runner", "prepare", "problems", "run"]

CHILD = Path(__file__).with_name("child.py")
WALL_LIMIT = 60.0
CUE_LIMIT = 30.0
CLOSE_LIMIT = 2.0
EXIT_LIMIT = 1.0
FACTORIES: dict[str, Any] = {
    "garbage": answering,
    "cutting_under": cutting_under,
    "pausing": pausing,
    "refusing": refusing,
    "stuffed": stuffed,
}
CREDENTIALS = {
    "fuze": {"api_key": CANARIES.api_key, "api_secret": CANARIES.api_secret},
    "infinex": {"api_key": CANARIES.api_key},
    "loopring": {"api_key": CANARIES.api_key},
    "onyx": {"token": CANARIES.token},
    "timex": {"api_id": CANARIES.api_id, "api_secret": CANARIES.api_secret},
}


class Runner:
    """Stages cases, with a private authority and the canaries for credentials."""

    def __init__(self, place: Path) -> None:
        import trustme

        self._authority = trustme.CA()
        self._ca_file = place / f"authority-{os.getpid()}.pem"
        self._authority.cert_pem.write_to_path(str(self._ca_file))
        self._targets: list[HostileServer] = []

    def run(self, case: Case, link: str) -> dict[str, Any]:
        """Return what the client's process reported, with what the peer saw."""
        secret = CREDENTIALS[case.venue]
        self._targets.clear()
        with contextlib.ExitStack() as stack:
            options = {"interval": case.interval, **secret, **case.sim}
            venue = stack.enter_context(simulate(case.venue, **options))
            orders: dict[str, Any] = {
                "scenario": case.scenario,
                "client": f"{case.venue.capitalize()}Client",
                "timeout": TIMEOUT,
                "credentials": secret,
                "options": dict(case.options),
                "recovers": True,
                **case.orders,
            }
            if link == "wss":
                orders["ca_file"] = str(self._ca_file)
            if case.before is not None:
                case.before(venue)
            server = self._peer(case, link, venue, orders, stack)
            if case.cue is not None:
                _beside(case.cue, venue, stack)
            report = _child(orders)
            report["accepted"] = server.accepted if server else 0
            peers = server.peers if server else []
            report["heads"] = sum(bool(peer.head) for peer in peers)
            report["visits"] = sum(target.accepted for target in self._targets)
            report["executed"] = _executed(venue)
            if case.seen is not None:
                report.update(case.seen(venue))
            return report

    def _peer(
        self, case: Case, link: str, venue: Any, orders: dict[str, Any], stack: Any
    ) -> HostileServer | None:
        """Put the hostile peer in its place, and its address into the orders."""
        if case.plays == ("unanswered_port",):
            port = stack.enter_context(UnansweredPort()).port
            orders.update(url=f"ws://127.0.0.1:{port}/", http_url=f"http://127.0.0.1:{port}")
            return None
        plays = [self._play(one, stack) for one in case.plays if one != "closed_port"]
        context = self._context(orders.pop("certificate", "")) if link == "wss" else None
        proxied = orders.pop("proxied", False)
        over_http = case.options.get("route") == "http"
        upstream = venue.http_url if over_http else venue.url
        server = HostileServer(*plays, upstream=upstream, tls=None if proxied else context)
        stack.enter_context(server)
        orders.setdefault("url", venue.url if over_http else server.url)
        if venue.has_http:
            orders.setdefault("http_url", server.http_url if over_http else venue.http_url)
        if proxied:
            orders["options"]["proxy"] = f"http://desk:{CANARIES.token}@127.0.0.1:{server.port}"
            scheme = "wss" if link == "wss" else "ws"
            orders["url"] = f"{scheme}://127.0.0.1:{venue.port}{venue.path}"
        if case.plays == ("closed_port",):
            server.close()
        return server

    def _play(self, one: Any, stack: Any) -> Any:
        if isinstance(one, tuple):
            return FACTORIES[one[0]](*one[1:])
        if one in ("redirect", "redirect_308"):
            target = stack.enter_context(HostileServer("silent"))
            self._targets.append(target)
            status = "308 Permanent Redirect" if one == "redirect_308" else "302 Found"
            return redirecting_to(target.url, status)
        return one

    def _context(self, certificate: str) -> ssl.SSLContext:
        import trustme

        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority, hosts, times = self._authority, ("127.0.0.1",), {}
        if certificate == "expired":
            times = {"not_before": now - 2 * day, "not_after": now - day}
        elif certificate == "early":
            times = {"not_before": now + day, "not_after": now + 2 * day}
        elif certificate == "other_host":
            hosts = ("other.example",)
        elif certificate == "unknown_authority":
            authority = trustme.CA()
        elif certificate == "old_tls":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        authority.issue_cert(*hosts, **times).configure_cert(context)
        return context


_runner: list[Runner] = []


def prepare(place: str) -> None:
    """Make this process ready to run cases; `place` is a folder for the authority's file."""
    _runner[:] = [Runner(Path(place))]


def run(id: str, link: str) -> dict[str, Any]:
    """Run the case of that id, in the process that was prepared."""
    case = next(case for case in CASES if case.id == id)
    report = _runner[0].run(case, link)
    left = sorted(one.name for one in threading.enumerate() if one.name.startswith("venuesdk-"))
    return {**report, "peer_threads": left}


def _executed(venue: Any) -> list[str]:
    """Return the client's own ids of the orders that the venue has taken."""
    ledger = getattr(venue, "orders", [])
    if isinstance(ledger, list):
        # Infinex takes no id of the client's, so each order of a scenario has its own amount.
        return [f"{order.pair} {order.amount}" for order in ledger]
    return [str(order.asked.client_order_id) for order in (*ledger.closed, *ledger.open())]


def _beside(cue: Any, venue: Any, stack: Any) -> None:
    """Run a cue on a thread of its own, until the case is over."""
    thread = threading.Thread(target=cue, args=(venue,), name="venuesdk-fault-cue", daemon=True)
    stack.callback(thread.join, CUE_LIMIT)
    thread.start()


def _child(orders: dict[str, Any]) -> dict[str, Any]:
    """Run the client's process, and return its report; a process that hangs is killed."""
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(json.dumps(orders), timeout=WALL_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return {"hung": True, "stderr": err[-4000:]}
    if process.returncode or not out.strip():
        return {"died": process.returncode, "stderr": err[-4000:]}
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    report["exit_seconds"] = time.monotonic() - report["ended"]
    report["stderr"] = err[-2000:]
    return report


def problems(case: Case, report: dict[str, Any]) -> list[str]:
    """Return in what the report is not as the table says."""
    if "hung" in report or "died" in report:
        return [f"the process {'hung' if 'hung' in report else 'died'}: {report['stderr']}"]
    found = []
    for name, wanted in case.must.items():
        seen = report.get(name)
        if not (_one_of(seen, wanted) if isinstance(wanted, tuple) else seen == wanted):
            found.append(f"{name} is {seen!r}, not {wanted!r}")
    if report.get("seconds", 0.0) > case.within:
        found.append(f"it took {report['seconds']:.2f} s, over {case.within} s")
    # What was interrupted may end before the clock of who interrupts it is read.
    if case.least and report.get("seconds", 0.0) < case.least:
        found.append(f"it took {report['seconds']:.2f} s, under {case.least} s")
    for name, grown in report.items():
        if name.endswith("growth") and grown > case.growth:
            found.append(f"memory grew by {grown >> 10} KiB ({name})")
    found += _about_next(case, report)
    if report.get("slots"):
        found.append(f"{report['slots']} requests still wait")
    if report["close_seconds"] > CLOSE_LIMIT:
        found.append(f"close() took {report['close_seconds']:.2f} s")
    if not report.get("left_open"):
        if report["threads"]:
            found.append(f"threads are left: {report['threads']}")
        if report["descriptors"] > 0:
            found.append(f"{report['descriptors']} descriptors are left")
    elif report["exit_seconds"] > EXIT_LIMIT:
        found.append(f"the interpreter took {report['exit_seconds']:.2f} s to exit")
    if report.get("peer_threads"):
        found.append(f"the peer left threads: {report['peer_threads']}")
    if report["outside"]:
        found.append(f"left loopback: {report['outside']}")
    if report["leaks"]:
        found.append(f"credentials were shown: {report['leaks']}")
    if len(report["executed"]) > len(set(report["executed"])):
        found.append(f"an order was executed twice: {report['executed']}")
    if report.get("outcome_unknown") is False and any(report["executed"]):
        found.append(f"an order was executed that was said not to be: {report['executed']}")
    return found


def _about_next(case: Case, report: dict[str, Any]) -> list[str]:
    """Return in what the next call did not do as it must; where none is made, there is none."""
    made = "next_error" in report
    wanted = None if case.next == "works" else case.next
    if (case.next == "none") == made:
        return [f"a next call was {'made' if made else 'not made'}, against the table"]
    if made and report["next_error"] != wanted:
        said = f"{report['next_error']}: {report.get('next_text')}"
        return [f"the next call did not do as it must ({case.next}): {said}"]
    return []


def _one_of(seen: Any, wanted: tuple[Any, ...]) -> bool:
    return any(one in wanted for one in seen) if isinstance(seen, list) else seen in wanted

