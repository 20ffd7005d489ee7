"""What lies outside: the address that learners and LMSs are told, mail server, sign-in."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta

from bridge.checks import storage
from bridge.checks.installation import Installation
from bridge.people import institution, oidc, rules
from bridge.people.roles import Limits
from bridge.store import accounts
from bridge.store import notices as notice_rows
from runtime import checkup, smtp
from runtime.checkup import Finding

LATELY = timedelta(days=7)
#: What our own page says; see bridge.web.health.
LIVE = {"status": "ok"}


def public_address(of: Installation) -> Iterator[Finding]:
    """Whether the address in gradebooks is one for everybody, and this bridge answers there."""
    url = of.settings.public_url
    if checkup.is_nearby(url):
        yield checkup.note(
            f"Learners' links lead to {url}, which is this machine alone. Set BRIDGE_PUBLIC_URL "
            "before the first certificate that counts: it stands in gradebooks for ever."
        )
    elif not url.startswith("https://"):
        yield checkup.note(
            f"Learners' links lead to {url}, which is not https: browsers warn of it. Set "
            "BRIDGE_PUBLIC_URL to an https address."
        )
    problem = checkup.not_served(url, live=LIVE)
    if problem is not None:
        yield Finding(
            text=f"{url} does not answer as this bridge ({problem}). Start `vaultbridge web`, "
            "check the proxy before it, and BRIDGE_PUBLIC_URL. Asked from this machine."
        )


def mails(of: Installation) -> Iterator[Finding]:
    """Whether mails leave."""
    server = of.settings.mail_server
    if server is None:
        yield checkup.note(
            "No mail server is set: a learner who lost a link gets no mail with a new one, and "
            f"mails to owners are files in {of.settings.mail_folder}. Set BRIDGE_MAIL_SERVER and "
            "BRIDGE_MAIL_FROM."
        )
        yield from storage.writable(of.settings.mail_folder, "BRIDGE_MAIL_FOLDER")
        return
    try:
        smtp.greet(server=server, tls=ssl.create_default_context())
    except smtp.MailError as exc:
        yield Finding(text=f"{exc} Check BRIDGE_MAIL_SERVER. Mails wait meanwhile.")


def sign_in(of: Installation) -> Iterator[Finding]:
    """Whether the institution's sign-in answers, and the roles it gives are for what there is."""
    provider = institution.provider(of.settings)
    if provider is None:
        return
    try:
        with provider.http:
            provider.look()
    except oidc.OutOfReach as exc:
        yield Finding(
            text=f"The institution's sign-in does not answer as it must ({exc.reason}). Check "
            "BRIDGE_OIDC_ISSUER: it is spelt as its discovery document spells it; one inside your "
            "network stands in BRIDGE_ALLOWED_PRIVATE_HOSTS."
        )
    with of.database.read() as conn:
        for grant in of.settings.oidc_roles:
            try:
                rules.there_are(conn, Limits.unpacked(grant.limits))
            except rules.NotThere as exc:
                yield Finding(text=f"BRIDGE_OIDC_ROLES, {grant}: {exc}")


def notices(of: Installation) -> Iterator[Finding]:
    """Whether somebody is told of trouble, and whether it reaches them."""
    if not of.settings.operator:
        with of.database.read() as conn:
            places = [("site", row) for row in accounts.sites(conn)]
            places += [("issuer", row) for row in accounts.issuers(conn)]
        names = [f"{kind} {row.name}" for kind, row in places if row.owners is None]
        if names:
            yield checkup.note(
                f"Nobody is told of trouble with {', '.join(names)}. Name who is: vaultbridge site "
                "set NAME --owner ADDRESS, or BRIDGE_OPERATOR for all that have no owner."
            )
    with of.database.read() as conn:
        since = of.database.now(conn) - LATELY
        failed = notice_rows.failed(conn, since=since)
    if failed:
        yield Finding(
            text=f"Notices that reached nobody in the last {LATELY.days} days: {failed}. "
            "See why: vaultbridge notices --state failed. Then: vaultbridge notices try"
        )
