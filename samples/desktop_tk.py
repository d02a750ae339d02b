"""A desk on Tk: tickers, depth, a connection light, a log, and an order that never freezes it.

Runs against the built-in simulator. For the venue itself give its URL; the credentials are then
read from the environment (VENUESDK_TIMEX_API_ID and VENUESDK_TIMEX_API_SECRET).
"""

import sys
import tkinter as tk
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from tkinter import ttk
from typing import Literal

from venuesdk import State, TimexClient
from venuesdk.desktop import attach_tk, call_in_background
from venuesdk.testing import simulate
from venuesdk.venues.timex import GroupedOrderBook

MARKETS = ["BTCUSDT", "BTCUSD", "ETHUSD", "ETHAUDT", "ETHBTC"]
MARKETS += ["EOSUSDT", "LTCUSDT", "TIMEUSDT", "TIMEETH", "TIMEBTC"]
LEVELS, ROW, TOP, WIDTH = 8, 21, 30, 370
GROUND, PANEL, TEXT, FAINT = "#14181f", "#1c222c", "#e6e9ee", "#8b95a5"
UP, DOWN, UP_BAR, DOWN_BAR = "#3fcf8e", "#ff6b6b", "#173d31", "#472429"
LIGHTS = {State.CONNECTED: UP, State.FAILED: DOWN, State.CLOSED: FAINT}
Side = Literal["w", "center", "e"]
SANS, SMALL, MONO = ("DejaVu Sans", 11), ("DejaVu Sans", 10), ("DejaVu Sans Mono", 10)


