"""Tapes: record what goes over a client's connections, and play it again."""

from __future__ import annotations

from venuesdk.testing.tape.entries import (
    Exchange,
    Kind,
    TapeCorrupted,
    TapeEntry,
    TapeError,
    TapeHeader,
)
from venuesdk.testing.tape.file import Tape, read_tape
from venuesdk.testing.tape.player import Player, replay_into, replayed
from venuesdk.testing.tape.recorder import Recorder
from venuesdk.testing.tape.server import ServedTape, serve_tape

__all__ = [
    "Exchange",
    "Kind",
    "Player",
    "Recorder",
    "ServedTape",
    "Tape",
    "TapeCorrupted",
    "TapeEntry",
    "TapeError",
    "TapeHeader",
    "read_tape",
    "replay_into",
    "replayed",
    "serve_tape",
]
