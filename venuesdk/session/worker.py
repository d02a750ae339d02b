"""Worker: a daemon thread of a session's that anybody may wait for at any time.

What it does is its owner's business; no state of a session lives here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..timing import Deadline

__all__ = ["Worker"]


class Worker(threading.Thread):
    """A daemon thread that ends by itself when its owner tells it to.

    Python lets nobody join a thread that another one is just starting: it raises, where whoever
    closes a client at that moment would have to wait.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)
        self._begun = threading.Event()
        self._wanted = False

    def start(self) -> None:
        """Start the thread; raises where the system has none to give, and then it never runs."""
        self._wanted = True
        try:
            super().start()
        except BaseException:
            # An interrupt may come when the thread is there already.
            self._wanted = self.ident is not None
            raise

    def run(self) -> None:
        """Do the work, on the thread."""
        self._begun.set()
        super().run()

    def ended(self, deadline: Deadline) -> bool:
        """Wait for the thread's end, and return whether it came by the deadline.

        At once where it was never started, and where this is the thread itself.
        """
        if not self._wanted or self is threading.current_thread():
            return True
        if not self._begun.wait(deadline.remaining()):
            return False
        self.join(deadline.remaining())
        return not self.is_alive()
