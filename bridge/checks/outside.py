"""What lies outside: the address that learners and LMSs are told, and the mail server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from bridge.checks.installation import Installation
from runtime import checkup, smtp
from runtime.checkup import Finding

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
            "No mail server is set: a learner who lost a link gets no mail with a new one. Set "
            "BRIDGE_MAIL_SERVER and BRIDGE_MAIL_FROM."
        )
        return
    try:
        smtp.greet(server=server, tls=ssl.create_default_context())
    except smtp.MailError as exc:
        yield Finding(text=f"{exc} Check BRIDGE_MAIL_SERVER. Mails wait meanwhile.")
