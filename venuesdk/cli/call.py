"""``venuesdk call``: one request, its typed answer, and the certainty that nothing was sent twice.

What is not known to be a read is sent only where somebody said yes.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import RequestRejected, VenueError
from .output import abandon, can_ask, console, is_for_people, note, visible, write_json
from .shell import NOT_SENT, UNKNOWN
from .target import VENUES, Target, target_options

if TYPE_CHECKING:
    from .methods import Method
    from .rehearsal import Plan

__all__ = ["FIND_OUT", "command", "complete", "complete_arguments"]

FIND_OUT = {
    "infinex": "look for an order in: venuesdk call infinex request path=/spot/open_orders "
    "'params={\"offset\": 0}' (what is not there may be filled, see path=/spot/orders_history, or "
    "still on its way)",
    "timex": "look for it, by its client_order_id, in: venuesdk call timex open_orders (what is "
    "not there may be filled, or still on its way)",
}
"""How to learn what became of a request, by venue."""


class _UnwrittenError(click.ClickException):
    """A request was carried out, and whoever waits for its answer did not get it."""

    exit_code = UNKNOWN


def complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the methods that a shell may complete to."""
    venue = context.params.get("venue")
    if venue not in VENUES:
        return []
    from .methods import methods

    return [name for name in methods(Target(venue).client_class) if name.startswith(incomplete)]


