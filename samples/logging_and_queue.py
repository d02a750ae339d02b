"""Into what you have already: the SDK's log as JSON lines, events into a queue of your own.

Every log record of the SDK carries its facts as attributes that begin with ``venuesdk_``. A queue
with a bound, filled by the callback, hands events to a worker; errors that no caller waits for go
into your log with a traceback, and with the facts that you add.
"""

import json
import logging
import queue
import sys
import threading

from venuesdk import Backoff, FuzeClient
from venuesdk.testing import simulate


class JsonLines(logging.Formatter):
    """One JSON object a line, with the facts of the SDK's records and one of our own."""

    def format(self, record):
        """Return the line."""
        facts = {k: v for k, v in vars(record).items() if k.startswith(("desk", "venuesdk_"))}
        return json.dumps({"level": record.levelname, "text": record.getMessage(), **facts})


handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JsonLines())
logging.basicConfig(level=logging.INFO, handlers=[handler])
log = logging.getLogger("desk")
quotes: queue.Queue = queue.Queue(maxsize=10_000)  # full: put() waits, and the SDK's bounds apply
heard, enough = threading.Event(), threading.Event()


def consume():
    for number, quote in enumerate(iter(quotes.get, None), 1):
        print(f"worker: {quote.symbol} {quote.buy_price} {quote.sell_price}")
        if number == 4:
            enough.set()


def on_error(error):
    log.error("not for any caller: %s", error, exc_info=error, extra={"desk": "rfq"})
    heard.set()


worker = threading.Thread(target=consume, daemon=True)
worker.start()
with (
    simulate("fuze") as venue,
    FuzeClient(
        url=venue.url, **venue.credentials, on_error=on_error, reconnect=Backoff(initial=0.1)
    ) as client,
):
    client.subscribe_quotes("BTC_USD", callback=quotes.put)
    venue.garbage()  # on_error is told of what cannot be read
    heard.wait(5)
    venue.drop()  # the log tells of the loss, the attempt, the new connection and the gap
    enough.wait(5)
quotes.put(None)
worker.join()
