"""`certvault settings`: what is in force."""

from __future__ import annotations

import click

from vault import settings
from vault.cli.session import environment


@click.command("settings")
def settings_command() -> None:
    """List every setting; secrets are masked."""
    for variable, value in settings.table(environment()):
        click.echo(f"{variable}={value}")
