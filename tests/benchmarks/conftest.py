"""The benchmark is run on request only: ``python -m pytest tests/benchmarks``."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the benchmark out, unless it, or something in it, was named on the command line."""
    named = (argument.partition("::")[0] for argument in config.invocation_params.args)
    paths = [(config.invocation_params.dir / name).resolve() for name in map(str, named)]
    if any(path == HERE or HERE in path.parents for path in paths):
        return None
    return True if collection_path.resolve().is_relative_to(HERE) else None