class Desk:
    """The window. Everything here runs on Tk's own thread, but for what `start` does."""

    def __init__(self, root: tk.Tk, client: TimexClient) -> None:
        self.root, self.client = root, client
        self.chosen = MARKETS[0]
        self.books: dict[str, GroupedOrderBook] = {}
        self.first: dict[str, Decimal] = {}
        self.last: dict[str, Decimal] = {}
        root.title("venuesdk · TimeX")
        root.configure(background=GROUND)
        dress()
        self.build_status()  # first: what is packed last is what a small window cuts off
        self.build_log()
        self.build_tickers()
        self.build_depth()
        client.on_state(self.show_state)
        client.on_error(lambda error: self.log(f"error: {error}", "down"))
        self.post = attach_tk(root, client)  # closes the client with the window
        call_in_background(self.post, self.start, on_error=self.not_started)

    def start(self) -> None:
        """Connect and subscribe; it blocks, so it runs in the background."""
        self.client.connect()
        for market in MARKETS:
            self.client.subscribe_grouped_order_book(
                market, callback=self.show_book, on_gap=self.show_gap, conflate=True
            )

    def not_started(self, error):
        self.log(f"not connected, or not subscribed to all: {error}", "down")

    # What comes from the venue -----------------------------------------------------------------

    def show_state(self, change):
        self.light.itemconfigure("light", fill=LIGHTS.get(change.state, "#f5b942"))
        self.state.configure(text=change.state.value)
        self.log(f"{change.state.value} {change.reason and '· ' + change.reason}")

    def show_gap(self, gap):
        self.log(f"gap: {gap.reason.value}", "down")

    def show_book(self, book):
        if not (book.bids and book.asks):
            return
        market, bid, ask = book.market, book.bids[0].price, book.asks[0].price
        middle = (bid + ask) / 2
        change = 100 * (middle / self.first.setdefault(market, middle) - 1)
        rising = middle >= self.last.get(market, middle)
        prices = aligned([bid, ask, ask - bid])
        row = (market, *prices, f"{change:+.2f} %", "▲" if rising else "▼")
        self.tickers.item(market, values=row, tags="up" if rising else "down")
        self.last[market], self.books[market] = middle, book
        if market == self.chosen:
            self.show_depth()

    def show_depth(self):
        book = self.books.get(self.chosen)
        if book is None:
            return
        levels = {LEVELS - 1 - n: level for n, level in enumerate(book.asks[:LEVELS])}
        levels |= {LEVELS + 1 + n: level for n, level in enumerate(book.bids[:LEVELS])}
        prices = aligned([level.price for level in levels.values()])
        volumes = aligned([level.volume for level in levels.values()])
        most = max(level.volume for level in levels.values())
        for (row, level), price, volume in zip(levels.items(), prices, volumes, strict=True):
            top, length = TOP + row * ROW, int(WIDTH * level.volume / most)
            self.depth.coords(f"bar{row}", WIDTH - length, top, WIDTH, top + ROW - 2)
            self.depth.itemconfigure(f"price{row}", text=price)
            self.depth.itemconfigure(f"volume{row}", text=volume)
        for row in set(range(2 * LEVELS + 1)) - set(levels):  # where the book has no level
            self.depth.coords(f"bar{row}", 0, 0, 0, 0)
            self.depth.itemconfigure(f"price{row}||volume{row}", text="")
        self.depth.itemconfigure("title", text=self.chosen)
        spread = book.asks[0].price - book.bids[0].price
        self.depth.itemconfigure(f"price{LEVELS}", text=f"spread {spread:,f}")

    # What the user does ------------------------------------------------------------------------

    def choose(self, _):
        self.chosen = self.tickers.selection()[0]
        self.button.configure(text=f"Buy 0.01 {self.chosen} at the bid")
        self.show_depth()

    def buy(self):
        """Place an order: it blocks until the venue has answered, the window does not."""
        market, book = self.chosen, self.books.get(self.chosen)
        if book is None:
            return
        price, until = book.bids[0].price, datetime.now(timezone.utc) + timedelta(hours=1)
        self.button.state(["disabled"])
        mark = str(uuid.uuid4())  # by which it is found where the answer never comes
        self.log(f"placing: buy 0.01 {market} at {price:,f} as {mark} …")
        call_in_background(
            self.post,
            lambda: self.client.place_order(
                market, "BUY", Decimal("0.01"), price, expire_time=until, client_order_id=mark
            ),
            self.placed,
            self.failed,
        )

    def placed(self, answer):
        self.button.state(["!disabled"])
        for order in answer.orders:
            self.log(f"placed: {order.side.lower()} {order.quantity} {order.symbol}", "up")

    def failed(self, error):
        self.button.state(["!disabled"])
        unknown = getattr(error, "outcome_unknown", False)
        self.log(f"{'may have been placed' if unknown else 'not done'}: {error}", "down")

    def log(self, text, tag=""):
        self.lines.configure(state="normal")
        self.lines.insert("end", f"{datetime.now():%H:%M:%S}  {text}\n", tag)
        if int(self.lines.index("end").split(".")[0]) > 500:
            self.lines.delete("1.0", "100.0")
        self.lines.configure(state="disabled")
        self.lines.see("end")

    # The widgets -------------------------------------------------------------------------------

    def build_status(self):
        bar = ttk.Frame(self.root, padding=(12, 7))
        bar.pack(side="bottom", fill="x")
        self.light = tk.Canvas(bar, width=14, height=14, background=PANEL, highlightthickness=0)
        self.light.create_oval(2, 2, 13, 13, fill=FAINT, outline="", tags="light")
        self.light.pack(side="left")
        self.state = ttk.Label(bar, text="new")
        self.state.pack(side="left", padx=8)
        self.button = ttk.Button(bar, text=f"Buy 0.01 {MARKETS[0]} at the bid", command=self.buy)
        self.button.pack(side="right")

    def build_log(self):
        self.lines = tk.Text(
            self.root, height=6, font=MONO, background=GROUND, foreground=FAINT, borderwidth=0,
            highlightthickness=0, padx=12, pady=8, state="disabled", wrap="none",
        )  # fmt: skip
        self.lines.tag_configure("up", foreground=UP)
        self.lines.tag_configure("down", foreground=DOWN)
        self.lines.pack(side="bottom", fill="x")

    def build_tickers(self):
        columns = {"market": 100, "bid": 110, "ask": 110, "spread": 100, "change": 90, " ": 36}
        self.tickers = ttk.Treeview(
            self.root, columns=list(columns), show="headings", selectmode="browse"
        )
        for name, width in columns.items():
            side: Side = "w" if name == "market" else "center" if name == " " else "e"
            self.tickers.heading(name, text=name, anchor=side)
            self.tickers.column(name, width=width, minwidth=width, anchor=side)
        for market in MARKETS:
            self.tickers.insert("", "end", market, values=(market, *"–" * 4, ""))
        self.tickers.tag_configure("up", foreground=UP)
        self.tickers.tag_configure("down", foreground=DOWN)
        self.tickers.bind("<<TreeviewSelect>>", self.choose)
        self.tickers.selection_set(self.chosen)
        self.tickers.pack(side="left", fill="both", expand=True, padx=(12, 6), pady=12)

    def build_depth(self):
        height = TOP + (2 * LEVELS + 1) * ROW
        self.depth = tk.Canvas(
            self.root, width=WIDTH, height=height, background=GROUND, highlightthickness=0
        )
        self.depth.create_text(10, 14, anchor="w", fill=FAINT, font=SMALL, tags="title")
        self.depth.create_text(WIDTH - 10, 14, anchor="e", fill=FAINT, font=SMALL, text="volume")
        for row in range(2 * LEVELS + 1):
            bar, ink = (DOWN_BAR, DOWN) if row < LEVELS else (UP_BAR, UP)
            ink = FAINT if row == LEVELS else ink
            middle = TOP + row * ROW + ROW // 2
            self.depth.create_rectangle(0, 0, 0, 0, fill=bar, outline="", tags=f"bar{row}")
            for name, x, color in (("price", 150, ink), ("volume", WIDTH - 10, TEXT)):
                self.depth.create_text(
                    x, middle, anchor="e", fill=color, font=MONO, tags=f"{name}{row}"
                )
        self.depth.pack(side="right", padx=(6, 12), pady=12, anchor="n")


def aligned(numbers):
    """Return numbers as text, all with as many decimals as the longest of them."""
    places = max(-number.as_tuple().exponent for number in numbers)
    return [f"{number:,.{max(0, places)}f}" for number in numbers]


def dress():
    """Give ttk's widgets the colours of the window."""
    style = ttk.Style()
    style.theme_use("clam")
    style.configure(".", background=PANEL, foreground=TEXT, font=SANS, bordercolor=PANEL)
    style.configure("Treeview", background=GROUND, fieldbackground=GROUND, rowheight=35, font=MONO)
    style.configure("Treeview", foreground=TEXT, bordercolor=GROUND, lightcolor=GROUND)
    style.configure("Treeview.Heading", foreground=FAINT, font=SMALL, relief="flat")
    style.map("Treeview", background=[("selected", "#2b3544")])
    style.map("Treeview.Heading", background=[("active", PANEL)])
    style.configure("TButton", background="#2f6feb", padding=(14, 5), relief="flat")
    style.map("TButton", background=[("disabled", "#333b48"), ("active", "#4b83f0")])


def main():
    if len(sys.argv) > 1:
        root = tk.Tk()
        Desk(root, TimexClient(url=sys.argv[1], delivery="pump"))
        root.mainloop()
        return
    with simulate("timex", interval=0.1) as venue:
        root = tk.Tk()
        Desk(root, TimexClient(url=venue.url, delivery="pump", **venue.credentials))
        root.mainloop()


if __name__ == "__main__":
    main()
