"""The venues: one folder each, which holds all that the SDK knows about that venue.

A folder is called as its venue is and contains ``codec.py`` (requests and frames), ``models.py``
(typed values) and ``client.py`` (the blocking client); some split their topics off. Nothing here
lists the folders: `names` looks, and importing a folder registers its client by its own class
statement. So a further venue is one folder more, and no line elsewhere. No venue imports another.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

__all__ = ["load", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the venues that have a folder here, sorted; imports none of them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg))


def load(name: str) -> ModuleType:
    """Import the folder of venue `name`, which registers its client, and return it.

    Raises `ValueError`, naming the venues that there are, for any other name.
    """
    if name not in names():
        raise ValueError(f"no venue {name!r}: there are {', '.join(names())}")
    return importlib.import_module(f".{name}", __name__)
