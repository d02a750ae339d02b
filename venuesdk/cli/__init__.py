"""The command ``venuesdk``: its arguments, and nothing of what its subcommands do."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .._version import __version__

__all__ = ["main"]

VENUES = ("infinex", "timex", "loopring", "fuze", "onyx")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process by default); return its status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "demo":
            from .demo import run_demo

            return run_demo(options.venue, options.url, options.http_url)
        from .simulate import run_simulator

        return run_simulator(options.venue, options)
    except ImportError as missing:
        print(f"venuesdk: {missing}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="venuesdk", description="Blocking, thread-safe clients of five trading venues."
    )
    parser.add_argument("--version", action="version", version=f"venuesdk {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo",
        help="run the clients against the built-in simulators, and print what happened",
        description="Run every client against its built-in simulator: login, calls, rejections, "
        "streams, a cut connection. Exit status 0 only if every step did what it must. With "
        "--url one client talks to a real venue instead; its credentials come from the "
        "environment.",
    )
    demo.add_argument("--venue", choices=VENUES, help="only this one")
    demo.add_argument("--url", help="the WebSocket address of a real venue (needs --venue)")
    demo.add_argument("--http-url", help="the HTTP address of a real venue, where it has one")

    simulate = commands.add_parser(
        "simulate",
        help="run one simulated venue on loopback until Ctrl-C",
        description="Run one simulated venue on loopback, print how to reach it, and take fault "
        "switches on standard input, one a line: drop, mute, half_open, slow 0.5, close_with "
        "1012, and so on.",
    )
    simulate.add_argument("venue", choices=VENUES)
    simulate.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    simulate.add_argument("--seed", type=int, default=1, help="the same seed, the same data")
    simulate.add_argument(
        "--interval", type=float, default=0.5, help="seconds between two steps of the market"
    )
    simulate.add_argument("--seconds", type=float, help="stop after so many seconds")
    return parser
