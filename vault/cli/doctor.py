"""`certvault doctor`: whether the vault is well, and what to do where it is not."""

from __future__ import annotations

from functools import partial

import click

from runtime.checkup import examine
from runtime.database import Database
from vault.checks import CHECKS, CONTENT, GROUND
from vault.checks.installation import Installation
from vault.cli import session


@click.command()
@click.option("--quick", is_flag=True, help="Leave the content of files alone.")
def doctor(quick: bool) -> None:
    """Look for trouble and say what to do.

    Ends with status 1 if there is trouble. What is only worth knowing is a note.
    """
    found = session.found_settings()
    installation = Installation(settings=found, database=Database(found.database_url))
    checks = {
        name: partial(check, installation)
        for name, check in CHECKS.items()
        if not (quick and name == CONTENT)
    }
    try:
        all_well = examine(checks, click.echo, ground=GROUND)
    finally:
        installation.database.close()
    if not all_well:
        raise SystemExit(1)
