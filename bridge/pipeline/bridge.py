"""What every step works with; built once a process by bridge.wiring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import httpx
import marshmallow as ma
import sqlalchemy as sa

from bridge.certificates.render import Renderer
from bridge.pipeline.learner_links import LearnerLinks
from bridge.pipeline.side_by_side import SideBySide
from bridge.settings import Settings
from bridge.store import accounts
from bridge.vault_client import VaultClient
from connectors import registry
from connectors.base import Connector, Permanent
from runtime.bell import Ring
from runtime.database import Database
from runtime.keys import KeyProblem, Keys
from runtime.retry import Backoff

#: Looking through everything installed takes milliseconds, on each webhook; a plug-in that is
#: installed later is found, one that is exchanged needs a restart.
_connector = lru_cache(maxsize=64)(registry.load)


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """One process's database, keys, clients and bell."""

    settings: Settings
    database: Database
    keys: Keys
    links: LearnerLinks
    renderer: Renderer
    ring: Ring
    vault_http: httpx.Client
    lms_http: httpx.Client
    owner: str  #: this process's name on leases
    #: Whom each step is serving, by the step's name.
    sides: Mapping[str, SideBySide] = field(
        init=False, repr=False, compare=False, default_factory=partial(defaultdict, SideBySide)
    )

    def close(self) -> None:
        """Let those who are being served be served to the end."""
        for side in self.sides.values():
            side.close()

    @property
    def backoff(self) -> Backoff:
        """When to call again after a failed call."""
        return Backoff(first=self.settings.retry_first, longest=self.settings.retry_longest)

    def now(self) -> datetime:
        """The machine's clock, for what no lease depends on."""
        return datetime.now(UTC)

    def vault_for(self, issuer_id: str) -> VaultClient:
        """A client with the issuer's present token: a rotated one counts at once."""
        with self.database.read() as conn:
            return self.vault_of(accounts.issuer_by_id(conn, issuer_id))

    def vault_of(self, row: sa.Row[Any]) -> VaultClient:
        """A client for an issuer's row."""
        secrets = accounts.secrets_of(row, kind="issuer", keys=self.keys)
        return VaultClient(row.vault_url, str(secrets["token"]), http=self.vault_http)

    def connector_of(self, row: sa.Row[Any]) -> Connector[Any]:
        """A connector for a site's row, with its present settings and secrets.

        Raises connectors.base.Permanent where the site cannot be used as it is configured.
        """
        try:
            secrets = accounts.secrets_of(row, kind="site", keys=self.keys)
            connector = _connector(row.connector)
            settings = connector.settings_schema().load({**row.settings, **secrets})
        except (KeyProblem, registry.UnknownConnector) as exc:
            code = "key" if isinstance(exc, KeyProblem) else "connector"
            raise Permanent(str(exc), remedy="Then `vaultbridge site check`.", code=code) from exc
        except ma.ValidationError as exc:
            raise Permanent(
                f"The settings of the site {row.name} do not fit: {exc.messages}",
                remedy=f"Rotate its secrets (`vaultbridge site rotate {row.name}`), or add a site "
                "of another name with settings that fit.",
                code="settings",
            ) from exc
        return connector(settings, http=self.lms_http, now=self.now)
