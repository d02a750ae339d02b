"""How a program here ends: what it found, as one line of JSON, and what is wrong, in words."""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["tell"]


def tell(found: dict[str, Any]) -> int:
    """Print what was found, and return the program's exit status: 1 where something is wrong."""
    print(json.dumps(found), flush=True)
    for text in found["wrong"]:
        print(text, file=sys.stderr)
    return 1 if found["wrong"] else 0
