"""The key file, and what is encrypted with it."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.checks.installation import Installation
from bridge.store import accounts
from runtime import checkup
from runtime.checkup import Finding
from runtime.keys import KeyProblem, Keys


def keys(of: Installation) -> Iterator[Finding]:
    """Whether the key file is there, private, and the one that secrets were encrypted with."""
    path = of.settings.key_file
    try:
        found = Keys.read(path)
    except KeyProblem as exc:
        yield Finding(text=f"{exc} Restore the file from its copy, or correct BRIDGE_KEY_FILE.")
        return
    yield from checkup.private(path)
    with of.database.read() as conn:
        rows = [("issuer", row) for row in accounts.issuers(conn)]
        rows += [("site", row) for row in accounts.sites(conn)]
    for kind, row in rows:
        try:
            accounts.secrets_of(row, kind=kind, keys=found)
        except KeyProblem as exc:
            yield Finding(text=f"{exc} To enter them: vaultbridge {kind} rotate {row.name}")
