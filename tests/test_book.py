"""Books as arithmetic: against a naive model, and at each edge of the rule of versions."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.book import Book, BookLevel, BookUpdate, BookView
from venuesdk.errors import ProtocolError, SequenceGap

MARKET = "LRC-ETH"


def levels(*pairs):
    """Write a side of a book: prices and sizes as text."""
    return tuple(BookLevel(Decimal(price), Decimal(size)) for price, size in pairs)


def rows(*pairs):
    """Write the rows of an update."""
    return [(Decimal(price), Decimal(size)) for price, size in pairs]


def whole(bids=(), asks=(), last=None, limit=None):
    """Write a whole book."""
    return BookUpdate(rows(*bids), rows(*asks), whole=True, last=last, limit=limit)


def change(first, last, bids=(), asks=()):
    """Write a change."""
    return BookUpdate(rows(*bids), rows(*asks), first=first, last=last)


@pytest.fixture
def book():
    """A book at version 10: 99 and 98 against 101 and 102."""
    made = Book(MARKET)
    made.replace(whole([("99", "1"), ("98", "2")], [("101", "3"), ("102", "4")], last=10))
    return made


# ---- against a model ---------------------------------------------------------------------------

SIZES = st.integers(0, 5).map(Decimal)
"""A size of zero is as likely as any: it takes a level away."""
BIDS = st.lists(st.tuples(st.integers(1, 30).map(Decimal), SIZES), max_size=6)
ASKS = st.lists(st.tuples(st.integers(31, 60).map(Decimal), SIZES), max_size=6)
CHANGES = st.lists(st.tuples(BIDS, ASKS, st.integers(1, 3)), max_size=12)


def unique(update):
    """Leave one row of each price, as a whole book has."""
    return list(dict(update).items())


class Model:
    """The dullest book: a dict for each side, sorted when asked."""

    def __init__(self, bids, asks):
        self.sides = (dict(bids), dict(asks))

    def change(self, bids, asks):
        for side, update in zip(self.sides, (bids, asks), strict=True):
            side.update(update)

    def levels(self):
        bids, asks = (
            [(price, size) for price, size in side.items() if size] for side in self.sides
        )
        return tuple(sorted(bids, reverse=True)), tuple(sorted(asks))


def versioned(changes, version):
    """Return changes with their versions, one behind the other."""
    made = []
    for bids, asks, span in changes:
        made.append(BookUpdate(bids, asks, first=version + 1, last=version + span))
        version += span
    return made


@given(BIDS, ASKS, CHANGES)
def test_a_book_is_what_its_changes_say(bids, asks, changes):
    """After every change the view has the levels of the model, sorted, and the newest version."""
    bids, asks = unique(bids), unique(asks)
    book, model = Book(MARKET), Model(bids, asks)
    book.replace(BookUpdate(bids, asks, whole=True, last=100))
    assert (book.view().bids, book.view().asks) == model.levels()
    for update in versioned(changes, 100):
        assert book.change(update)
        model.change(update.bids, update.asks)
        view = book.view(7)
        assert (view.bids, view.asks) == model.levels()
        assert (view.version, view.epoch, view.market) == (update.last, 7, MARKET)


@given(BIDS, ASKS, CHANGES, st.integers(1, 4))
def test_a_book_that_was_cut_off_is_right_as_far_as_it_goes(bids, asks, changes, limit):
    """It shows every level up to the worst of a base that was full, and none beyond."""
    model = Model(unique(bids), unique(asks))
    shown = [side[:limit] for side in model.levels()]
    ends = [side[-1][0] if len(side) == limit else None for side in shown]
    book = Book(MARKET)
    book.replace(BookUpdate(*shown, whole=True, last=0, limit=limit))
    for update in versioned(changes, 0):
        book.change(update)
        model.change(update.bids, update.asks)
    known_bids, known_asks = model.levels()
    if ends[0] is not None:
        known_bids = tuple(level for level in known_bids if level[0] >= ends[0])
    if ends[1] is not None:
        known_asks = tuple(level for level in known_asks if level[0] <= ends[1])
    assert (book.view().bids, book.view().asks) == (known_bids, known_asks)
    sides = ((known_bids, ends[0]), (known_asks, ends[1]))
    assert book.shallow is any(end is not None and 2 * len(side) < limit for side, end in sides)
    assert book.exhausted is any(end is not None and not side for side, end in sides)


@given(CHANGES, st.data())
def test_a_base_joins_the_changes_around_it(changes, data):
    """Wherever the base was taken and the holding began before it, the book is the venue's."""
    stream = versioned(changes, 0)
    base_at = data.draw(st.integers(0, len(stream)))
    held_from = data.draw(st.integers(0, base_at))
    model = Model([], [])
    for update in stream[:base_at]:
        model.change(update.bids, update.asks)
    book = Book(MARKET)
    version = stream[base_at - 1].last if base_at else 0
    book.replace(BookUpdate(*model.levels(), whole=True, last=version))
    book.join(stream[held_from:])
    for update in stream[base_at:]:
        model.change(update.bids, update.asks)
    assert (book.view().bids, book.view().asks) == model.levels()


