"""`certvault retry`, `revoke`, `erase`: what the API does to a certificate, for an operator."""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa

from vault.cli import session
from vault.store.certificates import NotFailed
from vault.store.tables import certificate
from vault.store.withdrawal import AlreadyErased, NoReplacement
from vault.wiring import Vault

CERTIFICATE = click.argument("name", metavar="CERTIFICATE")


@click.command()
@CERTIFICATE
def retry(name: str) -> None:
    """Process a failed certificate again. CERTIFICATE is its uuid or reference id."""
    vault = session.vault()
    found = named(vault, name)
    try:
        vault.intake.retry(found.uuid, institution_id=found.institution_id)
    except NotFailed as exc:
        raise click.ClickException(
            f"{name} is {found.status}. Only a failed certificate can be retried."
        ) from exc
    click.echo(f"{found.reference_id} will be processed again.")


@click.command()
@CERTIFICATE
@click.option("--reason", required=True, help="Why; its verification page says so to everyone.")
@click.option("--replaced-by", help="The certificate that took its place: uuid or reference id.")
def revoke(name: str, reason: str, replaced_by: str | None) -> None:
    """Revoke a certificate for good. CERTIFICATE is its uuid or reference id."""
    reason = reason.strip()
    if not reason:
        raise click.ClickException("The reason is empty. Say why, for its verification page.")
    vault = session.vault()
    found = named(vault, name)
    other = named(vault, replaced_by).uuid if replaced_by is not None else None
    try:
        vault.withdrawal.revoke(
            found.uuid, institution_id=found.institution_id, reason=reason, replaced_by=other
        )
    except NoReplacement as exc:
        raise click.ClickException(
            f"{replaced_by} cannot take its place. Name another, valid certificate of the same "
            "institution."
        ) from exc
    before = found.revoked_at is not None
    click.echo(
        f"{found.reference_id} was revoked before; the reason is the new one now."
        if before
        else f"Revoked {found.reference_id}."
    )


@click.command()
@CERTIFICATE
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(name: str, yes: bool) -> None:
    """Erase a holder's data and files for good.

    Name, e-mail, details and both files go. CERTIFICATE is its uuid or reference id.
    """
    vault = session.vault()
    found = named(vault, name)
    if not yes:
        click.confirm(f"Erase {found.reference_id}? Nobody can bring it back", abort=True)
    try:
        vault.withdrawal.erase(found.uuid, institution_id=found.institution_id)
    except AlreadyErased as exc:
        raise click.ClickException(f"{name} is erased already.") from exc
    click.echo(f"Erased {found.reference_id}.")


def named(vault: Vault, name: str) -> sa.Row[Any]:
    """Find a certificate by its uuid or reference id, whose ever it is."""
    either = sa.or_(
        certificate.c.uuid == name.strip().lower(),
        certificate.c.reference_id == name.strip().upper(),
    )
    with vault.database.read() as conn:
        found = conn.execute(sa.select(certificate).where(either)).first()
    if found is None:
        raise click.ClickException(
            f"There is no certificate {name!r}. Give its uuid or its reference id, as the list of "
            "the API shows it."
        )
    return found
