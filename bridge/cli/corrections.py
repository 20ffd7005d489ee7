"""``vaultbridge corrections``: what was corrected, and what of it stays valid at a vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click
import sqlalchemy as sa

from bridge.cli.printing import print_json, print_table
from bridge.cli.session import JSON_OPTION, LIMIT_OPTION, bridge
from bridge.pipeline import correcting
from bridge.store import corrections as rows
from bridge.store import revocations
from runtime import spreadsheets

Kept: TypeAlias = "Mapping[str, str | None]"

#: What a correction says of each of its certificates that stay valid at a vault.
KEPT = (
    "reference_id",
    "certificate_title",
    "full_name",
    "applicant_email",
    "issue_date",
    "issuer",
    "site",
    "vault_uuid",
    "replaced_by",
)


def staying_valid(conn: sa.Connection, correction_id: str) -> Sequence[Kept]:
    """The certificates that stay valid at vaults which cannot revoke, by a correction."""
    return [_kept(one) for one in revocations.kept(conn, correction_id)]


def _kept(one: Mapping[Any, Any]) -> Kept:
    told = {**one, "replaced_by": one["newer_reference_id"] or one["newer_id"]}
    return {name: None if told[name] is None else str(told[name]) for name in KEPT}


def tell_list(kept: Sequence[Kept], csv: Path | None) -> None:
    """Say how many stay valid, and print them where they are in no file."""
    where = f"listed in {csv}" if csv is not None else "these"
    click.echo(f"{len(kept):,} stay valid at a vault that cannot revoke: {where}.")
    if csv is None:
        click.echo(spreadsheets.text(KEPT, [list(one.values()) for one in kept]), nl=False)


def write_list(path: Path, kept: Sequence[Kept]) -> None:
    """Write them into a file for the vault's operator."""
    spreadsheets.write(path, KEPT, [list(one.values()) for one in kept])


@click.command(name="corrections")
@click.argument("correction_id", metavar="[CORRECTION]", required=False)
@click.option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file for those of a CORRECTION that stay valid at a vault which cannot revoke.",
)
@LIMIT_OPTION
@JSON_OPTION
def corrections(correction_id: str | None, csv: Path | None, limit: int, as_json: bool) -> None:
    """List corrections: who wanted what, why, who approved it, and how far it came.

    Of one CORRECTION also the certificates that stay valid at a vault which cannot revoke, as
    things stand now.
    """
    if csv is not None and correction_id is None:
        raise click.UsageError("Say of which CORRECTION the list is to be written.")
    b = bridge()
    with b.database.read() as conn:
        if correction_id is None:
            _tell(rows.recent(conn, limit=limit), as_json=as_json)
            return
        found = rows.told(conn, correction_id)
        kept = staying_valid(conn, correction_id)
    if csv is not None:
        write_list(csv, kept)
    if as_json:
        print_json({**found, "stay_valid": kept})
        return
    _tell([found], as_json=False)
    if kept:
        tell_list(kept, csv)


def _tell(found: Sequence[Mapping[Any, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json([dict(row) for row in found])
        return
    columns = (
        "id",
        "started_at",
        "who",
        "what",
        "state",
        "approved_by",
        "replaced",
        "unchanged",
        "revoked",
        "kept",
        "reason",
    )
    told = [{**row, "what": _what(row["what"])} for row in found]
    print_table(columns, told, empty="No correction.")


def _what(packed: Mapping[str, Any]) -> str:
    asked = correcting.unpacked(packed)
    again = ["reprint"] if asked.reprint else []
    if asked.issuance is not None:
        return f"{asked.issuance}: {', '.join([*asked.changes, *again])}"
    since = [f"since {asked.since:%Y-%m-%d}"] if asked.since else []
    return " ".join([f"{asked.mapping} version {asked.version}", *since, *again])
