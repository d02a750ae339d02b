"""What the simulated Loopring accepts as a topic, and the code with which it refuses the rest.

Pure. The codes and their notes are the documents' tables; a text that no document prints is the
note of its code. No connection, market or clock lives here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

__all__ = [
    "INTERVALS",
    "MARKETS",
    "MAXIMUM_TOPICS",
    "NEEDS_API_KEY",
    "NOTES",
    "Rejected",
    "Topic",
    "is_true",
    "read_topic",
    "read_topics",
    "without",
]

NOTES: Mapping[int, str] = {
    104100: "Topic missing",
    104101: "Invalid op code",
    104102: "Invalid topic",
    104103: "Duplicate topic configs",
    104104: "Missing ApiKey",
    104105: "ApiKey mismatched",
    104112: "Invalid ApiKey",
    104113: "Subscription not found",
    104114: "Invalid ApiKey (user not found)",
    104115: "Invalid topic config",
    104116: "Exceed maximum subscriptions",
}

ILLEGAL: Mapping[str, int] = {
    "candlestick": 104106,
    "orderbook": 104107,
    "depth10": 104108,
    "trade": 104109,
    "order": 104110,
    "ticker": 104111,
    "ammpool": 102034,
    # Nothing names a code for bad parameters of these three; the general one is the nearest.
    "depth": 104115,
    "account": 104115,
    "blockgen": 104115,
}

NEEDS_API_KEY = frozenset({"account", "order"})
MAXIMUM_TOPICS = 20
MARKETS = ("LRC-ETH", "LRC-USDT", "LRC-USDC", "ETH-USDT")
INTERVALS: Mapping[str, int] = {
    "1min": 60,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hr": 3600,
    "2hr": 7200,
    "4hr": 14400,
    "12hr": 43200,
    "1d": 86400,
    "1w": 604800,
}

ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


class Rejected(Exception):
    """A request that the venue refuses as a whole."""

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = NOTES[code] if message is None else message
        super().__init__(code, self.message)


@frozen
class Topic:
    """One topic configuration; `key` is equal for equal configurations."""

    name: str
    settings: Mapping[str, Any]
    key: str

    @property
    def market(self) -> str:
        """Return the market in upper case, or an empty text."""
        return str(self.settings.get("market", "")).upper()

    @property
    def every(self) -> bool:
        """Return whether an unSub means every configuration of this topic."""
        return is_true(self.settings.get("unsubscribeAll"))


def is_true(value: Any) -> bool:
    """Return whether a flag is set; the venue is known to take the text ``true`` as well."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def read_topics(raw: Any, *, unsubscribing: bool, seed_depth: bool) -> list[Topic]:
    """Return the topics of one request, or raise the first fault as `Rejected`."""
    if not isinstance(raw, list) or not raw:
        raise Rejected(104100)
    topics = [read_topic(one, unsubscribing=unsubscribing, seed_depth=seed_depth) for one in raw]
    if len({topic.key for topic in topics}) != len(topics):
        raise Rejected(104103)
    return topics


def read_topic(raw: Any, *, unsubscribing: bool, seed_depth: bool) -> Topic:
    """Return one topic; the key ``topic:`` of the oldest document counts as ``topic``."""
    if not isinstance(raw, dict):
        raise Rejected(104115)
    name = raw.get("topic", raw.get("topic:"))
    if name is None:
        raise Rejected(104115)
    if name == "depth10":
        # Obsolete; its code stayed in the documents: illegal or unsupported condition.
        raise _illegal("depth10", raw)
    if not isinstance(name, str) or name not in ILLEGAL or (name == "depth" and not seed_depth):
        raise Rejected(104102)
    settings = {key: value for key, value in raw.items() if key not in ("topic", "topic:")}
    topic = Topic(name, settings, _canonical(name, settings))
    if not (unsubscribing and topic.every) and not _legal(name, settings):
        raise _illegal(name, settings)
    return topic


def _canonical(name: str, settings: Mapping[str, Any]) -> str:
    """Return one text for all writings of a configuration; markets do not mind their case."""
    folded = dict(settings)
    if isinstance(folded.get("market"), str):
        folded["market"] = folded["market"].upper()
    return json.dumps([name, folded], sort_keys=True)


def _illegal(name: str, settings: Mapping[str, Any]) -> Rejected:
    """Return the refusal of a topic's parameters, in the words of the documented example."""
    subject = settings.get("market", settings.get("poolAddress", ""))
    return Rejected(ILLEGAL[name], f"receive illegal arg for {name}:{str(subject).lower()}")


def _legal(name: str, settings: Mapping[str, Any]) -> bool:
    """Return whether `settings` are what the documents allow for the topic `name`."""
    if name == "ammpool":
        return is_true(settings.get("snapshot")) and _is_address(settings.get("poolAddress"))
    if name == "blockgen":
        return isinstance(settings.get("verbose", False), bool)
    if name == "account":
        return isinstance(settings.get("v3", False), bool)
    if str(settings.get("market", "")).upper() not in MARKETS:
        return False
    if name == "candlestick":
        return str(settings.get("interval")) in INTERVALS
    if name == "orderbook":
        return _within(settings.get("level"), 0, 9) and _legal_count(settings, 50)
    if name == "depth":
        return _legal_count(settings, 20)
    return True


def _legal_count(settings: Mapping[str, Any], most: int) -> bool:
    """Return whether the number of slots is in range; it only takes effect with a snapshot."""
    return "count" not in settings or _within(settings["count"], 1, most)


def _within(value: Any, least: int, most: int) -> bool:
    """Return whether `value` is an integer from `least` to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_address(value: Any) -> bool:
    """Return whether `value` is 0x and forty hexadecimal digits."""
    return isinstance(value, str) and ADDRESS.fullmatch(value) is not None


def without(topics: Sequence[Topic], removed: Sequence[Topic]) -> list[Topic]:
    """Return what is left of `topics`, or raise 104113 where one was never subscribed."""
    keys = {topic.key for topic in topics}
    if any(not topic.every and topic.key not in keys for topic in removed):
        raise Rejected(104113)
    gone = {topic.key for topic in removed}
    whole = {topic.name for topic in removed if topic.every}
    return [topic for topic in topics if topic.key not in gone and topic.name not in whole]
