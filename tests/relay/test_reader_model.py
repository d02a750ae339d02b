"""The reader against everything at once: crashes, failures, cutting, other consumers; by chance."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from entries import STREAM, Publisher, seen
from faulty import FaultyEngine

from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineUnavailable, MemoryEngine, MemoryStore, Position, RelayReader
from venuesdk.timing import Backoff

GROUP = "g"
CALLS = ("read", "acknowledge", "unfinished", "adopt", "lost", "told", "alone", "given", "join")
AT_ONCE = Backoff(initial=1e-6, maximum=1e-6)


class Life:
    """One reader, from its start to its end, and what it was handed."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.engine = FaultyEngine(MemoryEngine(world.store))
        self.handed: list[int] = []
        self.gaps: list[Gap] = []
        self.reader = RelayReader(
            self.engine,
            GROUP,
            name,
            "onyx:tickers",
            on_gap=self.gaps.append,
            on_error=world.errors.append,
            batch=world.chance.choice((1, 3, 10)),
            adopt_after=world.chance.choice((1e-6, 1e-6, 60.0, None)),
            reconnect=AT_ONCE,
        )
        self.new: list[int] = []

    def get(self) -> bool:
        """Ask for one event; return whether there was one."""
        try:
            (number,) = seen([self.reader.get(0)])
        except (TimeoutError, EngineUnavailable):
            return False
        self.handed.append(number)
        assert self.reader.origin is not None
        if not self.reader.origin.redelivered:
            self.new.append(number)
        return True

    def crash(self) -> None:
        """End as a program does that is killed."""
        self.reader._engine.close()


class World:
    """A stream, those who read it, and what befalls them."""

    def __init__(self, seed: int, *, names: int, lossy: bool) -> None:
        self.chance = random.Random(seed)
        self.store = MemoryStore()
        self.publisher = Publisher(self.store)
        self.lossy = lossy
        self.number = 0
        self.cut = 0
        self.errors: list[BaseException] = []
        self.past: list[Life] = []
        self.lives = [Life(self, f"c{one}") for one in range(names)]
        MemoryEngine(self.store).join(STREAM, GROUP, True)

    def publish(self, count: int) -> None:
        """Append the next events."""
        self.publisher.tick(self.number + 1, self.number + count)
        self.number += count

    def step(self) -> None:
        """Let one thing happen."""
        chance = self.chance
        life = chance.choice(self.lives)
        what = chance.random()
        if what < 0.25:
            self.publish(chance.randint(1, 8))
        elif what < 0.75:
            for _ in range(chance.randint(1, 6)):
                life.get()
        elif what < 0.84:
            error = EngineUnavailable("no answer")
            life.engine.fail(chance.choice(CALLS), error, done=chance.random() < 0.5)
        elif what < 0.88:
            self.replace(life, killed=chance.random() < 0.7)
        elif what < 0.92:
            self.publisher.engine.trim(STREAM)
        elif what < 0.95:
            self.publisher = Publisher(self.store, term=self.publisher.term + 1)
        elif self.lossy:
            self.cut += self.publisher.engine.cut(STREAM, chance.randint(0, 10))

    def replace(self, life: Life, killed: bool) -> None:
        """End a reader, and start it again under the same name."""
        if killed:
            life.crash()
        else:
            life.reader.close()
        self.past.append(life)
        self.lives[self.lives.index(life)] = Life(self, life.name)

    def finish(self) -> None:
        """Let all end, and each be started once more, to read until nothing is left."""
        for life in list(self.lives):
            self.replace(life, killed=True)
        for life in self.lives:
            life.reader.start()
        # What was cut off is told of before the next event, so there is to be one.
        self.publish(1)
        kept = self.store.streams[STREAM]
        group = kept.groups[GROUP]
        for _ in range(10_000):
            if group.given == kept.top and not group.held:
                break
            for life in self.lives:
                life.get()
        for life in self.lives:
            life.reader.close()
        self.past += self.lives

    def check(self) -> None:
        """Everything was handed out to somebody or told of, and to nobody twice or late."""
        everything = [number for life in self.past for number in life.handed]
        gaps: list[Any] = [gap for life in self.past for gap in life.gaps]
        for life in self.past:
            assert not life.handed or max(Counter(life.handed).values()) == 1
            assert life.new == sorted(life.new)
        missing = set(range(1, self.number + 1)) - set(everything)
        assert {type(one) for one in self.errors} <= {EngineUnavailable}
        assert {gap.reason for gap in gaps} <= {GapReason.OVERFLOW}
        told = sum(gap.count for gap in gaps)
        if not self.lossy:
            assert (missing, gaps) == (set(), [])
        assert len(missing) <= told, (sorted(missing), gaps)
        assert self.cut or not gaps
        held: set[Position] = set(self.store.streams[STREAM].groups[GROUP].held)
        assert held == set()


def live(seed: int, names: int, lossy: bool) -> World:
    """Let one world go its way, and check what came of it."""
    world = World(seed, names=names, lossy=lossy)
    for _ in range(60):
        world.step()
    world.finish()
    world.check()
    return world


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("names", [1, 3])
def test_whatever_happens_all_is_handed_on_or_told_of(names: int, lossy: bool) -> None:
    """Once to each reader, in order, and with no gap where nothing is missing."""
    for seed in range(40):
        live(seed, names, lossy)


@pytest.mark.long
@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("names", [1, 2, 3])
def test_the_same_a_thousand_times(names: int, lossy: bool) -> None:
    """With other chances."""
    for seed in range(1_000, 2_000):
        live(seed, names, lossy)
