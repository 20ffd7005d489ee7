"""``certvault …``: the command line of the vault.

Each command is imported when it is called: a worker needs not load what serves pages.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module

import click
from sqlalchemy.exc import DBAPIError

from runtime.database import RolledBack
from runtime.embedded import Taken
from runtime.keys import KeyProblem
from runtime.schema import SchemaError
from runtime.settings import SettingsError
from vault.cli.session import DATA_OPTION
from vault.export.folder import FolderProblem
from vault.institution import InstitutionProblem
from vault.signing import SigningProblem
from vault.store.institutions import AlreadyThere, NoSuchInstitution
from vault.tokens import UnknownPermission
from vault.webhooks import WebhookProblem

#: Command to the module of vault.cli that holds it.
COMMANDS: Mapping[str, str] = {
    "serve": "serve",
    "institution": "institutions",
    "token": "tokens",
    "customer": "customer",
    "mail": "mail",
    "webhook": "webhook",
    "retry": "certificates",
    "revoke": "certificates",
    "erase": "certificates",
    "export": "export",
    "doctor": "doctor",
    "keys": "keys",
    "settings": "chores",
    "migrate": "processes",
    "web": "processes",
    "worker": "processes",
    "clock": "processes",
}

#: What an operator can mend: told in a sentence, without a trace.
EXPECTED = (
    SettingsError,
    SchemaError,
    Taken,
    AlreadyThere,
    NoSuchInstitution,
    UnknownPermission,
    KeyProblem,
    WebhookProblem,
    SigningProblem,
    InstitutionProblem,
    FolderProblem,
)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"vault.cli.{COMMANDS[cmd_name]}")
        # A function cannot be called `settings` beside the module of that name.
        command: click.Command = getattr(module, f"{cmd_name}_command", None) or getattr(
            module, cmd_name
        )
        _take_data(command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        with _told():
            return super().invoke(ctx)


def _take_data(command: click.Command) -> None:
    """Give a command, or each one of a group, the option ``--data``."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _take_data(child)
    elif all(option.name != "data" for option in command.params):
        DATA_OPTION(command)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what an operator can mend into one clear message and status 1."""
    try:
        yield
    except EXPECTED as exc:
        raise click.ClickException(str(exc)) from exc
    except DBAPIError as exc:
        raise click.ClickException(
            f"The database cannot be used: {exc.orig}. Check VAULT_DATABASE_URL."
        ) from exc
    except RolledBack as exc:
        raise click.ClickException(f"{exc} Is the disk full?") from exc
    except OSError as exc:
        if exc.errno == errno.EPIPE:
            raise  # nobody reads on: click ends in silence
        told = str(exc) if exc.filename is None else f"{exc.filename}: {exc.strerror}."
        raise click.ClickException(told) from exc


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vaultbridge")
def main() -> None:
    """The Certificate Vault.

    Its settings are environment variables that begin with VAULT_; --data takes those of an
    installation from its folder.
    """
