"""A consumer that writes down each event before it asks for the next: ``consume.py URL GROUP LOG``.

A line is the number of the event, how it was handed out, and by which process it was seen to. It
ends when standard input does.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from venuesdk.relay import RelayReader
from venuesdk.timing import Backoff


def main(url: str, group: str, log: Path) -> None:
    """Write down what is read."""
    told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(*words: object) -> None:
        os.write(told, (" ".join(map(str, words)) + "\n").encode())

    reader = RelayReader(
        url,
        group,
        "consumer",
        "onyx:tickers",
        on_gap=lambda gap: write("gap", gap.reason.value, gap.count),
        on_error=lambda error: write("error", error),
        reconnect=Backoff(initial=0.05, maximum=0.2),
        batch=200,
    )

    def await_end() -> None:
        sys.stdin.read()
        reader.close()

    with reader:
        threading.Thread(target=await_end, daemon=True).start()
        print("ready", flush=True)
        for event in reader:
            origin = reader.origin
            assert origin is not None
            again = "again" if origin.redelivered else "new"
            write(event.tickers[0].timestamp_millis, again, os.getpid())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
