"""Whether the strip can be drawn, and with every institution's name. Pages use visitors' fonts."""

from __future__ import annotations

from collections.abc import Iterator

from runtime import checkup
from runtime.checkup import Finding
from vault.checks.installation import Installation
from vault.stamp import Stamper, printable
from vault.store import institutions


def fonts(of: Installation) -> Iterator[Finding]:
    """Whether its fonts are there, and have a glyph for each character of a name."""
    try:
        Stamper()
    except (OSError, LookupError, RuntimeError) as exc:
        yield Finding(
            text=f"The strip cannot be drawn ({exc}). Install vaultbridge's packages again, as "
            "requirements.lock has them."
        )
    with of.database.read() as conn:
        names = [row.name for row in institutions.all_of_them(conn)]
    for name in names:
        if not printable(name):
            yield checkup.note(
                f"The strip's font cannot print the name {name}, so strips leave it out; the "
                "verification page says it."
            )
