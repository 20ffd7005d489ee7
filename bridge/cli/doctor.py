"""``vaultbridge doctor``: whether the installation is well, and what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

import click

from bridge.checks import ASKING, CHECKS, GROUND
from bridge.checks.installation import Installation
from bridge.settings import Settings, from_environment
from runtime.checkup import Check, Finding, examine
from runtime.database import Database
from runtime.settings import SettingsError


@click.command()
@click.option("--quick", is_flag=True, help="Ask no vault and no LMS.")
def doctor(quick: bool) -> None:
    """Look for trouble in the installation and say what to do.

    Ends with status 1 if there is trouble. What is only worth knowing is a note.
    """
    try:
        settings = from_environment(os.environ)
    except SettingsError as exc:
        mistakes = [Finding(text=problem) for problem in exc.problems]
        examine({"settings": lambda: mistakes}, click.echo)
        raise SystemExit(1) from None
    if not _is_well(settings, quick=quick):
        raise SystemExit(1)


def _is_well(settings: Settings, *, quick: bool) -> bool:
    installation = Installation(settings=settings, database=Database(settings.database_url))
    checks: Mapping[str, Check] = {
        "settings": lambda: (),  # they were read
        **{
            name: partial(check, installation)
            for name, check in CHECKS.items()
            if not (quick and name in ASKING)
        },
    }
    try:
        return examine(checks, click.echo, ground=GROUND)
    finally:
        installation.database.close()
