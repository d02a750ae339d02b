"""The program on the far host: simulated venues, over TLS.

Its setting has ``certificate`` (a PEM file with key and chain), ``venues``, their names,
``interval``, that of their markets, and ``address``. It reports where each listens, and carries
out ``orders``.
"""

from __future__ import annotations

import json
import ssl
import sys
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from links.program import commands, report

from venuesdk.testing import simulate


def orders(venue: Any) -> list[str]:
    """Return what identifies every order that a venue carried out: id of ours, or price."""
    if venue.name == "infinex":
        return [str(order.price) for order in venue.orders]
    ledger = venue.orders
    taken = [*ledger.resting.values(), *ledger.closed]
    return [order.asked.client_order_id for order in taken]


def main() -> None:
    """Run the venues until standard input ends."""
    setting = json.loads(sys.argv[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(setting["certificate"])
    options = {"interval": setting["interval"], "host": setting["address"]}
    with ExitStack() as stack:
        venues: dict[str, Any] = {
            name: stack.enter_context(simulate(name, tls=context, **options))
            for name in setting["venues"]
        }
        places = {
            name: {
                "port": venue.port,
                "path": venue.path,
                "http_port": urlsplit(venue.http_url).port if venue.has_http else None,
                "credentials": venue.credentials,
            }
            for name, venue in venues.items()
        }
        report("listening", places=places)
        for command in commands():
            venue = venues[command["venue"]]
            if command["do"] == "orders":
                report("orders", orders=orders(venue))


if __name__ == "__main__":
    main()
