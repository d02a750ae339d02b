"""A desk on Qt: tickers, depth, a connection light, a log, and an order that never freezes it.

Runs against the built-in simulator. For the venue itself give its URL; the credentials are then
read from the environment (VENUESDK_TIMEX_API_ID and VENUESDK_TIMEX_API_SECRET). Needs
``pip install 'PySide6-Essentials<6.12'``: 6.12 crashes on Python 3.11 and older.
"""

import sys
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)  # fmt: skip

from venuesdk import State, TimexClient
from venuesdk.desktop import Poster, call_in_background, qt_poster
from venuesdk.testing import simulate
from venuesdk.venues.timex import GroupedOrderBook

MARKETS = ["BTCUSDT", "BTCUSD", "ETHUSD", "ETHAUDT", "ETHBTC"]
MARKETS += ["EOSUSDT", "LTCUSDT", "TIMEUSDT", "TIMEETH", "TIMEBTC"]
COLUMNS = {"market": 100, "bid": 110, "ask": 110, "spread": 100, "change": 90, "": 36}
LEVELS, ROW, TOP = 8, 21, 32
UP, DOWN, UP_BAR, DOWN_BAR = "#3fcf8e", "#ff6b6b", "#173d31", "#472429"
TEXT, FAINT = "#e6e9ee", "#8b95a5"
LIGHTS = {State.CONNECTED: UP, State.FAILED: DOWN, State.CLOSED: FAINT}
LEFT, RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
CENTER, MIDDLE = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter
STYLE = """
* { background: #14181f; color: #e6e9ee; font-family: "DejaVu Sans"; font-size: 14px; border: none }
QTableWidget, QPlainTextEdit { font-family: "DejaVu Sans Mono"; font-size: 13px }
QTableWidget::item:selected { background: #2b3544 }
#bar, #bar QLabel, QHeaderView::section { background: #1c222c }
QHeaderView::section { color: #8b95a5; font-size: 13px; font-weight: normal; border: none }
QHeaderView::section { padding: 6px }
QPushButton { background: #2f6feb; padding: 8px 16px; border-radius: 4px }
QPushButton:hover { background: #4b83f0 }
QPushButton:disabled { background: #333b48; color: #8b95a5 }
"""


class Desk(QWidget):
    """The window. Everything here runs on Qt's own thread, but for what `start` does."""

    def __init__(self, client: TimexClient, post: Poster) -> None:
        super().__init__(windowTitle="venuesdk · TimeX", styleSheet=STYLE)
        self.client, self.post, self.chosen = client, post, MARKETS[0]
        self.cells: dict[tuple[str, int], QTableWidgetItem] = {}
        self.books: dict[str, GroupedOrderBook] = {}
        self.first: dict[str, Decimal] = {}
        self.last: dict[str, Decimal] = {}
        self.ladder, self.lines = Ladder(), QPlainTextEdit(readOnly=True, maximumBlockCount=500)
        self.lines.setFixedHeight(124)
        self.light, self.state = QLabel("●"), QLabel("new")
        self.button = QPushButton(f"Buy 0.01 {self.chosen} at the bid")
        self.button.clicked.connect(self.buy)
        self.build()
        client.on_state(self.show_state)
        client.on_error(lambda error: self.log(f"error: {error}", DOWN))
        call_in_background(post, self.start, on_error=self.not_started)

    def start(self) -> None:
        """Connect and subscribe; it blocks, so it runs in the background."""
        self.client.connect()
        for market in MARKETS:
            self.client.subscribe_grouped_order_book(
                market, callback=self.show_book, on_gap=self.show_gap, conflate=True
            )

    def not_started(self, error):
        self.log(f"not connected, or not subscribed to all: {error}", DOWN)

    def closeEvent(self, event):  # noqa: N802 - Qt's name
        """Close the client with the window; it may take two seconds, so in the background."""
        call_in_background(self.post, self.client.close)
        super().closeEvent(event)

    # What comes from the venue -----------------------------------------------------------------

    def show_state(self, change):
        color = LIGHTS.get(change.state, "#f5b942")
        self.light.setStyleSheet(f"color: {color}; font-size: 16px")
        self.state.setText(change.state.value)
        self.log(f"{change.state.value} {change.reason and '· ' + change.reason}")

    def show_gap(self, gap):
        self.log(f"gap: {gap.reason.value}", DOWN)

    def show_book(self, book):
        if not (book.bids and book.asks):
            return
        market, bid, ask = book.market, book.bids[0].price, book.asks[0].price
        middle = (bid + ask) / 2
        change = 100 * (middle / self.first.setdefault(market, middle) - 1)
        rising = middle >= self.last.get(market, middle)
        texts = [*aligned([bid, ask, ask - bid]), f"{change:+.2f} %", "▲" if rising else "▼"]
        for column, text in enumerate(texts, 1):
            cell = self.cells[market, column]
            cell.setText(text)
            cell.setForeground(QColor(UP if rising else DOWN))
        self.last[market], self.books[market] = middle, book
        if market == self.chosen:
            self.ladder.show_book(book)

    # What the user does ------------------------------------------------------------------------

    def choose(self):
        self.chosen = MARKETS[self.tickers.currentRow()]
        self.button.setText(f"Buy 0.01 {self.chosen} at the bid")
        self.ladder.show_book(self.books.get(self.chosen))

    def buy(self):
        """Place an order: it blocks until the venue has answered, the window does not."""
        market, book = self.chosen, self.books.get(self.chosen)
        if book is None:
            return
        price, until = book.bids[0].price, datetime.now(timezone.utc) + timedelta(hours=1)
        self.button.setEnabled(False)
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
        self.button.setEnabled(True)
        for order in answer.orders:
            self.log(f"placed: {order.side.lower()} {order.quantity} {order.symbol}", UP)

    def failed(self, error):
        self.button.setEnabled(True)
        unknown = getattr(error, "outcome_unknown", False)
        self.log(f"{'may have been placed' if unknown else 'not done'}: {error}", DOWN)

    def log(self, text, color=FAINT):
        line = f"{datetime.now():%H:%M:%S}  {text}".replace("&", "&amp;").replace("<", "&lt;")
        self.lines.appendHtml(f'<pre style="color: {color}">{line}</pre>')

    # The widgets -------------------------------------------------------------------------------

    def build(self):
        self.tickers = QTableWidget(len(MARKETS), len(COLUMNS))
        self.tickers.setShowGrid(False)
        self.tickers.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.tickers.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.tickers.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.tickers.verticalHeader().hide()
        self.tickers.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column, (name, width) in enumerate(COLUMNS.items()):
            side = CENTER if not name else LEFT if name == "market" else RIGHT
            header = QTableWidgetItem(name)
            header.setTextAlignment(side | MIDDLE)
            self.tickers.setHorizontalHeaderItem(column, header)
            self.tickers.setColumnWidth(column, width)
            for row, market in enumerate(MARKETS):
                cell = QTableWidgetItem(market if name == "market" else "")
                cell.setTextAlignment(side | MIDDLE)
                self.tickers.setItem(row, column, cell)
                self.cells[market, column] = cell
        self.tickers.selectRow(0)
        self.tickers.itemSelectionChanged.connect(self.choose)
        self.tickers.setFixedWidth(sum(COLUMNS.values()))
        bar = QFrame()
        bar.setObjectName("bar")
        inside = QHBoxLayout(bar)
        inside.setContentsMargins(12, 7, 7, 7)
        for widget in (self.light, self.state, None, self.button):
            inside.addWidget(widget) if widget else inside.addStretch()
        layout = QGridLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(12)
        layout.addWidget(self.tickers, 0, 0)
        layout.addWidget(self.ladder, 0, 1)
        layout.addWidget(self.lines, 1, 0, 1, 2)
        layout.addWidget(bar, 2, 0, 1, 2)


