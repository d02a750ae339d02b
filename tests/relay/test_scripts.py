"""The scripts for Redis: that each names the keys that it touches, as a cluster wants it.

What they do is tested where they are used, on a real Redis.
"""

from __future__ import annotations

import re

import pytest

from venuesdk.relay import scripts


@pytest.mark.parametrize("name", scripts.__all__)
def test_a_script_touches_only_keys_that_it_was_given(name: str) -> None:
    """Every command names a key of ``KEYS``: a key made up inside would be on any node."""
    text = getattr(scripts, name)
    commands = re.findall(r"redis\.call\('([A-Z]+)'(?:, '[A-Z]+')?(?:, (\w+\[\d\]))?", text)
    assert commands
    assert all(key.startswith("KEYS[") for command, key in commands if command != "TIME")
