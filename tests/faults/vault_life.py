"""A life of our vault: it takes what is uploaded, then processes, mails and tells what is due.

``python -m tests.faults.vault_life CONFIG``, by `tests.faults.lives`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from runtime.database import Database
from tests.bridge.settling import turns
from tests.bridge.world import Clock
from tests.faults.afar import RemoteSandbox
from tests.faults.lives import Tell, arm, serve
from tests.haste import hasty
from tests.vault import samples
from tests.vault.world import ENTRY, PUBLIC_URL, settings_of
from vault import steps, wiring
from vault.addresses import API
from vault.store.tables import metadata
from vault.web.app import create_app

#: Past every lease and past the hour after which an unused file is swept away.
A_WHILE = timedelta(hours=2)
MOST_RUNS = 200


class Lifetime:
    """What is loaded once."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.clock = Clock()
        self.urls: Mapping[str, str] = config["databases"]
        self.files = Path(config["files"])
        self.sandbox = RemoteSandbox(config["sandbox"])
        self.databases = {
            kind: hasty(Database(url, now=self.clock.tick)) for kind, url in self.urls.items()
        }

    def live(self, order: Mapping[str, Any], tell: Tell) -> None:
        """Take the uploads, try what failed again, settle."""
        self.clock.moment = datetime.fromisoformat(order["moment"])
        vault = self.vault(order["kind"])
        if not order["warm"]:  # a typesetter's threads would not survive forking
            arm(order, self.dated(tell))
        headers = {"Authorization": f"Bearer {order['token']}"}
        transport = httpx.WSGITransport(app=create_app(vault))
        with httpx.Client(transport=transport, base_url=PUBLIC_URL, headers=headers) as client:
            for title in order["single"]:
                tell(uploaded=[title], status=_single(client, title))
            if order["batch"]:
                tell(uploaded=order["batch"], status=_batch(client, order["batch"]))
            if order["retries"]:
                _retry(client)
        if not order["warm"]:
            self.settle(vault)
        vault.database.close()

    def vault(self, kind: str) -> wiring.Vault:
        settings = replace(
            settings_of(self.urls[kind], self.files / kind), allowed_private_hosts=("127.0.0.1",)
        )
        return wiring.build(
            settings,
            ring=lambda _bell: None,
            database=self.databases[kind],
            sandbox=self.sandbox,
        )

    def dated(self, tell: Tell) -> Tell:
        def telling(**what: Any) -> None:
            tell(**what, moment=self.clock.moment.isoformat())

        return telling

    def settle(self, vault: wiring.Vault) -> None:
        end = self.clock.moment + A_WHILE
        runs = {bell: steps.answer(vault, bell) for bell in steps.BELLS}
        for _ in turns():
            for bell, run in runs.items():
                for _ in range(MOST_RUNS):
                    if not run() and bell not in steps.due_bells(vault.database):
                        break
                else:
                    raise AssertionError(f"{bell} is still due after {MOST_RUNS} runs")
            moment = _next_due(vault.database, self.clock.moment)
            if moment is None or moment > end:
                return
            self.clock.moment = moment


def _single(client: httpx.Client, title: str) -> int:
    fields = {**ENTRY, "certificate_title": title}
    file = {"certificate_file": ("a.pdf", samples.pdf(title))}
    return client.post(API, data=fields, files=file).status_code


def _batch(client: httpx.Client, titles: list[str]) -> int:
    entries = []
    for title in titles:
        sent = client.post(f"{API}/upload-file", files={"file": ("a.pdf", samples.pdf(title))})
        file_id = sent.json()["data"]["file_id"]
        entries.append({**ENTRY, "certificate_title": title, "file_id": file_id})
    return client.post(f"{API}/bulk", json={"entries": entries}).status_code


def _retry(client: httpx.Client) -> None:
    failed = client.get(API, params={"status": "failed"}).json()["data"]
    for one in failed:
        client.post(f"{API}/{one['uuid']}/retry")


def _next_due(database: Database, after: datetime) -> datetime | None:
    found = []
    with database.read() as conn:
        for table in metadata.sorted_tables:
            if "lease_until" in table.c:
                waiting = table.c.next_run_at.is_not(None)
                columns = sa.select(table.c.next_run_at, table.c.lease_until).where(waiting)
                found += [max(at, until or at) for at, until in conn.execute(columns)]
    return min((moment for moment in found if moment > after), default=None)


if __name__ == "__main__":
    serve(Lifetime(json.loads(sys.argv[1])).live)