def complete_arguments(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the arguments of the method that stands before which are not given yet.

    For bash name, ``=`` and value are three words; to a value nothing can be completed.
    """
    venue, method = context.params.get("venue"), context.params.get("method")
    given = context.params.get("arguments") or ()
    if venue not in VENUES:
        return []
    from .methods import methods

    known = methods(Target(venue).client_class)
    names = [one.name for one in known[method].parameters] if method in known else []
    # Of "symbol=", where click takes the sign for the empty beginning of a word, the name is left.
    if given[-1:] == ("=",) or (given[-2:-1] != ("=",) and set(given[-1:]) & set(names)):
        return []
    taken = {word.partition("=")[0] for word in given}
    return [f"{name}=" for name in names if name not in taken and name.startswith(incomplete)]


@click.command(
    epilog="Without METHOD it lists the methods of the venue. What may change something at the "
    "venue is shown first and sent only after a yes, or with --yes; not so with --sim. A TEXT is "
    "taken as it is, a DECIMAL is digits (0.50, not 5e-1); in JSON a number with a fraction is "
    "sent as text. Try: venuesdk call infinex request path=/spot/open_orders/cancel "
    "'params={\"obid\": 7}' --dry-run",
)
@target_options
@click.argument("method", required=False, shell_complete=complete)
@click.argument(
    "arguments", metavar="[NAME=VALUE]...", nargs=-1, shell_complete=complete_arguments
)
@click.option("--dry-run", is_flag=True, help="Print the frame, secrets masked; connect nowhere.")
@click.option("--yes", "-y", is_flag=True, help="Send without asking.")
@click.option("--json", "as_json", is_flag=True, help="The answer as a line of JSON.")
def command(
    target: Target,
    method: str | None,
    arguments: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Make one request of VENUE, and print its typed answer.

    A method is one of the venue's client: `client.open_orders(size=5)` is written
    "call timex open_orders size=5".
    """
    from .methods import methods
    from .rehearsal import rehearse

    known = methods(target.client_class)
    if method is None:
        _list(target.venue, known, as_json)
        return 0
    if method not in known:
        there_are = ", ".join(known) or "no methods: it is all streams, see venuesdk watch"
        raise click.UsageError(f"{target.venue} has no method {method!r}; there are {there_are}")
    given = known[method].arguments(arguments)
    target.check_credentials()

    def ask(client: Any) -> Any:
        return getattr(client, method)(**given)

    # Before anything is connected to: a mistake in an argument is found here too.
    plan = rehearse(target.client_class, target.options, ask)
    if dry_run:
        _show(plan, target.venue, method, as_json)
        return 0
    if not (plan.read or target.simulated or yes) and not _agreed(plan, target):
        note("Nothing was sent.")
        return NOT_SENT
    _call(target, ask, plan, method, as_json)
    return 0


def _list(venue: str, known: dict[str, Method], as_json: bool) -> None:
    if as_json:
        write_json(
            *(
                {"method": one.name, "signature": one.signature, "what": one.what}
                for one in known.values()
            )
        )
        return
    for one in known.values():
        returns = f" Returns {one.result}." if one.result else ""
        click.echo(f"{one.signature}\n    {one.what}{returns}")
    if not known:
        click.echo(f"{venue} has no calls: it is all streams, see venuesdk topics {venue}")


def _show(plan: Plan, venue: str, method: str, as_json: bool) -> None:
    if as_json:
        head = {"kind": "dry-run", "venue": venue, "method": method}
        write_json({**head, "read": plan.read, "frame": plan.frame})
    else:
        click.echo(plan.frame)


def _agreed(plan: Plan, target: Target) -> bool:
    """Ask whether to send what may change something at the venue."""
    if not can_ask():
        raise click.UsageError(
            "this may change something at the venue, and there is no terminal to ask at: "
            "look at it with --dry-run, send it with --yes"
        )
    note(f"To {target.place}:\n{plan.frame}")
    # What is left of the rehearsal goes now: Python drops a Ctrl-C that falls into the end of an
    # object that is known by a weak reference, and here somebody is about to press it.
    gc.collect()
    try:
        return click.confirm("Send it?", err=True)
    except click.Abort as left:
        # An end of input is no yes. Ctrl-C is what it is anywhere else.
        if isinstance(left.__context__, EOFError):
            note("")
            return False
        raise


def _call(
    target: Target, ask: Callable[[Any], Any], plan: Plan, method: str, as_json: bool
) -> None:
    head = {"venue": target.venue, "method": method}
    asked = False
    try:
        with target.client() as client:
            client.connect()
            asked = True
            result = ask(client)
            # Before the client is closed: Ctrl-C there must not hide what is known.
            _answer(result, plan, head, as_json)
            asked = False
    except VenueError as error:
        if error.outcome_unknown:
            _tell_unknown(target, plan)
        if as_json:
            _write_refusal(error, head)
        raise
    except KeyboardInterrupt:
        if asked:
            _tell_unknown(target, plan)
        raise


def _answer(result: Any, plan: Plan, head: dict[str, Any], as_json: bool) -> None:
    """Write the answer; that it could not be written says nothing of what was asked."""
    try:
        if as_json:
            write_json({"kind": "result", **head, "result": result})
        else:
            _print(result)
    except (OSError, ValueError, TypeError) as error:
        if plan.read:
            raise
        abandon()
        raise _UnwrittenError(
            f"it was sent, and the venue answered, but that could not be written ({error}); "
            f"the answer: {visible(repr(result))}"
        ) from error


def _write_refusal(error: VenueError, head: dict[str, Any]) -> None:
    """Write an error for programs; where that cannot be, the status tells what matters of it."""
    told = {
        "error": type(error).__name__,
        "code": error.code if isinstance(error, RequestRejected) else None,
        "message": str(error),
        "outcome_unknown": error.outcome_unknown,
    }
    try:
        write_json({"kind": "error", **head, **told})
    except OSError:
        abandon()


def _tell_unknown(target: Target, plan: Plan) -> None:
    """Say that the request may have been carried out, and how to find out."""
    if plan.read:
        return
    how = FIND_OUT.get(target.venue, "ask the venue before you send it again")
    note(f"venuesdk: the outcome is unknown: it may have been carried out. To find out, {how}")


def _print(result: Any) -> None:
    if result is None:
        click.echo("done")
    elif isinstance(result, str):
        click.echo(visible(result))
    else:
        from rich.pretty import Pretty

        # Nothing is broken over lines: what is copied, such as an order's id, must be whole.
        shown = Pretty(result, expand_all=True, indent_guides=is_for_people())
        console().print(shown, soft_wrap=True)

