"""Write docs/commands.md: every command of both programs with its help.

``--check`` writes nothing and ends with status 1 if the file is not what would be written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

import bridge.cli
import vault.cli
from scripts import made

ROOT = Path(__file__).parent.parent
PAPER = ROOT / "docs" / "commands.md"
PROGRAMS: Mapping[str, click.Group] = {
    "vaultbridge": bridge.cli.cli,
    "certvault": vault.cli.main,
}
WIDTH = 100
HEADER = """\
# Commands

Every command of both programs with its help, as `--help` prints it. Written by
`scripts/commands.py`; do not edit it by hand. Both programs read their
[settings](operate.md#settings) from the environment. Those of an installation that
`vaultbridge up` runs lie in its folder: `set -a; . DIR/env; set +a`, as the same user.
"""


def paper() -> str:
    """The whole text of docs/commands.md."""
    return HEADER + "".join(
        part
        for program, group in PROGRAMS.items()
        for part in (f"\n## {program}\n", *_sections(group, program, None))
    )


def commands() -> Iterator[str]:
    """Every command that does something, with the groups before it: ``vaultbridge site add``."""
    for program, group in PROGRAMS.items():
        for name, command, _ in _walk(group, program, None):
            if not isinstance(command, click.Group):
                yield name


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    for full_name, found, context in _walk(command, name, parent):
        title = "" if parent is context.parent else f"\n### {full_name}\n"
        yield f"{title}\n```text\n{found.get_help(context)}\n```\n"


def _walk(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    last = name.rpartition(" ")[2]
    context = click.Context(command, info_name=last, parent=parent, terminal_width=WIDTH)
    # What Context itself takes from a command's own settings only when it is invoked.
    context.help_option_names = command.context_settings.get(
        "help_option_names", context.help_option_names
    )
    yield name, command, context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _walk(found, f"{name} {child}", context)


if __name__ == "__main__":
    sys.exit(made.main(PAPER, lambda _: paper(), script="scripts.commands", arguments=sys.argv[1:]))