@given(CHANGES.filter(bool), st.data())
def test_a_change_that_is_missing_is_always_noticed(changes, data):
    """Whichever is left out, the next one raises, and the book has not moved."""
    stream = versioned([*changes, ([], [], 1)], 0)
    lost = data.draw(st.integers(0, len(stream) - 2))
    book = Book(MARKET)
    book.replace(BookUpdate([], [], whole=True, last=0))
    book.join(stream[:lost])
    before = book.view()
    with pytest.raises(SequenceGap, match=f"{stream[lost].first} to {stream[lost].last}"):
        book.change(stream[lost + 1])
    assert book.view() == before


# ---- the rule of versions ----------------------------------------------------------------------


def test_a_change_may_begin_inside_the_base(book):
    """The document: the first change begins at most one behind the base, and ends behind it."""
    assert book.change(change(8, 12, bids=[("99", "5")]))
    assert book.view().best_bid == (99, 5)
    assert book.version == 12


def test_what_the_base_covers_is_left_out(book):
    """Changes from before the base move nothing, the one that ends with it included."""
    assert not book.change(change(7, 9, bids=[("99", "7")]))
    assert not book.change(change(10, 10, bids=[("99", "7")]))
    assert book.view().best_bid == (99, 1)


def test_a_base_that_stays_ahead_is_doubted(book):
    """A stream that never reaches its base counts anew: the book would stand still for ever."""
    for _ in range(100):
        assert not book.change(change(1, 2))
    with pytest.raises(SequenceGap, match="behind its base"):
        book.change(change(1, 2))


def test_the_newest_change_may_come_twice(book):
    """The very same change again says nothing new."""
    update = change(11, 12, bids=[("97", "1")])
    assert book.change(update)
    assert not book.change(update)
    assert book.version == 12


@pytest.mark.parametrize(
    "update",
    [
        change(11, 12, bids=[("97", "2")]),
        change(11, 11),
        change(3, 4),
    ],
    ids=["other content", "part of it", "long ago"],
)
def test_versions_do_not_go_back(book, update):
    """No document allows a change that ends at or before the newest: it is no base's any more."""
    book.change(change(11, 12, bids=[("97", "1")]))
    with pytest.raises(SequenceGap, match="goes back"):
        book.change(update)


@pytest.mark.parametrize(
    "update", [change(None, 11), change(11, None), change(None, None), change(12, 11)]
)
def test_a_change_that_cannot_be_placed_is_a_gap(book, update):
    """Without its versions, or with reversed ones, nobody can say what it follows."""
    with pytest.raises(SequenceGap):
        book.change(update)


def test_a_change_before_any_book_is_a_gap():
    """There is nothing that it could follow; nor is there behind a whole book without a version."""
    book = Book(MARKET)
    with pytest.raises(SequenceGap, match="cannot be placed"):
        book.change(change(1, 1))
    book.replace(whole([("99", "1")]))
    with pytest.raises(SequenceGap, match="cannot be placed"):
        book.change(change(1, 1))


def test_a_whole_book_replaces_everything(book):
    """In the middle of the changes too, and whatever its version is."""
    book.change(change(11, 12))
    book.replace(whole([("50", "1")], last=3))
    view = book.view()
    assert (view.bids, view.asks, view.version) == (levels(("50", "1")), (), 3)
    assert book.change(change(4, 4, asks=[("51", "1")]))


def test_changes_that_a_later_whole_book_covers_are_left_out(book):
    """They follow what was before it; behind the new base they are as any that it covers."""
    book.change(change(11, 12, bids=[("97", "1")]))
    book.replace(whole([("50", "1")], last=20))
    assert not book.change(change(13, 14))
    assert book.view().bids == levels(("50", "1"))


def test_a_base_may_cover_all_that_was_held(book):
    """However many that were: they came before it, and say nothing of what comes behind it."""
    book.join([change(1, 2)] * 150)
    for _ in range(100):
        assert not book.change(change(3, 4))


