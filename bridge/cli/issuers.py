"""``vaultbridge issuer …``: accounts at a vault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from bridge.addresses import shown
from bridge.cli.owners import OWNER_OPTION, told_owners
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import (
    AS_OPTION,
    JSON_OPTION,
    NEW_NAME,
    bridge,
    person,
    secret_values,
)
from bridge.pipeline.replay import resume_issuer
from bridge.store import accounts, events
from bridge.store.owners import change, of, sealed
from bridge.vault_client import BASE
from bridge.wiring import Bridge
from runtime.crashpoint import crashpoint
from runtime.settings import MASK

KNOWN_SECRETS = frozenset({"token", "webhook_secret"})
COLUMNS = ("name", "vault_url", "institution_name", "state", "problem", "remedy")
LARGEST_LOGO = 1024 * 1024

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
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise click.BadParameter(f"{url!r} does not begin with https:// and a host")
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
    b = bridge()
    add_issuer(
        b,
        name,
        url=url,
        institution=institution,
        secrets=given,
        who=person(who),
        logo=_logo(logo),
        signatory_name=signatory_name,
        signatory_role=signatory_role,
        owners=owners or (),
    )
    click.echo(f"Added the issuer {name}. Try its token: vaultbridge issuer check {name}")


def add_issuer(
    b: Bridge,
    name: str,
    *,
    url: str,
    institution: str,
    secrets: dict[str, str],
    who: str,
    logo: bytes | None = None,
    signatory_name: str | None = None,
    signatory_role: str | None = None,
    owners: Sequence[str] = (),
) -> None:
    """Store an issuer; raises bridge.store.accounts.NameTaken."""
    with b.database.write() as conn:
        now = b.database.now(conn)
        row_id = accounts.add_issuer(
            conn,
            name,
            keys=b.keys,
            secrets=secrets,
            now=now,
            vault_url=url.rstrip("/").removesuffix(BASE),
            institution_name=institution,
            logo=logo,
            signatory_name=signatory_name,
            signatory_role=signatory_role,
            owners=sealed(owners, kind="issuer", name=name, keys=b.keys),
        )
        events.record(conn, row_id, "added", at=now, who=who)


def _secrets(pairs: tuple[str, ...]) -> dict[str, str]:
    given = secret_values(pairs)
    unknown = given.keys() - KNOWN_SECRETS
    if unknown:
        known = " or ".join(sorted(KNOWN_SECRETS))
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: a secret is {known}")
    token = given.get("token", "t")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise click.BadParameter("a token is one line of letters, digits and signs, no blanks")
    return given


def _logo(path: Path | None) -> bytes | None:
    if path is None:
        return None
    content = path.read_bytes()
    if len(content) > LARGEST_LOGO:
        raise click.BadParameter(f"{path}: {len(content)} bytes; a logo has 1 MB at most")
    return content


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
        "hook": f"{b.settings.public_url}/hooks/vault/{row.name}",
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
    b = bridge()
    with b.database.write() as conn:
        row = accounts.issuer_named(conn, name)
        change(conn, row, owners, kind="issuer", keys=b.keys)
        detail = "; ".join(told_owners(owners))
        now = b.database.now(conn)
        events.record(conn, row.id, "changed", at=now, who=person(who), detail=detail)
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
    for permission in b.vault_of(row).probe():
        click.echo(f"{'✓' if permission.ok else '✗'} {permission.name}  {_told(permission.ok)}")
        if not permission.ok:
            missing.append(permission.name)
    if missing:
        raise click.ClickException(
            f"The token lacks {', '.join(missing)}. Give it these at the vault, or make a new "
            f"token there and enter it: vaultbridge issuer rotate {name} --secret token=@FILE"
        )
    if row.paused_at is not None:
        resume_issuer(b, row.id, who=person(who))
        click.echo("Sending goes on.")


def _told(ok: bool) -> str:
    return "there" if ok else "missing"


@issuer.command()
@click.argument("name")
@SECRET_OPTION
@AS_OPTION
def rotate(name: str, secrets: tuple[str, ...], who: str | None) -> None:
    """Replace the token or the webhook secret; workers take it up without a restart."""
    given = _secrets(secrets)
    if not given:
        raise click.UsageError("Say what to replace: --secret token=@FILE")
    b = bridge()
    with b.database.write() as conn:
        row = accounts.issuer_named(conn, name)
        now = b.database.now(conn)
        old = accounts.secrets_or_none(row, kind="issuer", keys=b.keys)
        fresh = {**old, **given}
        if "token" not in fresh:
            raise click.ClickException(
                "The token that is stored was encrypted with a key that is lost. Enter it too: "
                "--secret token=@FILE"
            )
        accounts.set_secrets(conn, row, kind="issuer", keys=b.keys, secrets=fresh)
        events.record(
            conn, row.id, "rotated", at=now, who=person(who), detail=", ".join(sorted(given))
        )
        crashpoint("issuer.rotating")
    crashpoint("issuer.rotated")
    resume_issuer(b, row.id, who=person(who))
    click.echo(f"Replaced. Try it: vaultbridge issuer check {name}")


@issuer.command()
@click.argument("name")
@AS_OPTION
def remove(name: str, who: str | None) -> None:
    """Take an issuer out of use for new issuances. Its certificates stay readable."""
    b = bridge()
    with b.database.write() as conn:
        row = accounts.issuer_named(conn, name)
        now = b.database.now(conn)
        accounts.change(conn, row.id, kind="issuer", removed_at=now)
        events.record(conn, row.id, "removed", at=now, who=person(who))
    click.echo(f"Removed {name}. What it issued stays; its name is not given again.")
