"""What click's script for bash lacks: behind ``NAME=`` comes a value, and so no space.

zsh and fish have click's own scripts. What is offered stands with each subcommand.
"""

from __future__ import annotations

from click.shell_completion import BashComplete, add_completion_class

__all__ = ["use"]

JOINED = """
%(complete_func)s_joined() {
    %(complete_func)s "$@"
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
    return 0
}

complete -o nosort -F %(complete_func)s_joined %(prog_name)s;
"""


class _Bash(BashComplete):
    source_template = BashComplete.source_template + JOINED


def use() -> None:
    """Let bash be given the script of this module, where it asks for one."""
    add_completion_class(_Bash)
