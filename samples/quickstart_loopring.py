"""Loopring: several streams by one request, and a refusal.

Runs against the built-in simulator. For the venue itself put the account's API key into the
environment as VENUESDK_LOOPRING_API_KEY, and write ``with LoopringClient() as client:``; without a
key all topics work but ``Account()`` and ``Orders(market)``.
"""

from venuesdk import LoopringClient, RequestRejected
from venuesdk.testing import simulate
from venuesdk.venues.loopring import Account, Candlesticks, OrderBook, Ticker

with (
    simulate("loopring") as venue,
    LoopringClient(url=venue.url, http_url=venue.http_url, api_key=venue.api_key) as client,
):
    try:
        client.subscribe(Ticker("LRC-ETH"), Candlesticks("LRC-GOLD", "1min"))
    except RequestRejected as refusal:  # a request succeeds or fails as a whole: no ticker either
        print("refused:", refusal)

    ticker, book, account = client.subscribe(
        Ticker("LRC-ETH"), OrderBook("LRC-ETH", count=5, snapshot=True), Account(), on_gap=print
    )
    with ticker, book, account:
        day = ticker.get(timeout=5)
        print(day.market, "close", day.close, "bid", day.bid, "ask", day.ask)
        whole = book.get(timeout=5)
        print(whole.market, *(f"{slot.size} at {slot.price}" for slot in whole.bids[:2]))
        balance = account.get(timeout=5)  # in the smallest unit of its token
        print("account", balance.account_id, "token", balance.token_id, "holds", balance.total)
