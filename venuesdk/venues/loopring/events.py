"""Loopring's pushes to values: one decoder for each topic, from the whole frame.

The order of every row is the Loopring document's; where clients of the venue read another one,
both are told apart here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ...errors import ProtocolError
from ...protocol.convert import decode_json
from .models import (
    AccountUpdate,
    AmmPoolUpdate,
    Block,
    BlocksUpdate,
    CandlestickUpdate,
    OrderBookUpdate,
    OrderUpdate,
    TickerUpdate,
    TopicUpdate,
    Trade,
    TradesUpdate,
)
from .pushes import (
    read_account,
    read_blocks,
    read_book,
    read_candle,
    read_order,
    read_pool,
    read_rows,
    read_ticker,
)

__all__ = ["DECODERS", "topic_update"]

VENUE: Final = "loopring"
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,100}")
LEAST_COLUMNS: Final = 5


def _account(frame: bytes) -> AccountUpdate:
    push = read_account(frame)
    data = push.data
    total = data.total_amount if data.total is None else data.total
    locked = data.amount_locked if data.locked is None else data.locked
    if total is None or locked is None:
        raise _unreadable("$.data has no amounts", frame)
    return AccountUpdate(
        push.ts,
        data.account_id,
        data.token_id,
        total,
        locked,
        data.nft_id,
        data.nft_data,
        data.token_address,
    )


def _order(frame: bytes) -> OrderUpdate:
    push = read_order(frame)
    data = push.data
    return OrderUpdate(
        timestamp=push.ts,
        hash=data.hash,
        client_order_id=data.client_order_id or "",
        market=data.market,
        side=data.side.lower(),
        status=data.status.lower(),
        price=data.price,
        size=data.size,
        volume=data.volume,
        filled_size=data.filled_size,
        filled_volume=data.filled_volume,
        filled_fee=data.filled_fee,
        created_at=data.created_at,
        valid_since=data.valid_since,
        valid_until=data.valid_until,
        updated_at=data.update_at,
    )


def _book(frame: bytes) -> OrderBookUpdate:
    push = read_book(frame)
    topic, data = push.topic, push.data
    end = push.version if push.end_version is None else push.end_version
    return OrderBookUpdate(
        push.ts,
        topic.market,
        topic.level,
        data.bids,
        data.asks,
        push.start_version,
        end,
        topic.snapshot,
    )


def _depth(frame: bytes) -> OrderBookUpdate | TopicUpdate:
    """No document shows a push of ``depth``: a book where it looks like one."""
    try:
        return _book(frame)
    except ProtocolError:
        return topic_update(frame)


def _trades(frame: bytes) -> TradesUpdate:
    push = read_rows(frame)
    market = push.topic.market
    trades = tuple(
        _trade(row, market, f"$.data[{number}]", frame) for number, row in enumerate(push.data)
    )
    return TradesUpdate(push.ts, market, trades)


def _trade(row: tuple[Any, ...], market: str | None, path: str, frame: bytes) -> Trade:
    """Read a row: time, id, side, size, price, then the fee, or the market and the fee.

    The venue's web page reads rows that begin with the market.
    """
    cells = row
    if cells and _is_market(cells[0]):
        market, cells = cells[0], cells[1:]
    if len(cells) < LEAST_COLUMNS:
        raise _unreadable(f"{path} is too short", frame)
    tail = cells[LEAST_COLUMNS:]
    if tail and _is_market(tail[0]):
        market, tail = tail[0], tail[1:]
    if not isinstance(cells[2], str):
        raise _unreadable(f"{path} has no side", frame)
    price = _price(cells[4], path, frame)
    if price is None:
        raise _unreadable(f"{path} has no price", frame)
    return Trade(
        timestamp=_amount(cells[0], path, frame),
        trade_id=str(cells[1]),
        side=cells[2].lower(),
        size=_amount(cells[3], path, frame),
        price=price,
        market=market,
        fee=_amount(tail[0], path, frame) if tail and tail[0] not in ("", None) else None,
        raw=row,
    )


def _ticker(frame: bytes) -> TickerUpdate:
    push = read_ticker(frame)
    row = push.data
    return TickerUpdate(
        timestamp=push.ts,
        market=row.market,
        market_timestamp=row.timestamp,
        base_volume=row.base_volume,
        quote_volume=row.quote_volume,
        open=_price(row.open, "$.data[4]", frame),
        high=_price(row.high, "$.data[5]", frame),
        low=_price(row.low, "$.data[6]", frame),
        close=_price(row.close, "$.data[7]", frame),
        count=row.count,
        bid=_price(row.bid, "$.data[9]", frame),
        ask=_price(row.ask, "$.data[10]", frame),
    )


def _candle(frame: bytes) -> CandlestickUpdate:
    push = read_candle(frame)
    row = push.data
    return CandlestickUpdate(
        timestamp=push.ts,
        market=push.topic.market,
        interval=push.topic.interval,
        start=row.start,
        count=row.count,
        open=row.open,
        close=row.close,
        high=row.high,
        low=row.low,
        base_volume=row.base_volume,
        quote_volume=row.quote_volume,
    )


def _pool(frame: bytes) -> AmmPoolUpdate:
    push = read_pool(frame)
    (base, quote), minted = push.data
    return AmmPoolUpdate(push.ts, push.topic.pool_address, base, quote, minted)


def _blocks(frame: bytes) -> BlocksUpdate:
    push = read_blocks(frame)
    rows = [push.data] if isinstance(push.data, dict) else push.data
    blocks = []
    for number, row in enumerate(rows):
        path = f"$.data[{number}]"
        id = _amount(row.get("blockid", row.get("blockId")), path, frame)
        blocks.append(Block(id, row))
    return BlocksUpdate(push.ts, tuple(blocks))


def topic_update(frame: bytes) -> TopicUpdate:
    """Decode a push of any topic to plain data."""
    body = decode_json(frame)
    if not isinstance(body, dict):
        raise _unreadable("a push is an object", frame)
    ts = body.get("ts")
    timestamp = ts if type(ts) is int else None
    return TopicUpdate(timestamp, body.get("topic"), body.get("data"), body)


DECODERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "account": _account,
    "ammpool": _pool,
    "blockgen": _blocks,
    "btradedepth": _book,
    "candlestick": _candle,
    "depth": _depth,
    "mixorder": _book,
    "mixtrade": _trades,
    "order": _order,
    "orderbook": _book,
    "ticker": _ticker,
    "trade": _trades,
}
"""The name of a topic → what makes a frame of it a value."""


def _is_market(cell: Any) -> bool:
    # A dash inside, so that a negative number is none.
    return isinstance(cell, str) and "-" in cell[1:]


def _price(cell: Any, path: str, frame: bytes) -> Decimal | None:
    """Read a price; a market without trades may have none."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, Decimal):
        return cell
    if type(cell) is int or (isinstance(cell, str) and _NUMBER.fullmatch(cell)):
        try:
            return Decimal(cell)
        except InvalidOperation:  # an exponent beyond all bounds
            pass
    raise _unreadable(f"{path} is no price: {cell!r:.80}", frame)


def _amount(cell: Any, path: str, frame: bytes) -> int:
    if type(cell) is int:
        return cell
    if isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell)
    raise _unreadable(f"{path} holds no integer where one belongs: {cell!r:.80}", frame)


def _unreadable(reason: str, frame: bytes) -> ProtocolError:
    return ProtocolError(f"this cannot be read: {reason}", venue=VENUE, frame=frame)
