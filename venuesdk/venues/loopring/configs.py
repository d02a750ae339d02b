"""The configuration of a topic as Loopring has it on the wire, and how two of them compare.

What the topics are called to our users is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from ...protocol.convert import encode_json

__all__ = [
    "PRIVATE",
    "Config",
    "Key",
    "is_every",
    "key_of",
    "matching",
    "mistakable",
    "name_of",
    "needs_api_key",
    "stops",
]

Config: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]

PRIVATE: Final = frozenset({"account", "order"})
"""The topics about an account: they need the ``apiKey``."""
NAME_KEYS: Final = ("topic", "topic:")
"""How the name's key is written; the second stands in the oldest document's samples."""
CASELESS: Final = frozenset({"market", "poolAddress"})
NARROWING: Final = frozenset({"market", "level", "interval", "poolAddress"})
EVERY: Final = "unsubscribeAll"


def name_of(config: Config) -> str:
    """Return the name of a topic, "" where it has none."""
    for key in NAME_KEYS:
        name = config.get(key)
        if isinstance(name, str):
            return name
    return ""


def key_of(config: Config) -> Key:
    """Return what is equal for equal configurations, however they are written."""
    settings = (
        (name, _plain(name, value))
        for name, value in config.items()
        # Flags that are not set are the venue's defaults.
        if name not in NAME_KEYS and value is not False and value is not None
    )
    return name_of(config), tuple(sorted(settings))


def is_every(config: Config) -> bool:
    """Return whether this means every configuration of its topic; only an unSub may."""
    # The venue is known to take the text, too.
    value = config.get(EVERY)
    return value is True or (isinstance(value, str) and value.lower() == "true")


def needs_api_key(configs: Iterable[Config]) -> bool:
    """Return whether a request about these topics must have an ``apiKey``."""
    return any(name_of(config) in PRIVATE for config in configs)


def stops(configs: Iterable[Config]) -> Callable[[Key], bool]:
    """Return what tells whether unsubscribing from `configs` stops the topic of a key."""
    configs = tuple(configs)
    names = {name_of(config) for config in configs if is_every(config)}
    keys = {key_of(config) for config in configs if not is_every(config)}
    return lambda key: key in keys or key[0] in names


def matching(pushed: Config, standing: Iterable[Key]) -> tuple[Key, ...]:
    """Return the subscribed topics that a push may answer, by what its topic carries.

    Where one configuration is exactly the push's, it is that one.
    """
    key, keys = key_of(pushed), tuple(standing)
    if key in keys:
        return (key,)
    name, settings = key
    carried = {setting: value for setting, value in settings if setting in NARROWING}
    return tuple(
        other
        for other in keys
        if other[0] == name
        and all(carried.get(setting, value) == value for setting, value in other[1])
    )


def mistakable(key: Key, changes: Key) -> bool:
    """Return whether pushes of `key` may be taken for those of `changes`: whole books for changes.

    A push names its topic in full or in part, and whether a book is whole may be what it leaves
    out.
    """
    settings = dict(key[1])
    alike = key[0] == changes[0] and all(settings.get(name, it) == it for name, it in changes[1])
    return alike and "snapshot" in settings


def _plain(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return encode_json(value)
    return value.casefold() if name in CASELESS else value
