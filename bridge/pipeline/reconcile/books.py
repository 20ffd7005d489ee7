"""What an issuer's vault holds, as far as a run may ask: pages of its list, and single ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import account as accounts
from bridge.pipeline.account import Account
from bridge.pipeline.reconcile.walk import Walk
from bridge.pipeline.reconcile.work import Work
from bridge.vault_client import VaultCertificate


@dataclass(slots=True, kw_only=True)
class Books:
    """What an issuer's vault holds, as far as a run may ask."""

    work: Work
    account: Account
    walk: Walk
    views: int  #: how many certificates may still be asked for by themselves
    answered: bool = False  #: whether every worker was told that the vault answers

    @property
    def issuer(self) -> sa.Row[Any]:
        """Whose vault it is."""
        return self.account.issuer

    def pages(self, *, status: str | None = None) -> Iterator[Sequence[VaultCertificate]]:
        """The pages of the list, from where the walk is."""
        more = True
        while more:
            self.work.renew()
            found, more = self.account.vault.page(self.walk.page, status=status)
            self._heard(found)
            yield found
            self.walk.page += 1
            more = more and bool(found)

    def view(self, uuid: str) -> VaultCertificate | None:
        """One certificate by itself; the caller has seen that ``views`` are left."""
        self.views -= 1
        self.work.renew()
        found = self.account.vault.view(uuid)
        self._heard(found)
        return found

    def _heard(self, found: object) -> None:
        if not self.answered:
            with self.work.write() as (conn, now):
                accounts.heard(self.work.bridge, conn, self.account, [found], now=now)
            self.answered = True
