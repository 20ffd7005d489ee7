"""``vaultbridge …``: the command line of the bridge."""

from __future__ import annotations

import sys

import click
import marshmallow as ma
from sqlalchemy.exc import SQLAlchemyError

from bridge.cli.issuers import issuer
from bridge.cli.mappings import mappings
from bridge.cli.processes import clock, keys, migrate, settings, web, worker
from bridge.cli.rows import completions, deliveries, issuances, link, replay, show
from bridge.cli.sites import site
from bridge.cli.up import up
from bridge.store.accounts import NameTaken, NotThere
from bridge.vault_client import VaultError
from connectors.base import ConnectorError
from connectors.registry import UnknownConnector
from runtime.keys import KeyProblem
from runtime.schema import SchemaError
from runtime.settings import SettingsError

#: What an operator can mend: told in a sentence, without a trace.
_EXPECTED = (
    ConnectorError,
    FileNotFoundError,
    KeyProblem,
    NameTaken,
    NotThere,
    SchemaError,
    SettingsError,
    UnknownConnector,
    VaultError,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vaultbridge")
def cli() -> None:
    """Turn course completions into verified certificates, and say so in the gradebook."""


for command in (
    up,
    issuer,
    site,
    mappings,
    deliveries,
    completions,
    issuances,
    show,
    replay,
    link,
    settings,
    migrate,
    keys,
    web,
    worker,
    clock,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; exit 1 with a sentence for what an operator can mend."""
    try:
        cli()
    except _EXPECTED as exc:
        _fail(str(exc))
    except ma.ValidationError as exc:
        _fail(f"The settings do not fit: {exc.messages}.")
    except SQLAlchemyError as exc:
        _fail(f"The database does not answer ({type(exc).__name__}). Is it running?")


def _fail(text: str) -> None:
    click.echo(f"vaultbridge: {text}", err=True)
    sys.exit(1)
