"""TimeX: an account's balances, a market's book, and a refusal.

Runs against the built-in simulator. For the venue itself put the two halves of an API key into the
environment as VENUESDK_TIMEX_API_ID and VENUESDK_TIMEX_API_SECRET, and write
``with TimexClient() as client:``; without a key the public streams work.
"""

import itertools

from venuesdk import AuthenticationError, TimexClient
from venuesdk.testing import simulate

with simulate("timex") as venue, TimexClient(url=venue.url, **venue.credentials) as client:
    for balance in client.balances():
        print(balance.currency, balance.total_balance, "of it in orders:", balance.locked_balance)

    try:
        client.subscribe_account("0x" + 40 * "0")
    except AuthenticationError as refusal:
        print("refused:", refusal)

    with client.subscribe_grouped_order_book("ETHAUDT", on_gap=print) as books:
        for book in itertools.islice(books, 3):  # each is the whole book, best prices first
            bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
            print(book.market, bid, ask, book.datetime.isoformat())
