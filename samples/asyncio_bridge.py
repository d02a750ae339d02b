"""A client inside an asyncio program: callbacks on the loop's thread, calls off it.

``delivery=loop.call_soon_threadsafe`` hands callbacks to the loop; ``asyncio.to_thread`` makes a
blocking call elsewhere. To cancel such a task does not take its call back: an order may be placed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from venuesdk import TimexClient
from venuesdk.testing import simulate
from venuesdk.venues.timex import GroupedOrderBook


@contextlib.asynccontextmanager
async def connected(client: TimexClient) -> AsyncIterator[None]:
    """Connect and close without making the loop wait."""
    try:
        await asyncio.to_thread(client.connect)
        yield
    finally:
        await asyncio.to_thread(client.close)


async def main(url: str, api_id: str, api_secret: str) -> None:
    client = TimexClient(
        url=url,
        api_id=api_id,
        api_secret=api_secret,
        delivery=asyncio.get_running_loop().call_soon_threadsafe,
        on_error=print,  # a QueueFull too: nothing is lost in silence
    )
    books: asyncio.Queue[GroupedOrderBook] = asyncio.Queue(maxsize=1000)
    async with connected(client):
        await asyncio.to_thread(
            client.subscribe_grouped_order_book, "ETHAUDT", books.put_nowait, on_gap=print
        )
        balances, _ = await asyncio.gather(asyncio.to_thread(client.balances), show(books))
        for balance in balances:
            print(balance.currency, balance.total_balance)


async def show(books: asyncio.Queue[GroupedOrderBook]) -> None:
    for _ in range(3):
        book = await books.get()
        print(book.market, *(level.price for level in (*book.bids[:1], *book.asks[:1])))


with simulate("timex") as venue:
    asyncio.run(main(venue.url, venue.api_id, venue.api_secret))
