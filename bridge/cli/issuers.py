"""``vaultbridge issuer …``: accounts at a vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bridge.addresses import shown
from bridge.cli.owners import OWNER_OPTION
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import (
    AS_OPTION,
    JSON_OPTION,
    NEW_NAME,
    bridge,
    person,
    secret_values,
)
from bridge.connections import issuers
from bridge.connections.given import Unfit
from bridge.connections.issuers import Changes
from bridge.store import accounts, events
from bridge.store.owners import of
from bridge.vault_client import BASE
from runtime.settings import MASK

COLUMNS = ("name", "vault_url", "institution_name", "state", "problem", "remedy")

SECRET_OPTION = click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="KEY=@FILE",
    help="token, webhook_secret; read from a file, or KEY=- from standard input.",
)


@click.group()
def issuer() -> None:
    """Issuers: accounts at a certificate vault."""


def _url(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    if problem := issuers.problem_with_url(url):
        raise click.BadParameter(problem)
    return url


@issuer.command()
@NEW_NAME
@click.option(
    "--url", required=True, callback=_url, help="The vault's address, without " + BASE + "."
)
@click.option("--institution", required=True, help="The name printed on certificates.")
@click.option(
    "--logo",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
    help="PNG, JPEG or SVG, up to 1 MB.",
)
@click.option("--signatory-name", help="Who signs certificates.")
@click.option("--signatory-role", help="What that person is.")
@SECRET_OPTION
@OWNER_OPTION
@AS_OPTION
def add(
    name: str,
    url: str,
    institution: str,
    logo: Path | None,
    signatory_name: str | None,
    signatory_role: str | None,
    secrets: tuple[str, ...],
    owners: tuple[str, ...] | None,
    who: str | None,
) -> None:
    """Add an issuer. Its issuances belong to it for ever."""
    given = _secrets(secrets)
    if "token" not in given:
        raise click.UsageError("An issuer needs its vault's token: --secret token=@FILE")
    with _told():
        issuers.add(
            bridge(),
            name,
            url=url,
            institution=institution,
            secrets=given,
            who=person(who),
            logo=logo.read_bytes() if logo is not None else None,
            signatory_name=signatory_name,
            signatory_role=signatory_role,
            owners=owners or (),
        )
    click.echo(f"Added the issuer {name}. Try its token: vaultbridge issuer check {name}")


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong with what was given."""
    try:
        yield
    except issuers.LostKey as exc:
        raise click.ClickException(f"{issuers.LostKey.__doc__} --secret token=@FILE") from exc
    except Unfit as exc:
        raise click.UsageError(str(exc)) from exc


def _secrets(pairs: tuple[str, ...]) -> dict[str, str]:
    given = secret_values(pairs)
    unknown = given.keys() - issuers.KNOWN_SECRETS
    if unknown:
        known = " or ".join(sorted(issuers.KNOWN_SECRETS))
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: a secret is {known}")
    return given


@issuer.command(name="list")
@JSON_OPTION
def list_(as_json: bool) -> None:
    """List the issuers."""
    b = bridge()
    with b.database.read() as conn:
        rows = [
            {
                "name": row.name,
                "vault_url": row.vault_url,
                "institution_name": row.institution_name,
                "state": "paused" if row.paused_at else "active",
                "problem": row.problem,
                "remedy": row.remedy,
            }
            for row in accounts.issuers(conn)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, rows, empty="No issuer yet: vaultbridge issuer add NAME …")


@issuer.command()
@click.argument("name")
@JSON_OPTION
def show(name: str, as_json: bool) -> None:
    """Show one issuer, its secrets masked."""
    b = bridge()
    with b.database.read() as conn:
        row = accounts.issuer_named(conn, name)
        secrets = accounts.secrets_of(row, kind="issuer", keys=b.keys)
        owners = of(row, kind="issuer", keys=b.keys)
        history = [dict(e._mapping) for e in events.history(conn, [row.id])]
    told = {
        "id": row.id,
        "name": row.name,
        "vault_url": row.vault_url,
        "hook": issuers.hook(b, row.name),
        "institution_name": row.institution_name,
        "signatory_name": row.signatory_name,
        "signatory_role": row.signatory_role,
        "logo": f"{len(row.logo)} bytes" if row.logo else None,
        "secrets": dict.fromkeys(secrets, MASK),
        "owners": [*map(shown, owners)],
        "paused_at": row.paused_at,
        "left_alone_until": row.shut_until,
        "revokes": row.revokes,
        "problem": row.problem,
        "remedy": row.remedy,
    }
    if as_json:
        print_json({**told, "history": history})
        return
    for key, value in told.items():
        click.echo(f"{key:18} {value if value is not None else ''}")


@issuer.command(name="set")
@click.argument("name")
@OWNER_OPTION
@AS_OPTION
def set_(name: str, owners: tuple[str, ...] | None, who: str | None) -> None:
    """Change who is told of an issuer's troubles."""
    if owners is None:
        raise click.UsageError("Say what to change: --owner.")
    with _told():
        detail = issuers.change(bridge(), name, Changes(owners=owners), who=person(who))
    click.echo(f"Changed {name}: {detail}.")


@issuer.command()
@click.argument("name")
@AS_OPTION
def check(name: str, who: str | None) -> None:
    """Try each permission the token needs, one by one; resume sending if all are there."""
    b = bridge()
    with b.database.read() as conn:
        row = accounts.issuer_named(conn, name)
    missing = []
    for permission in issuers.check(b, name, who=person(who)):
        click.echo(f"{'✓' if permission.ok else '✗'} {permission.name}  {_there(permission.ok)}")
        if not permission.ok:
            missing.append(permission.name)
    if missing:
        raise click.ClickException(
            f"The token lacks {', '.join(missing)}. Give it these at the vault, or make a new "
            f"token there and enter it: vaultbridge issuer rotate {name} --secret token=@FILE"
        )
    if row.paused_at is not None:
        click.echo("Sending goes on.")


def _there(ok: bool) -> str:
    return "there" if ok else "missing"


@issuer.command()
@click.argument("name")
@SECRET_OPTION
@click.option("--drop-old", is_flag=True, help="Take no old webhook secret any more.")
@AS_OPTION
def rotate(name: str, secrets: tuple[str, ...], drop_old: bool, who: str | None) -> None:
    """Replace the token or the webhook secret without a restart.

    What the vault signs with the old webhook secret is taken until --drop-old.
    """
    given = _secrets(secrets)
    if not given and not drop_old:
        raise click.UsageError("Say what to replace: --secret token=@FILE")
    with _told():
        issuers.rotate(bridge(), name, given, drop_old=drop_old, who=person(who))
    click.echo(f"Replaced. Try it: vaultbridge issuer check {name}")


@issuer.command()
@click.argument("name")
@AS_OPTION
def remove(name: str, who: str | None) -> None:
    """Take an issuer out of use for new issuances. Its certificates stay readable."""
    issuers.remove(bridge(), name, who=person(who))
    click.echo(f"Removed {name}. What it issued stays; its name is not given again.")
