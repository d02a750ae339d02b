"""The scenes are one for each venue; what they do is tested by running the demo."""

from __future__ import annotations

from venuesdk.cli.scenes import SCENES
from venuesdk.cli.target import VENUES
from venuesdk.client import clients


def test_there_is_a_scene_for_every_client() -> None:
    """A venue without a scene would be left out of the demo."""
    built_in = {name for name, cls in clients().items() if cls.__module__.startswith("venuesdk.")}
    assert set(SCENES) == built_in == set(VENUES)