class Ladder(QWidget):
    """A book as a ladder: asks above, bids below, each with a bar as long as its volume."""

    def __init__(self) -> None:
        super().__init__()
        self.book: GroupedOrderBook | None = None
        self.setFixedSize(370, TOP + (2 * LEVELS + 1) * ROW + 2)

    def show_book(self, book):
        self.book = book
        self.update()  # Qt paints once, however many books come before it does

    def paintEvent(self, _):  # noqa: N802 - Qt's name
        if self.book is None or not (self.book.bids and self.book.asks):
            return
        painter, width = QPainter(self), self.width()
        painter.setFont(QFont("DejaVu Sans Mono", 10))

        def write(row, x, text, color):
            painter.setPen(QColor(color))
            painter.drawText(QRect(0, TOP + row * ROW, x, ROW - 2), RIGHT | MIDDLE, text)

        levels = {LEVELS - 1 - n: level for n, level in enumerate(self.book.asks[:LEVELS])}
        levels |= {LEVELS + 1 + n: level for n, level in enumerate(self.book.bids[:LEVELS])}
        prices = aligned([level.price for level in levels.values()])
        volumes = aligned([level.volume for level in levels.values()])
        most = max(level.volume for level in levels.values())
        for (row, level), price, volume in zip(levels.items(), prices, volumes, strict=True):
            bar, ink = (DOWN_BAR, DOWN) if row < LEVELS else (UP_BAR, UP)
            length = int(width * level.volume / most)
            painter.fillRect(width - length, TOP + row * ROW, length, ROW - 2, QColor(bar))
            write(row, 150, price, ink)
            write(row, width - 10, volume, TEXT)
        write(LEVELS, 150, f"spread {self.book.asks[0].price - self.book.bids[0].price:,f}", FAINT)
        painter.setFont(QFont("DejaVu Sans", 10))
        painter.setPen(QColor(FAINT))
        painter.drawText(QRect(10, 0, width - 20, TOP), LEFT | MIDDLE, self.book.market)
        painter.drawText(QRect(10, 0, width - 20, TOP), RIGHT | MIDDLE, "volume")


def aligned(numbers):
    """Return numbers as text, all with as many decimals as the longest of them."""
    places = max(-number.as_tuple().exponent for number in numbers)
    return [f"{number:,.{max(0, places)}f}" for number in numbers]


def main():
    app = QApplication(sys.argv[:1])
    post = qt_poster(app)
    if len(sys.argv) > 1:
        desk = Desk(TimexClient(url=sys.argv[1], delivery=post), post)
        desk.show()
        app.exec()
        return
    with simulate("timex", interval=0.1) as venue:
        desk = Desk(TimexClient(url=venue.url, delivery=post, **venue.credentials), post)
        desk.show()
        app.exec()


if __name__ == "__main__":
    main()