def test_of_two_changes_that_are_held_the_later_ends_later(book):
    """Or is the very same again, whatever the book knows; else the venue counts anew."""
    newest = change(30, 31, bids=[("97", "1")])
    book.check(change(32, 32), newest)
    book.check(newest, newest)
    for update in (change(30, 31), change(29, 30)):
        with pytest.raises(SequenceGap, match="goes back from version 31"):
            book.check(update, newest)


# ---- impossible books --------------------------------------------------------------------------


def test_a_size_below_zero_is_refused(book):
    """In a change and in a whole book, on either side."""
    with pytest.raises(ProtocolError, match="size -1 at the price 99"):
        book.change(change(11, 11, bids=[("99", "-1")]))
    with pytest.raises(ProtocolError, match="size -2"):
        book.replace(whole(asks=[("101", "-2")]))


def test_a_whole_book_that_names_a_price_twice_is_refused(book):
    """Equal prices may be written differently; nobody knows which size holds."""
    before = book.view()
    with pytest.raises(ProtocolError, match="twice"):
        book.replace(whole([("99", "1"), ("99.0", "2")]))
    assert book.view() == before


def test_a_level_of_no_size_is_none_in_a_whole_book():
    """Zero says that the price is gone, wherever it stands."""
    book = Book(MARKET)
    book.replace(whole([("99", "0"), ("98", "1")]))
    assert book.view().bids == levels(("98", "1"))


def test_changes_that_cross_the_book_are_a_gap(book):
    """A bid that meets an ask was traded away, and that was missed."""
    with pytest.raises(SequenceGap, match="crosses"):
        book.change(change(11, 11, bids=[("101", "1")]))


def test_a_book_that_came_crossed_is_the_venues_own(book):
    """It is shown as it is and says so; changes are doubted again once it is uncrossed."""
    book.replace(whole([("101", "1")], [("101", "1")], last=10))
    assert book.view().crossed
    assert book.change(change(11, 11, bids=[("100", "1")]))
    assert book.change(change(12, 12, bids=[("101", "0")]))
    assert not book.view().crossed
    with pytest.raises(SequenceGap, match="crosses"):
        book.change(change(13, 13, bids=[("102", "1")]))


# ---- the view ----------------------------------------------------------------------------------


def test_a_view_knows_the_best_of_each_side(book):
    """Best prices, their difference and their middle."""
    view = book.view()
    assert (view.best_bid, view.best_ask) == (levels(("99", "1"))[0], levels(("101", "3"))[0])
    assert (view.spread, view.mid, view.crossed) == (2, 100, False)


def test_a_side_may_be_empty(book):
    """Then there is no best of it, no spread, no middle, and nothing is crossed."""
    view = BookView(MARKET, (), levels(("101", "1")))
    assert view.best_bid is None
    assert view.best_ask == (101, 1)
    assert view.spread is view.mid is None
    assert not view.crossed
    assert view.depth().bids == ()
    assert BookView(MARKET, (), ()).best_ask is None


def test_depth_adds_up(book):
    """The size of each level is that of all better ones and its own."""
    view = book.view()
    assert view.depth().bids == levels(("99", "1"), ("98", "3"))
    assert view.depth().asks == levels(("101", "3"), ("102", "7"))
    assert view.depth(1).asks == levels(("101", "3"))
    assert view.levels(1) == (levels(("99", "1")), levels(("101", "3")))
    assert view.levels(9).bids == view.bids


def test_no_digit_is_lost():
    """Sums and middles hold more digits than Python's default context does: 28."""
    huge, small = Decimal(10**40), Decimal("1e-20")
    view = BookView(
        MARKET,
        (BookLevel(Decimal(1), huge), BookLevel(Decimal("0.5"), small)),
        (BookLevel(1 + Decimal("1e-27"), huge),),
    )
    assert view.depth().bids[1].size == Decimal("1" + "0" * 40 + "." + "0" * 19 + "1")
    assert view.spread == Decimal("1e-27")
    assert view.mid == Decimal("1.0000000000000000000000000005")


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError),
                                              (1.0, TypeError), ("1", TypeError)])  # fmt: skip
def test_a_count_of_levels_is_a_whole_number_above_zero(book, count, error):
    """Else a negative one would cut off the best."""
    view = book.view()
    with pytest.raises(error):
        view.levels(count)
    with pytest.raises(error):
        view.depth(count)


def test_a_view_never_changes(book):
    """Neither by hand, nor by what becomes of the book; it goes through pickle."""
    view = book.view(1)
    before = pickle.loads(pickle.dumps(view))
    book.change(change(11, 11, bids=[("99", "9")], asks=[("101", "0")]))
    assert view == before != book.view(1)
    with pytest.raises(FrozenInstanceError):
        view.version = 3
