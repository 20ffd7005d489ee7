"""What a dead link's page offers: a new link, mailed to the address on the certificate.

Nobody is logged in here and no cookie is set, so that a foreign site's form gains nothing by using
somebody's browser but to send a request it could send by itself; browsers that say so
(``Sec-Fetch-Site``) are refused all the same. The answer never tells whether an address is known.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import redirect, request
from werkzeug import Response

from bridge.pipeline import mail
from bridge.pipeline.standing import spoken
from bridge.store import issuances, mails, rates
from bridge.store.states import IssuanceState
from bridge.texts import LANGUAGES, mark
from bridge.web import learner_page
from bridge.wiring import Bridge
from runtime.callers import caller
from runtime.crashpoint import crashpoint

WINDOW = timedelta(hours=1)
#: Mails an address may get in a window, and requests a client may send: a campus is one client.
MOST_PER_ADDRESS = 3
MOST_PER_CLIENT = 30
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
ERASED = mark(
    "{institution} no longer keeps your name, your e-mail address or the file here. "
    "Please ask there if you did not expect this."
)
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;.]+(\.[^\s@<>,;.]+)+")


class LostLink:
    """The form, its answer, and the pages that offer it."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._base = learner_page.base_of(bridge.settings.public_url)

    def dead(self, row: sa.Row[Any] | None) -> Response:
        """The page for a link that is revoked (``row`` is what it stood for) or none of ours."""
        if row is not None and row.state == IssuanceState.ERASED:
            return self._page(
                410, mark("The data of this certificate has been erased"), ERASED, row=row
            )
        if row is not None:
            return self._page(
                410,
                mark("This link has been revoked"),
                mark(
                    "{institution} has revoked this link. The certificate itself is not affected."
                ),
                row=row,
                offer=True,
            )
        return self._page(
            404,
            mark("This link does not work"),
            mark(
                "It may not have been copied completely. "
                "Please open it again from your gradebook or your mail."
            ),
            offer=True,
        )

    def ask(self) -> Response:
        """The form by itself: an address that an institution can give in its help pages."""
        return self._page(200, mark("Get a new link by e-mail"), None, offer=True)

    def send(self) -> Response:
        """Take an address. The same answer for every one that could be an address."""
        if self._bridge.settings.mail_server is None:
            return self.ask()
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return self._page(
                403,
                mark("This form was sent from another site"),
                mark("Please open the form here and send it again."),
                offer=True,
            )
        address = request.form.get("email", "").strip()
        if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
            title = mark("Get a new link by e-mail")
            return self._page(422, title, None, offer=True, wrong=address[:LONGEST_ADDRESS])
        if not self._request_mail(address):
            return self._page(
                429, mark("Too many requests"), mark("Please wait an hour, then try again.")
            )
        chosen = request.args.get("lang")
        query = f"?lang={chosen}" if chosen in LANGUAGES else ""
        return redirect(f"{self._base}/sent{query}", code=303)

    def sent(self) -> Response:
        """The answer to every address."""
        return self._page(
            200,
            mark("Please check your mail"),
            mark(
                "If there is a certificate for this address, a mail with its link is on its way. "
                "It can take a few minutes. Look into the spam folder too."
            ),
        )

    def _request_mail(self, address: str) -> bool:
        """Put a mail on its way if there is anything to send; False if this client must wait."""
        client, person = (
            f"new link for {caller(request.remote_addr)}",
            f"new link to {address.casefold()}",
        )
        with self._bridge.database.write() as conn:
            now = self._bridge.database.now(conn)
            if not rates.allow(conn, client, most=MOST_PER_CLIENT, window=WINDOW, now=now):
                return False
            if rates.allow(conn, person, most=MOST_PER_ADDRESS, window=WINDOW, now=now):
                found = issuances.generated_for(conn, address)
                if found:
                    # To the address on the certificate, never to what was typed: letters that
                    # only compare equal may belong to somebody else's domain.
                    language = learner_page.language_for(None)
                    mails.add(conn, found[0].applicant_email, language=language, now=now)
            crashpoint("lost_link.storing")
        crashpoint("lost_link.stored")
        # Rung for everyone, or the time an answer takes would tell.
        self._bridge.ring(mail.BELL)
        return True

    def _page(
        self,
        status: int,
        title: str,
        text: str | None,
        *,
        row: sa.Row[Any] | None = None,
        offer: bool = False,
        wrong: str | None = None,
    ) -> Response:
        return learner_page.page(
            "lost.html",
            base=self._base,
            language=learner_page.language_for(spoken(row) if row is not None else None),
            status=status,
            title=title,
            text=text,
            row=row,
            offer=offer,
            mails=self._bridge.settings.mail_server is not None,
            wrong=wrong,
        )
