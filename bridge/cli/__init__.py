"""``vaultbridge …``: the command line of the bridge.

Each command is imported when it is called: a worker needs not load what prints tables.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module

import click
import marshmallow as ma
from sqlalchemy.exc import SQLAlchemyError

from bridge.store.accounts import NameTaken, NotThere
from bridge.store.mapping_versions import Tied
from bridge.vault_client import VaultError
from connectors.base import ConnectorError
from connectors.registry import UnknownConnector
from mappings.mistakes import DocumentError
from runtime.backup import BackupProblem
from runtime.embedded import Taken
from runtime.keys import KeyProblem
from runtime.mendable import Mendable
from runtime.schema import SchemaError
from runtime.settings import SettingsError

#: Command to the module of bridge.cli that holds it.
COMMANDS: Mapping[str, str] = {
    "up": "up",
    "issuer": "issuers",
    "site": "sites",
    "mappings": "mappings",
    "templates": "templates",
    "deliveries": "rows",
    "completions": "rows",
    "issuances": "rows",
    "expiring": "expiring",
    "failures": "failures",
    "show": "rows",
    "replay": "replay",
    "replays": "replay",
    "holds": "holds",
    "release": "holds",
    "discard": "holds",
    "correct": "correcting",
    "corrections": "corrections",
    "link": "rows",
    "learner": "learner",
    "reconcile": "reconciling",
    "reconciliations": "reconciling",
    "differences": "reconciling",
    "dismiss": "reconciling",
    "status": "status",
    "notices": "notices",
    "people": "people",
    "audit": "audit",
    "dossier": "dossier",
    "tokens": "tokens",
    "doctor": "doctor",
    "settings": "chores",
    "migrate": "processes",
    "backup": "copies",
    "restore": "copies",
    "keys": "chores",
    "web": "processes",
    "worker": "processes",
    "clock": "processes",
}

#: What an operator can mend: told in a sentence, without a trace.
_EXPECTED = (
    Mendable,
    BackupProblem,
    ConnectorError,
    DocumentError,
    FileNotFoundError,
    KeyProblem,
    NameTaken,
    NotThere,
    Taken,
    Tied,
    SchemaError,
    SettingsError,
    UnknownConnector,
    VaultError,
)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"bridge.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vaultbridge")
def cli() -> None:
    """Turn course completions into verified certificates, and say so in the gradebook."""


def main() -> None:
    """Run the command line; exit 1 with a sentence for what an operator can mend."""
    try:
        cli(prog_name="vaultbridge")
    except _EXPECTED as exc:
        _fail(" ".join(filter(None, [str(exc), getattr(exc, "remedy", None)])))
    except ma.ValidationError as exc:
        _fail(f"The settings do not fit: {exc.messages}.")
    except SQLAlchemyError as exc:
        _fail(f"The database does not answer ({type(exc).__name__}). Is it running?")


def _fail(text: str) -> None:
    click.echo(f"vaultbridge: {text}", err=True)
    sys.exit(1)
