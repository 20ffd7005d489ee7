"""What stands around a vault that dies: a sender that asks again, and whom the vault tells."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from tests.bridge.world import NOON
from tests.faults.lives import Life, Lives
from tests.vault.webhooks.receiver import Receiver, receiver
from tests.vault.world import World, make
from vault import wiring
from vault.addresses import API
from vault.certificate import Status
from vault.store import endpoints
from vault.store.tables import certificate, chore, metadata
from vault.webhooks.signing import new_secret


@dataclass
class VaultStage:
    """One run's surroundings; `new` makes the next run's."""

    lives: Lives
    worlds: Mapping[str, World]
    there: Receiver
    kind: str = "sqlite"
    token: str = ""
    single: list[str] = field(default_factory=list)
    batch: list[str] = field(default_factory=list)
    retries: bool = False
    moment: datetime = NOON

    @property
    def world(self) -> World:
        return self.worlds[self.kind]

    def new(self, kind: str) -> VaultStage:
        """Nothing uploaded yet, nobody told anything."""
        fresh = VaultStage(lives=self.lives, worlds=self.worlds, there=self.there, kind=kind)
        fresh.there.received.clear()
        with fresh.world.vault.database.write() as conn:
            for table in reversed(metadata.sorted_tables):
                if table is not chore:
                    conn.execute(sa.delete(table))
            conn.execute(sa.update(chore).values(next_run_at=NOON, lease_until=None))
        for path in (fresh.files, fresh.mail_folder):
            shutil.rmtree(path, ignore_errors=True)
        institution = fresh.world.institution("ABC University")
        fresh.token = fresh.world.token(institution)
        with fresh.world.vault.database.write() as conn:
            endpoints.add(
                conn,
                wiring.keys(fresh.world.vault.settings, create=True),
                institution_id=institution,
                url=self.there.url,
                events=frozenset(),
                secrets=(new_secret(),),
                description=None,
                now=NOON,
            )
        return fresh

    @property
    def files(self) -> Path:
        return self.world.vault.settings.files

    @property
    def mail_folder(self) -> Path:
        return wiring.mail_folder(self.world.vault.settings)

    def live(self, *, crash: str | None = None, warm: bool = False) -> Life:
        """One life of the vault, in which everything is sent (again)."""
        order = {
            "kind": self.kind,
            "moment": self.moment.isoformat(),
            "token": self.token,
            "single": self.single,
            "batch": self.batch,
            "retries": self.retries,
            "warm": warm,
        }
        life = self.lives.live(order, crash=crash)
        self.moment = datetime.fromisoformat(life.last("moment", self.moment.isoformat()))
        return life

    def fail_all(self) -> None:
        """What there is could not be processed."""
        with self.world.vault.database.write() as conn:
            conn.execute(
                sa.update(certificate).values(
                    status=Status.FAILED.value, next_run_at=None, problem="The disk was full."
                )
            )

    def accepted(self, life: Life) -> list[str]:
        """The titles whose upload was answered with success."""
        return [t for one in life.told if one.get("status") in (201, 202) for t in one["uploaded"]]

    def listed(self) -> Mapping[str, Mapping[str, Any]]:
        """The certificates by their titles, as the API tells them."""
        with self.world.client(self.token) as client:
            found = client.get(API, params={"per_page": "100"}).json()["data"]
        by_title = {one["certificate_title"]: one for one in found}
        assert len(found) == len(by_title)
        return by_title

    def downloads(self) -> list[int]:
        """What each certificate's download answers."""
        with self.world.client(self.token) as client:
            return [self._download(client, one["uuid"]) for one in self.listed().values()]

    def _download(self, client: httpx.Client, uuid: str) -> int:
        answer = client.get(f"{API}/{uuid}/download")
        return answer.status_code if answer.content.startswith(b"%PDF-") else 0

    def mails(self) -> int:
        """How many mails there are; a second one of the same Message-ID takes the first's place."""
        return len(list(self.mail_folder.glob("*.eml")))

    def told(self) -> Counter[tuple[str, str]]:
        """Of each title and event, under how many delivery ids it was told."""
        ids = {
            (one.json["certificate_title"], one.json["event"], one.headers["webhook-id"])
            for one in self.there.received
        }
        return Counter((title, event.rpartition(".")[2]) for title, event, _ in ids)


@contextmanager
def vault_stage(lives: Lives, urls: Mapping[str, str], files: Path) -> Iterator[VaultStage]:
    """The surroundings of many runs, one after the other."""
    worlds = {kind: make(url, files / kind) for kind, url in urls.items()}
    with receiver() as there:
        yield VaultStage(lives=lives, worlds=worlds, there=there)
    for world in worlds.values():
        world.vault.database.close()
