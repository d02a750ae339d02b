"""A venue in a process of its own that streams at a steady rate, each event with its number.

It prints its address and token, waits for the first subscription, sends the events, and ends when
its standard input does.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

from venuesdk.testing import simulate

BEATS = 200
"""How often a second it sends."""
EVENT = (
    '{{"channel":"tickers","message":[{{"symbol":"ebobm25","product_symbol":"ebob",'
    '"timestamp_millis":{number},"mid":"742.50","bid":{{"price":"742.25","amount":"10"}},'
    '"ask":{{"price":"742.75","amount":"5"}}}}],"message_type":1}}'
)
"""A ticker as the simulated venue sends it."""


def main() -> None:
    """Stream `--count` events at `--rate` a second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    with simulate("onyx", interval=None) as venue:
        print(venue.url, venue.token, flush=True)
        threading.Thread(target=stream, args=(venue, options.rate, options.count)).start()
        sys.stdin.read()


def stream(venue, rate, count):
    """Send in beats, each as many events as are due by then."""
    if not venue.wait_for(lambda one: any("tickers" in text for _, text in one.received), 30):
        return
    started, sent = time.monotonic(), 0
    while sent < count and venue.connections:
        due = min(count, int((time.monotonic() - started) * rate))
        for number in range(sent, due):
            venue.push(EVENT.format(number=number))
        sent = due
        time.sleep(1 / BEATS)


if __name__ == "__main__":
    main()
