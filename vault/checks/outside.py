"""What lies outside: the mail server, institutions' webhooks, the address that QR codes name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from runtime import checkup, smtp
from runtime.checkup import Finding
from vault import wiring
from vault.checks.installation import Installation
from vault.store import endpoints
from vault.store.notices import State
from vault.store.people import notice

LATELY = timedelta(days=7)


def mails(of: Installation) -> Iterator[Finding]:
    """Whether mails leave, and which did not lately."""
    if of.settings.read_only:
        return
    server = of.settings.mail_server
    if server is None:
        yield checkup.note(
            f"No mail server is set: mails are files in {wiring.mail_folder(of.settings)} and "
            "reach nobody. Set VAULT_MAIL_SERVER and VAULT_MAIL_FROM."
        )
    else:
        try:
            smtp.greet(server=server, tls=ssl.create_default_context())
        except smtp.MailError as exc:
            yield Finding(text=f"{exc} Check VAULT_MAIL_SERVER. Mails wait meanwhile.")
    if count := _failed(of):
        yield checkup.note(
            f"Mails that failed in the last {LATELY.days} days: {count}. See: certvault mail list "
            "--state failed. Then: certvault mail resend ID"
        )


def _failed(of: Installation) -> int:
    with of.database.read() as conn:
        lately = notice.c.ended_at > of.database.now(conn) - LATELY
        count = sa.select(sa.func.count()).select_from(notice)
        failed = count.where(notice.c.state == State.FAILED.value, lately)
        return int(conn.execute(failed).scalar_one())


def webhooks(of: Installation) -> Iterator[Finding]:
    """Endpoints that get nothing, or that fail."""
    with of.database.read() as conn:
        rows = endpoints.all_of_them(conn)
    for row in rows:
        if row.disabled_at is not None:
            yield checkup.note(
                f"{row.url} of {row.institution} was disabled on {row.disabled_at:%Y-%m-%d}: "
                f"{row.disabled_reason} Once it is mended: certvault webhook enable {row.id}"
            )
        elif row.failing_since is not None:
            yield checkup.note(
                f"{row.url} of {row.institution} fails since {row.failing_since:%Y-%m-%d %H:%M} "
                f"UTC. See: certvault webhook deliveries --endpoint {row.id}"
            )


def public_address(of: Installation) -> Iterator[Finding]:
    """Whether the address in QR codes is one for everybody, and this vault answers there."""
    url = of.settings.public_url
    if checkup.is_nearby(url):
        yield checkup.note(
            f"QR codes lead to {url}, which is this machine alone. Set VAULT_PUBLIC_URL before the "
            "first certificate that counts: it stands in QR codes for ever."
        )
    elif not url.startswith("https://"):
        yield checkup.note(f"QR codes lead to {url}, which is not https: readers are warned of it.")
    problem = checkup.not_served(url, live={"status": "live"})
    if problem is not None:
        yield Finding(
            text=f"{url} does not answer as this vault ({problem}). Start `certvault web`, check "
            "the proxy before it, and VAULT_PUBLIC_URL. Asked from this machine."
        )
