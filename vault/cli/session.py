"""What every command needs: the settings of the installation it is about, and its database."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from runtime import embedded, schema
from runtime.bell import Bell
from runtime.database import Database
from vault import settings, wiring
from vault.settings import PREFIX, Settings
from vault.store.tables import MIGRATIONS
from vault.wiring import Vault

_ENVIRONMENT = f"{__name__}.environment"


def _remember(context: click.Context, _option: click.Parameter, data: Path | None) -> None:
    if data is not None:
        context.meta[_ENVIRONMENT] = kept(data)


DATA_OPTION = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    expose_value=False,
    is_eager=True,
    callback=_remember,
    help="The folder of the installation. Default: the settings of the environment.",
)


def kept(data: Path) -> dict[str, str]:
    """Return the vault's settings that an installation keeps in its folder."""
    pairs = embedded.kept(data)
    if not pairs:
        raise click.ClickException(
            f"{data} holds no installation: there is no file env in it. "
            f"Start one: certvault serve --data {shlex.quote(str(data))}"
        )
    return {name: value for name, value in pairs.items() if name.startswith(PREFIX)}


def environment() -> Mapping[str, str]:
    """Return the environment of the installation that the command is about."""
    found: Mapping[str, str] | None = click.get_current_context().meta.get(_ENVIRONMENT)
    return os.environ if found is None else found


def found_settings() -> Settings:
    """Return its settings; raises runtime.settings.SettingsError."""
    return settings.read(environment())


def database(found: Settings | None = None) -> Database:
    """Return its database; raises runtime.schema.SchemaError unless the schema is current."""
    opened = Database((found or found_settings()).database_url)
    schema.require_current(opened, MIGRATIONS, remedy=wiring.MIGRATE)
    return opened


def vault() -> Vault:
    """Return the whole vault, for commands that do what the API does; bells are rung."""
    found = found_settings()
    return wiring.build(found, ring=Bell(found.redis_url, service=wiring.SERVICE).ring)
