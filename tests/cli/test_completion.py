"""The script that bash completes by, in a bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

ASK = """
eval "$(_VENUESDK_COMPLETE=bash_source venuesdk)"
compopt() { echo "compopt $*"; }  # that of bash works only while a key is being answered
asked=$(complete -p venuesdk); asked=${asked#*-F }; asked=${asked% venuesdk}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
"$asked" venuesdk
echo "offered ${COMPREPLY[*]}"
"""


def bash() -> str:
    """Return a bash that is new enough for click's script, or skip."""
    found = shutil.which("bash")
    new = 'echo "$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404))"'
    if found is None or subprocess.check_output([found, "-c", new], text=True).strip() != "1":
        pytest.skip("there is no bash of 4.4 or newer")
    return found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("venuesdk call timex place_order sy", "compopt -o nospace\noffered symbol=\n"),
        ("venuesdk call timex open_orders size = 5 p", "compopt -o nospace\noffered page=\n"),
        ("venuesdk call timex place_order symbol =", "offered \n"),
        ("venuesdk call timex place_order s", "offered symbol= side=\n"),
        ("venuesdk watch o", "offered onyx\n"),
    ],
)
def test_bash_puts_no_space_behind_the_name_of_an_argument(
    line: str, said: str, tmp_path: Path
) -> None:
    """Where that is all that it offers; a word, which is done then, is followed by one."""
    command = tmp_path / "venuesdk"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m venuesdk "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    answer = subprocess.run(
        [bash(), "--norc", "-c", ASK, "bash", *line.split()],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert (answer.stdout, answer.stderr) == (said, "")
