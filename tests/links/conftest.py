"""The fixtures of the tests on links between two hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from links.network import Network, Unavailable
from links.stage import Seen, Stage

HORIZON = 40.0
FULL_HORIZON = 100.0


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, full: bool
) -> Iterator[Stage]:
    """Play the scenes of all chosen tests of this module, at the same time."""
    with ExitStack() as stack:
        try:
            network = stack.enter_context(Network())
        except Unavailable as reason:
            pytest.skip(str(reason))
        folder = tmp_path_factory.mktemp("links")
        stage = Stage(network, folder, FULL_HORIZON if full else HORIZON)
        stack.callback(stage.close)
        functions: list[Any] = [
            item.function
            for item in request.session.items
            if isinstance(item, pytest.Function) and item.path == request.path
        ]
        stage.play(function.scene for function in functions if hasattr(function, "scene"))
        yield stage


@pytest.fixture
def seen(stage: Stage, request: pytest.FixtureRequest) -> Seen:
    """Return what the test's scene saw, once it has been played."""
    return stage.seen(request.function.scene)
