"""`certvault mail`: what was sent to whom, what it said, and once more."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import click
import sqlalchemy as sa

from runtime import smtp
from vault import wiring
from vault.bells import DELIVER
from vault.cli import printing, session
from vault.notices import Unwanted
from vault.store import notices
from vault.store.notices import NoSuchNotice, State
from vault.wiring import Vault

#: How much of an id is shown; enough to tell any two mails apart.
SHOWN = 13
HEADERS = ("From", "To", "Subject", "Date", "Message-ID")


@click.group()
def mail() -> None:
    """Look after mails to holders and customers."""


@mail.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def mail_list(state: str | None, limit: int) -> None:
    """List mails, the newest first: id, state, kind, address, reference id, time, problem."""
    with session.database().read() as conn:
        found = notices.newest(conn, limit=limit, state=State(state) if state else None)
    printing.rows(
        ("id", "state", "kind", "address", "reference id", "time", "problem"),
        (
            (
                row.uuid[:SHOWN],
                row.state,
                row.kind,
                row.to_address,
                row.reference_id or "-",
                row.ended_at or row.created_at,
                row.problem,
            )
            for row in found
        ),
        empty="There is none.",
    )


@mail.command("show")
@click.argument("mail_id", metavar="ID")
@click.option("--html", is_flag=True, help="The HTML instead of the text.")
def mail_show(mail_id: str, html: bool) -> None:
    """Print a mail as it was sent, or as it would be sent now."""
    vault = session.vault()
    with vault.database.read() as conn:
        row = _found(conn, mail_id)
    message = _kept(vault, row) or _composed(vault, row)
    for name in HEADERS:
        click.echo(f"{name}: {message[name]}")
    body = message.get_body(("html",) if html else ("plain",))
    click.echo(f"\n{body.get_content() if body else ''}", nl=False)


@mail.command("resend")
@click.argument("mail_ids", metavar="ID...", nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed, about whatever certificates.")
def mail_resend(mail_ids: tuple[str, ...], failed: bool) -> None:
    """Send mails once more, each as a new one."""
    if not mail_ids and not failed:
        raise click.UsageError("Name mails, or say --failed.")
    vault = session.vault()
    count = len(mail_ids)
    with vault.database.write() as conn:
        now = vault.database.now(conn)
        for row in [_found(conn, mail_id) for mail_id in mail_ids]:
            notices.send_again(conn, row.uuid, now=now)
        if failed:
            count += notices.send_failed_again(conn, now=now)
    vault.ring(DELIVER)
    click.echo(f"On the way again: {count}. See: certvault mail list")


def _found(conn: sa.Connection, mail_id: str) -> sa.Row[tuple[object, ...]]:
    try:
        return notices.find(conn, mail_id)
    except NoSuchNotice as exc:
        raise click.ClickException(str(exc)) from exc


def _kept(vault: Vault, row: sa.Row[tuple[object, ...]]) -> EmailMessage | None:
    """The file of a mail that was sent into the folder."""
    path = wiring.mail_folder(vault.settings) / f"{row.uuid}.{row.sends}.eml"
    try:
        return message_from_bytes(path.read_bytes(), policy=policy.default)
    except FileNotFoundError:
        return None


def _composed(vault: Vault, row: sa.Row[tuple[object, ...]]) -> EmailMessage:
    try:
        return wiring.notices(vault).message(row)
    except (Unwanted, smtp.Refused) as exc:
        raise click.ClickException(f"There is nothing to show: {exc}") from exc
