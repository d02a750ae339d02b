"""Several accounts in one process: a client for each, calls in parallel, one line of figures.

No client waits for another; those of one host share a bound on reconnecting (``quota=``). At the
venue each gets a key of its own: ``TimexClient(api_id=os.environ["MAKER_ID"], api_secret=…)``.
"""

import contextlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from venuesdk import Stats, TimexClient
from venuesdk.testing import simulate

ACCOUNTS = {"maker": Decimal("500.25"), "taker": Decimal("75")}


def audt_of(client: TimexClient) -> Decimal:
    """Return what the account holds; blocks, in a thread of the pool."""
    held = {balance.currency: balance.total_balance for balance in client.balances()}
    return held.get("AUDT", Decimal(0))


def line(figures: Iterable[Stats]) -> str:
    """Return one line about all clients."""
    stats = list(figures)
    counted = {
        "connected": sum(one.state == "connected" for one in stats),
        "requests": sum(one.requests for one in stats),
        "rejections": sum(one.rejections for one in stats),
        "reconnects": sum(one.reconnects for one in stats),
        "gaps": sum(one.gaps for one in stats),
    }
    return " ".join(f"{name}={count}" for name, count in counted.items())


with contextlib.ExitStack() as stack:
    # Entered first, left last: closing the clients ends the calls that it would wait for.
    pool = stack.enter_context(ThreadPoolExecutor(len(ACCOUNTS)))
    clients: dict[str, TimexClient] = {}
    for name, audt in ACCOUNTS.items():
        venue = stack.enter_context(simulate("timex", api_id=f"{name}-id", balances={"AUDT": audt}))
        client = TimexClient(url=venue.url, **venue.credentials)
        clients[name] = stack.enter_context(client)
    for name, amount in zip(clients, pool.map(audt_of, clients.values()), strict=True):
        print(name, "holds", amount, "AUDT")
    print(line(client.stats() for client in clients.values()))
