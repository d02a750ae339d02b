"""A client's line without a client: who tests what stands in it works it off by hand."""

from __future__ import annotations

from typing import Any

from venuesdk.protocol.codec import Event, Topic
from venuesdk.session.delivery import Delivery
from venuesdk.session.subscription import Subscription

__all__ = ["Line"]


class Line(Delivery):
    """A delivery that nobody else works off, with the errors that it told."""

    def __init__(self) -> None:
        super().__init__("toy")
        self.told: list[BaseException] = []
        self.error_handlers.append(self.told.append)

    def subscription(self, callback: Any, **options: Any) -> Subscription[Any]:
        return Subscription(Topic("t", "t", None, "r"), self, callback, **options)

    def send(self, *pairs: tuple[Subscription[Any], int]) -> None:
        self.put([(one, [Event("r", b"%d" % value, int)]) for one, value in pairs])

    def run(self, own: bool = False) -> int:
        count = 0
        while ran := self.run_some(own=own):
            count += ran
        return count
