"""The bound on reconnecting: never more than the bucket holds, in order, and nobody starves."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any

import pytest

from venuesdk.session import quota as quota_module
from venuesdk.session.quota import AttemptQuota, quota_of
from venuesdk.timing import Deadline, monotonic

PATIENCE = 10.0


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def take_all(quota: AttemptQuota) -> int:
    """Take tokens until one has to be waited for; return how many there were."""
    count = 0
    while True:
        with quota.line_up() as place:
            if place.take():
                return count
        count += 1


def test_a_burst_goes_at_once_and_then_as_many_as_the_rate_allows() -> None:
    """The bucket is full at first, fills with time, and never holds more than its burst."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=20, clock=clock)
    assert take_all(quota) == 20
    clock.now += 0.95
    assert take_all(quota) == 9
    clock.now += 0.05
    assert take_all(quota) == 1
    clock.now += 3600
    assert quota.tokens == 20
    assert take_all(quota) == 20


def test_who_must_wait_is_told_for_how_long() -> None:
    """Each place in the line is one token further; after that time its turn has come."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=1, clock=clock)
    assert take_all(quota) == 1
    places = [quota.line_up() for _ in range(3)]
    assert [place.take() for place in places] == pytest.approx([0.1, 0.2, 0.3])
    assert quota.waiting == 3
    for place in places:
        clock.now += 0.1
        assert place.take() == 0.0
    assert quota.waiting == 0


def test_nobody_is_overtaken() -> None:
    """While one sleeps for its turn, those behind it are told to wait, who come later too."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=5, clock=clock)
    take_all(quota)
    first, second = quota.line_up(), quota.line_up()
    clock.now += 0.1
    assert second.take() == pytest.approx(0.1)
    with quota.line_up() as late:
        assert late.take() == pytest.approx(0.2)
    assert first.take() == 0.0
    assert second.take() == pytest.approx(0.1)


def test_who_oversleeps_holds_up_nobody() -> None:
    """There is a token for it, and one for the next: both may go, in whatever order they wake."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=5, clock=clock)
    take_all(quota)
    first, second = quota.line_up(), quota.line_up()
    clock.now += 0.2
    assert second.take() == 0.0
    assert first.take() == 0.0
    assert quota.tokens == pytest.approx(0.0)


def test_who_gives_up_leaves_its_token_to_the_next() -> None:
    """A client that is closed while it waits costs the others nothing."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=1, clock=clock)
    take_all(quota)
    with quota.line_up() as first:
        assert first.take()
        second = quota.line_up()
        assert second.take() == pytest.approx(0.2)
    clock.now += 0.1
    assert second.take() == 0.0


def test_a_connect_of_the_users_takes_a_token_and_never_waits() -> None:
    """Without one, it goes all the same, and nobody waits longer for it."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=2, clock=clock)
    for left in (1.0, 0.0, 0.0, 0.0):
        quota.spend()
        assert quota.tokens == left
    with quota.line_up() as place:
        assert place.take() == pytest.approx(0.1)


def test_a_clock_that_stands_still_gives_nothing() -> None:
    """Nor does one that goes back, which the real one never does, take anything."""
    clock = Clock()
    quota = AttemptQuota(rate=10, burst=2, clock=clock)
    quota.spend()
    clock.now -= 5
    assert quota.tokens == 1.0


def test_ten_threads_never_take_more_than_there_is() -> None:
    """Always 0 <= tokens <= burst, and no more attempts than the burst and the time allow."""
    quota = AttemptQuota(rate=200, burst=20)
    began = monotonic()
    end = Deadline(1.0)
    bad: list[float] = []
    taken = [0] * 10

    def hammer(number: int) -> None:
        while not end.expired():
            if number == 0:
                quota.spend()
            with quota.line_up() as place:
                taken[number] += place.take() == 0.0
            tokens = quota.tokens
            if not 0.0 <= tokens <= 20.0:
                bad.append(tokens)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    took = monotonic() - began
    assert bad == []
    assert 0 < sum(taken) <= 20 + 200 * took
    assert quota.waiting == 0


def test_every_one_of_many_that_wait_gets_its_turn() -> None:
    """In the order in which they came, give or take who wakes first, at the rate of the bucket."""
    quota = AttemptQuota(rate=200, burst=5)
    start = threading.Barrier(40)
    gone: list[float] = []
    sleep = threading.Event()

    def go() -> None:
        start.wait(PATIENCE)
        with quota.line_up() as place:
            while seconds := place.take():
                sleep.wait(seconds)
        gone.append(monotonic())

    threads = [threading.Thread(target=go) for _ in range(40)]
    began = monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(gone) == 40
    for number, moment in enumerate(sorted(gone)):
        assert moment - began >= (number + 1 - 5) / 200 - 0.001


def test_one_host_and_port_has_one_quota_for_as_long_as_somebody_has_it() -> None:
    """Whatever case its name is written in; the registry itself keeps none alive."""
    ours = quota_of("one.example", 443)
    assert quota_of("ONE.example", 443) is ours
    assert quota_of("one.example", 8443) is not ours
    assert (ours.rate, ours.burst) == (10.0, 20)
    ours.spend()
    del ours
    gc.collect()
    assert ("one.example", 443) not in quota_module._OF_HOSTS
    assert quota_of("one.example", 443).tokens == 20


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"rate": 0}, ValueError),
        ({"rate": -1}, ValueError),
        ({"rate": float("inf")}, ValueError),
        ({"rate": float("nan")}, ValueError),
        ({"rate": "10"}, TypeError),
        ({"rate": True}, TypeError),
        ({"burst": 0}, ValueError),
        ({"burst": 1.5}, TypeError),
        ({"burst": True}, TypeError),
    ],
)
def test_a_bucket_that_cannot_be_is_refused(options: Any, error: type[Exception]) -> None:
    """At once, where it is made."""
    with pytest.raises(error):
        AttemptQuota(**options)
    assert repr(AttemptQuota(rate=2.0, burst=3)) == "AttemptQuota(rate=2.0, burst=3)"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_begins_with_locks_and_lines_of_its_own() -> None:
    """Whoever held a lock or stood in a line in the parent is not there."""
    quota = AttemptQuota(rate=10, burst=1)
    place = quota.line_up()
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with quota._lock, quota_module._registering:
            holding.set()
            release.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(PATIENCE)
    child = os.fork()
    if not child:
        done = threading.Thread(target=lambda: (take_all(quota), quota_of("a", 1)), daemon=True)
        done.start()
        done.join(PATIENCE)
        os._exit(1 if done.is_alive() or quota.waiting else 0)
    release.set()
    thread.join(PATIENCE)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert quota.waiting == 1
    assert place.take() == 0.0
