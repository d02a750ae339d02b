"""Let coverage lead the fuzzing of one reader: a program of its own, run until it is stopped.

    pip install -e '.[test]' -r tests/fuzzing/requirements.txt
    mkdir -p found
    python tests/fuzzing/harness.py frames found -max_total_time=200

The first argument is a target of ``targets.py``: frames, head, http, a venue's name for its codec,
or ``<venue>-models`` for its typed decoders. What follows goes to libFuzzer: a directory for the
inputs that reached something new, and options. It begins with the documented frames and with what
``corpus`` holds. Half of the mutations know what they change (``mutations.py``, ``answers.py``,
``streams.py``), the other half are libFuzzer's own. An input that breaks something, or takes five
seconds, is written to ``crash-…`` or ``timeout-…`` and ends the run; ``distil.py`` chooses from the
others what is worth keeping, and a copy of either in ``corpus/<target>`` is replayed by pytest ever
after.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

with atheris.instrument_imports(include=["venuesdk", "urllib3.response", "http.client"]):
    from fuzzing.seeds import seeds_of
    from fuzzing.targets import TARGETS

from fuzzing.answers import answer, respoilt  # noqa: E402
from fuzzing.mutations import Choices, changed  # noqa: E402
from fuzzing.streams import stream  # noqa: E402

LIMITS = ("-max_len=6000", "-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1")


def new_answer(data: bytes, choose: Choices) -> bytes:
    """Spoil an answer, or make another of what may be its body."""
    return respoilt(data, choose) if choose.flip() else answer(data[-200:], choose)


def new_stream(data: bytes, choose: Choices) -> bytes:
    """Put some frames into a stream, somewhere."""
    at = choose.below(len(data) + 1)
    return data[:at] + stream(choose) + data[at:]


KNOWING: dict[str, Callable[[bytes, Choices], bytes]] = {
    "frames": new_stream,
    "head": new_answer,
    "http": new_answer,
}
"""What changes the input of a target, where that is not JSON."""


def mutator(name: str) -> Callable[[bytes, int, int], bytes]:
    """Return what makes a new input of an old one."""
    knowing = KNOWING.get(name, changed)

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        if seed % 2:
            return bytes(atheris.Mutate(data, longest))
        return knowing(data, Choices([seed]))[:longest]

    return mutate


def main() -> None:
    """Fuzz the target that the command line names."""
    name, *options = sys.argv[1:] or [""]
    if name not in TARGETS:
        raise SystemExit(
            f"usage: harness.py {'|'.join(TARGETS)} [directory] [options of libFuzzer]"
        )
    logging.disable()
    play = TARGETS[name]
    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(seeds_of(name)):
            (Path(seeds) / str(number)).write_bytes(seed)
        recorded = HERE / "corpus" / name
        more = [str(recorded)] if recorded.is_dir() else []
        arguments = [sys.argv[0], *LIMITS, *options, seeds, *more]
        atheris.Setup(arguments, play, custom_mutator=mutator(name), internal_libfuzzer=True)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
