"""Journal: what a client says of itself, and the last of it, kept for a bug report.

Log records go to the logger ``venuesdk.<venue>``, with the facts of their text as attributes of
their own, which `Facts` lists. Nothing is printed where the program has not set logging up; what
must be seen even then goes to `threading.excepthook`. No credential is written here and no
payload, and nothing here takes a lock or waits, unless a logging handler of the user's does.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from ..models import Gap, GapReason, StateChange
from ..timing import wall_clock
from .masking import LogMask

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["KEPT", "PREFIX", "Entry", "Facts", "Journal", "text_of"]

PREFIX = "venuesdk_"
"""How the name of every attribute of ours on a log record begins.

A record that has the attribute already, from Python or from the program's own record factory,
would be refused by the logging module: with it, none has.
"""
KEPT = 32
"""How many errors, and how many state changes, are kept."""
Entry: TypeAlias = "tuple[float, str, int]"
"""One thing that happened: when last (seconds since 1970), its text, how often in a row."""
LONGEST = 500
"""How many characters of each are kept."""

logging.getLogger("venuesdk").addHandler(logging.NullHandler())


class Facts(TypedDict, total=False):
    """What a log record may carry, each as an attribute ``venuesdk_<name>``.

    Beside these, every record has ``venuesdk_venue`` and ``venuesdk_epoch``, the number of the
    connection (0 before the first).

    ============== ======= =====================================================================
    name           type    what it is
    ============== ======= =====================================================================
    state          str     the state that the client has now (`State` by its value)
    previous_state str     the one before
    attempt        int     attempts since the last healthy connection, one to come counted in
    delay          float   seconds until the next attempt, or until its turn in the quota
    error          str     the type of the error that is the reason
    close_code     int     the code of the close frame that ended the connection, where one did
    request_id     int     the id of a request
    method         str     the venue's word for a request
    outcome        str     ``answered`` or ``refused``
    bytes          int     the size of a frame
    seconds        float   how long it took, or has been so
    topic          str     the stream
    gap            str     why events are missing (`GapReason` by its value)
    lost           int     how many are, or errors, where it is known
    callback       str     the name of the user's function
    waiting        int     items that wait for a callback
    ============== ======= =====================================================================
    """

    state: str
    previous_state: str
    attempt: int
    delay: float
    error: str
    close_code: int
    request_id: int
    method: str
    outcome: str
    bytes: int
    seconds: float
    topic: str
    gap: str
    lost: int
    callback: str
    waiting: int


class Journal:
    """The log of one client, its last errors and its last changes of state.

    Any thread may use it. The two deques are bounded, and written in single steps. `passes` says
    of what the user's code raised whether it belongs to the thread that it was raised on.
    """

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.passes: Callable[[BaseException], bool] = _is_exit
        self.epoch = 0
        self.logger = logging.getLogger(f"venuesdk.{venue}")
        self.mask = LogMask()
        self.errors: deque[Entry] = deque(maxlen=KEPT)
        self.changes: deque[Entry] = deque(maxlen=KEPT)
        self.error_count = 0

    def say(
        self,
        level: int,
        text: str,
        *arguments: object,
        cause: BaseException | None = None,
        unmissed: bool = False,
        **facts: Unpack[Facts],
    ) -> None:
        """Log a record with its facts; `cause` is shown with its traceback.

        What must be `unmissed` goes to standard error where the program has not set logging up, as
        Python does with warnings of a library that has no NullHandler. A logging handler of the
        user's that raises goes to `threading.excepthook`, and stops nothing.
        """
        if not self.logger.isEnabledFor(level):
            return
        extra = {f"{PREFIX}{name}": value for name, value in facts.items()}
        extra[f"{PREFIX}venue"] = self.venue
        extra[f"{PREFIX}epoch"] = self.epoch
        try:
            # Two frames up is who has something to say.
            self.logger.log(level, text, *arguments, exc_info=cause, extra=extra, stacklevel=2)
            if unmissed and sys.stderr is not None and not _is_heard(self.logger):
                print(f"venuesdk.{self.venue}: {text % arguments}", file=sys.stderr)
        except Exception as failure:
            self.hook(failure)

    def say_error(self, error: BaseException, where: str = "") -> None:
        """Log an error that nobody takes, with its traceback."""
        facts: Facts = {"error": type(error).__name__}
        if where:
            facts["callback"] = where
        self.say(logging.ERROR, "%s", text_of(error), cause=error, **facts)

    def say_gap(self, name: str, gap: Gap, silence: float | None = None) -> None:
        """Log a gap that nobody else is told of; `silence` is how long nothing came, in seconds."""
        facts: Facts = {"topic": name, "gap": gap.reason.value}
        if gap.reason is GapReason.STALE:
            if silence is None:
                self.say(logging.WARNING, "%s is stale: nothing came for a while", name, **facts)
                return
            facts["seconds"] = silence
            text = "%s is stale: nothing came for %g s"
            self.say(logging.WARNING, text, name, silence, **facts)
            return
        if gap.count is not None:
            facts["lost"] = gap.count
        count = "an unknown number of" if gap.count is None else gap.count
        text = "gap in %s: %s, %s events lost"
        self.say(logging.WARNING, text, name, gap.reason.value, count, unmissed=True, **facts)

    def note_change(self, change: StateChange) -> None:
        """Keep a change of state; the caller logs it where no lock is held."""
        cause = "" if change.error is None else f" [{type(change.error).__name__}]"
        attempt = f", attempt {change.attempt}" if change.attempt else ""
        steps = f"{change.previous.value} -> {change.state.value}"
        self._keep(self.changes, f"{steps} (epoch {change.epoch}{attempt}): {change.reason}{cause}")

    def note_error(self, error: BaseException, where: str = "") -> None:
        """Count and keep an error that no caller waits for."""
        self.error_count += 1
        text = text_of(error)
        self._keep(self.errors, f"{text} (in {where})" if where else text)

    def _keep(self, entries: deque[Entry], text: str) -> None:
        # Masked before it is cut: half a credential would not be found.
        now, text = wall_clock(), self.mask.apply(text)[:LONGEST]
        with suppress(IndexError):
            _, last, count = entries[-1]
            if last == text:
                # A flood of one error leaves what was before it.
                entries[-1] = (now, text, count + 1)
                return
        entries.append((now, text, 1))

    def hook(self, error: BaseException) -> None:
        """Hand an error to `threading.excepthook`, which no configuration of logging silences.

        Where the hook raises, both go to Python's own, which writes to standard error.
        """
        try:
            threading.excepthook(_hook_arguments(error))
        except BaseException as failure:
            if self.passes(failure):
                raise
            with suppress(Exception):
                self.logger.error("threading.excepthook itself raised", exc_info=failure)
            # Where Python chained them, the one shows the other.
            chained = failure.__context__ is error
            for one in (failure,) if chained else (error, failure):
                with suppress(Exception):
                    threading.__excepthook__(_hook_arguments(one))


def _is_heard(logger: logging.Logger) -> bool:
    """Return whether what is logged reaches any handler but ours."""
    at: logging.Logger | None = logger
    while at is not None:
        if any(type(handler) is not logging.NullHandler for handler in at.handlers):
            return True
        at = at.parent if at.propagate else None
    return False


def _is_exit(error: BaseException) -> bool:
    return not isinstance(error, Exception)


def text_of(error: BaseException) -> str:
    """Return the type and the text of an error, which may be one of the user's own making."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, whose text cannot be had"


def _hook_arguments(error: BaseException) -> threading.ExceptHookArgs:
    if isinstance(error, SystemExit):
        # Python's own hook says nothing of it, for there it ends a thread; here it ends nothing.
        shown = RuntimeError(f"{error!r} was raised where it ends nothing: close the client")
        shown.__cause__ = error
        error = shown
    return threading.ExceptHookArgs(
        (type(error), error, error.__traceback__, threading.current_thread())
    )
