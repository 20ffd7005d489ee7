"""Whether mapping documents in use can still be used: issuers, templates and programs change."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.checks.installation import Installation
from bridge.pipeline.known_names import known_names
from bridge.store import mapping_versions
from mappings.document import DocumentError, load
from runtime.checkup import Finding


def mappings(of: Installation) -> Iterator[Finding]:
    """Every mistake in a document that is in use."""
    known = known_names(of.database, of.settings, beside=False)
    with of.database.read() as conn:
        rows = mapping_versions.active(conn)
    for row in rows:
        try:
            load(row.document, known=known)
        except DocumentError as exc:
            said = "; ".join(map(str, exc.mistakes))
            yield Finding(
                text=f"{row.name} version {row.version}: {said}. Until it is mended, what it wants "
                "is held: vaultbridge mappings add FILE"
            )
