"""Record a client, then run the same code against the tape: no venue, no socket, same events."""

import math
import tempfile
from itertools import islice
from pathlib import Path

from venuesdk import OnyxClient
from venuesdk.testing import simulate
from venuesdk.testing.tape import Recorder, read_tape, replayed, serve_tape


def spread(client):
    """The code under test: the spread of the first three tickers."""
    with client.subscribe_tickers(products=["ebob"]) as events:
        tickers = [event.tickers[0] for event in islice(events, 3)]
        return [ticker.ask.price - ticker.bid.price for ticker in tickers]


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "monday.tape"  # monday.tape.zst is packed: pip install 'venuesdk[record]'
    with simulate("onyx") as venue:
        client = OnyxClient(url=venue.url, token=venue.token)
        with Recorder(client, path), client:
            recorded = spread(client)

    tape = read_tape(path)  # it stays in the file, and is read whenever it is iterated
    for entry in islice(tape, 4):
        print(entry.kind.value, entry.text)

    # In a test: the client's own codec and delivery, but no network and no waiting.
    with replayed(tape, OnyxClient, speed=math.inf) as client:
        assert spread(client) == recorded
        print("replayed:", *recorded)

    # For another program: the tape as a venue on loopback, ten times as fast as it was.
    with serve_tape(tape, speed=10) as served, OnyxClient(url=served.url, token="any") as client:
        assert spread(client) == recorded
        print("served:", *recorded, "surprises:", served.surprises)
