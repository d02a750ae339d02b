"""A publisher that goes on where the stream ends: ``publish.py URL COUNT [SHARD]``.

Its client speaks to nobody; the events are numbered, and a number is what the venue would call a
time. It asks Redis itself, not the relay, how far the stream is, as whoever killed it cannot know.
"""

from __future__ import annotations

import sys
from pathlib import Path

import redis

sys.path.insert(0, str(Path(__file__).parent.parent))
from sources import STREAM, Feed, number_of, onyx  # noqa: E402

from venuesdk.relay import Relay  # noqa: E402
from venuesdk.timing import Backoff  # noqa: E402

AHEAD = 5_000
RUN = 50


def last_number(url: str) -> int:
    """Return the number of the last event in the stream."""
    with redis.Redis.from_url(url) as client:
        for _, fields in client.xrevrange(STREAM, count=AHEAD):
            if fields[b"kind"] == b"event":
                return number_of(fields)
    return 0


def main(url: str, count: int) -> None:
    """Publish the numbers up to `count`, and end when all of them are confirmed."""
    quick = Backoff(initial=0.05, maximum=0.2)
    with Relay(onyx(), url, lease=0.5, reconnect=quick, max_queue=2 * AHEAD) as relay:
        relay.wait_publishing()
        feed = Feed(relay, relay._offices["onyx"].client)
        feed._next = last_number(url) + 1
        print("ready", flush=True)
        while feed._next <= count:
            if relay.stats().queued > AHEAD:
                relay.flush(1.0)
            feed.give(min(RUN, count + 1 - feed._next))
        if not relay.flush(60.0) or relay.stats().dropped:
            raise SystemExit(f"not all was published: {relay.stats()}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
