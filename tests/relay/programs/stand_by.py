"""One of two publishers of a venue that both see the same events: ``stand_by.py URL LEASE``.

A number comes each millisecond, and is that millisecond, in every process: two clients of one
venue. A line of standard output says when it came into office; it ends when standard input does.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from sources import Feed, onyx  # noqa: E402

from venuesdk.relay import Relay  # noqa: E402
from venuesdk.timing import Backoff  # noqa: E402


def main(url: str, lease: float) -> None:
    """Publish the milliseconds that pass while this is in office."""
    quick = Backoff(initial=0.02, maximum=0.1)
    ended = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=await_end, daemon=True).start()
    with Relay(onyx(), url, lease=lease, reconnect=quick, linger=0.0) as relay:
        feed = Feed(relay, relay._offices["onyx"].client)
        print("ready", flush=True)
        publishing = False
        while not ended.wait(0.001):
            if relay.publishing is not publishing:
                publishing = relay.publishing
                print("in office" if publishing else "standing by", flush=True)
            now = int(time.time() * 1000)
            if feed._next < now - 100:
                # It was stopped: what it did not see, its venue would have sent it meanwhile.
                feed._next = max(feed._next, now - 2000)
            if feed._next <= now:
                feed.give(now + 1 - feed._next)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
