"""``vaultbridge correct``: certificates that were issued wrong, issued anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.backtesting import lines
from bridge.cli.corrections import staying_valid, tell_list, write_list
from bridge.cli.moments import Ago
from bridge.cli.pairs import pair
from bridge.cli.printing import print_json
from bridge.cli.session import AS_OPTION, JSON_OPTION, bridge, person
from bridge.pipeline import correcting
from bridge.pipeline.backtest import totals
from bridge.pipeline.correcting import PARAMETER, Already, Asked, Foreseen, Refused
from bridge.store import accounts, issuances
from bridge.store import corrections as rows
from bridge.store.states import CorrectionState, IssuanceState
from bridge.wiring import Bridge
from mappings.suspects import Suspicion


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """How a command is to go about it."""

    who: str
    yes: bool
    dry_run: bool
    examples: int
    at_most: int | None
    csv: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staying:
    """What a vault that cannot revoke keeps valid."""

    issuer: str
    stay_valid: int  #: of the wrong ones
    held: int  #: of the newer ones, which it does not take beside them


@click.command()
@click.argument("issuance_id", metavar="[ISSUANCE]", required=False)
@click.option("--full-name", help="The name as it should be.")
@click.option("--email", help="The e-mail address as it should be.")
@click.option("--title", help="The title as it should be.")
@click.option("--details", help="The details as they should be.")
@click.option(
    "--set",
    "told",
    multiple=True,
    metavar="NAME=TEXT",
    help="A text of the template as it should be, e.g. second_name=….",
)
@click.option("--mapping", help="Instead of one issuance: all that this mapping made …")
@click.option("--version", type=click.IntRange(min=1), help="… in this version of it.")
@click.option("--since", type=Ago(), help="Of these, what was made since: 12h, 30d, or a date.")
@click.option(
    "--reprint",
    is_flag=True,
    help="Also what says the same, where its template, a picture or its issuer is another now.",
)
@click.option("--reason", help="Why. A vault that can revoke shows it to everyone: name nobody.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before it is done.")
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many of each kind to show.",
)
@click.option(
    "--at-most",
    type=click.IntRange(min=1),
    help="Correct so many at once, if more than BRIDGE_CORRECTIONS_AT_MOST are meant.",
)
@click.option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file for those that stay valid at a vault which cannot revoke.",
)
@click.option(
    "--approve", "approved", metavar="CORRECTION", help="Approve what somebody asked for."
)
@click.option("--decline", "declined", metavar="CORRECTION", help="Say that it is not to be done.")
@click.option("--continue", "continued", metavar="CORRECTION", help="Go on with one interrupted.")
@AS_OPTION
@JSON_OPTION
def correct(
    issuance_id: str | None,
    full_name: str | None,
    email: str | None,
    title: str | None,
    details: str | None,
    told: Sequence[str],
    mapping: str | None,
    version: int | None,
    since: timedelta | datetime | None,
    reprint: bool,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    examples: int,
    at_most: int | None,
    csv: Path | None,
    approved: str | None,
    declined: str | None,
    continued: str | None,
    who: str | None,
    as_json: bool,
) -> None:
    """Issue a certificate anew as it should have been, and have the wrong one revoked.

    One ISSUANCE with what is wrong about it, or all that a version of a mapping made: they are
    mapped by the version in use now, and what would come out the same is left alone. A seal, a
    signature or an institution's name that was wrong is mended where it stands, and then printed
    anew with --reprint.

    What is replaced is shown first, field by field. The learner finds the newer one under the same
    link and in the gradebook, and gets one mail.
    """
    b = bridge()
    how = _How(
        who=person(who),
        yes=yes,
        dry_run=dry_run,
        examples=examples,
        at_most=at_most,
        csv=csv,
        as_json=as_json,
    )
    given = {"full_name": full_name, "applicant_email": email}
    given |= {"certificate_title": title, "details": details}
    changes = {name: text for name, text in given.items() if text is not None}
    changes |= {f"{PARAMETER}{name}": text for name, text in map(pair, told)}
    asked = Asked(
        issuance=issuance_id,
        changes=changes,
        mapping=mapping,
        version=version,
        since=b.now() - since if isinstance(since, timedelta) else since,
        reprint=reprint,
    )
    _refuse_unclear(asked, (approved, declined, continued), reason=reason, how=how)
    try:
        with b.renderer:  # each certificate is printed, in a process of its own
            if continued is not None:
                _carry_out(b, continued, how)
            elif declined is not None:
                _decline(b, declined, reason, how)
            elif approved is not None:
                _approve(b, approved, how)
            else:
                _begin(b, asked, reason or "", how)
    except Already as exc:
        _say(how, f"{exc} Nothing was changed.", replaced_by=exc.newest)
    except Refused as exc:
        raise click.ClickException(str(exc)) from exc


def _refuse_unclear(
    asked: Asked, known: Sequence[str | None], *, reason: str | None, how: _How
) -> None:
    """``known`` are corrections that are to be decided or gone on with."""
    ways = [asked.issuance, asked.mapping, *known]
    if sum(way is not None for way in ways) != 1:
        raise click.UsageError(
            "Say what to correct: an ISSUANCE, or --mapping and --version; or --approve, --decline "
            "or --continue a correction that `vaultbridge corrections` lists."
        )
    if asked.issuance is not None and not (asked.changes or asked.reprint):
        raise click.UsageError(
            "Say what is wrong: --full-name, --email, --title, --details or --set; or --reprint it."
        )
    if asked.issuance is None and asked.changes:
        raise click.UsageError(
            "--full-name, --email, --title, --details and --set are for one ISSUANCE."
        )
    if (asked.version is None) != (asked.mapping is None):
        raise click.UsageError("Give --mapping and --version together.")
    if (asked.issuance or asked.mapping) and not reason and not how.dry_run:
        raise click.UsageError("Say why: --reason.")


def _begin(b: Bridge, asked: Asked, reason: str, how: _How) -> None:
    foreseen = _foreseen(b, asked)
    todo = [each for each in foreseen if each.columns is not None]
    staying = _staying(b, todo)
    _show(foreseen, staying, how)
    if how.dry_run or not todo:
        _leave(foreseen, staying, how)
        return
    _refuse_too_many(b, todo, how)
    approved = not b.settings.corrections_approved_by_two
    if approved:
        _ask(how, f"Correct {len(todo):,}?")
    begun = correcting.begin(
        b, asked, who=how.who, reason=reason, selected=len(foreseen), approved=approved
    )
    if approved:
        _carry_out(b, begun, how)
        return
    said = f"{begun} waits for a second person: vaultbridge correct --approve {begun} --as NAME"
    _say(how, said, correction=begun, state="asked")


def _approve(b: Bridge, correction_id: str, how: _How) -> None:
    with b.database.read() as conn:
        row = rows.by_id(conn, correction_id)
    if row.approved_by == how.who:
        _go_on(b, row, how)
        return
    correcting.refuse_to_approve(row, who=how.who)
    foreseen = _foreseen(b, correcting.unpacked(row.what))
    todo = [each for each in foreseen if each.columns is not None]
    _say(how, f"{row.who} asks for it: {row.reason}")
    staying = _staying(b, todo)
    _show(foreseen, staying, how)
    if how.dry_run:
        _leave(foreseen, staying, how)
        return
    _refuse_too_many(b, todo, how)
    _ask(how, f"Approve it, and correct {len(todo):,}?")
    correcting.approve(b, row, who=how.who, selected=len(foreseen))
    _carry_out(b, row.id, how)


def _decline(b: Bridge, correction_id: str, reason: str | None, how: _How) -> None:
    with b.database.read() as conn:
        row = rows.by_id(conn, correction_id)
    correcting.decline(b, row, who=how.who, reason=reason)
    said = f"{row.id} is declined. Nothing was changed."
    _say(how, said, correction=row.id, state=CorrectionState.DECLINED)


def _go_on(b: Bridge, row: sa.Row[Any], how: _How) -> None:
    """Said twice, or after an interruption, an approval is one all the same."""
    if row.state == CorrectionState.RUNNING:
        _carry_out(b, row.id, how)
    else:
        said = f"{how.who} has approved {row.id} already, and it is {row.state}."
        _say(how, said, correction=row.id, state=row.state)


def _foreseen(b: Bridge, asked: Asked) -> list[Foreseen]:
    # Of hundreds, the files are made again when they are needed.
    return [replace(each, content=b"") for each in correcting.foresee(b, asked)]


def _staying(b: Bridge, todo: Sequence[Foreseen]) -> Sequence[_Staying]:
    """By each vault that cannot revoke, what would stay valid there."""
    found = []
    for issuer_id in sorted({each.old.issuer_id for each in todo}):
        theirs = [each for each in todo if each.old.issuer_id == issuer_id]
        if not correcting.can_revoke(b, issuer_id):
            with b.database.read() as conn:
                name = accounts.issuer_by_id(conn, issuer_id).name
            held = sum(each.keeps_key for each in theirs)
            found.append(_Staying(issuer=name, stay_valid=len(theirs), held=held))
    return found


def _show(foreseen: Sequence[Foreseen], staying: Sequence[_Staying], how: _How) -> None:
    """Totals, examples field by field, what is doubtful, and what cannot be undone.

    A program gets that at the end, as JSON; a person who is asked beside it is told the last all
    the same.
    """
    if not how.as_json:
        tested = [each.tested for each in foreseen]
        for line in lines(tested, how.examples) if foreseen else ("No certificate is meant.",):
            click.echo(line)
        for doubt, number in _doubts(foreseen).items():
            click.echo(f"{number:,} would be held if they came now: {doubt.problem}")
    for each in staying:
        _tell_staying(each, how)


def _doubts(foreseen: Sequence[Foreseen]) -> Mapping[Suspicion, int]:
    """For what the brake would hold those that are to be replaced, and how many of each."""
    return Counter(each.doubt for each in foreseen if each.doubt is not None)


def _tell_staying(each: _Staying, how: _How) -> None:
    click.echo(
        f"\nThe vault of the issuer {each.issuer} cannot revoke: {each.stay_valid:,} wrong "
        "certificates stay valid there.",
        err=how.as_json,
    )
    if each.held:
        click.echo(
            f"{each.held:,} of the newer ones have the same e-mail, title and issue date as the "
            "older: the vault does not take them, and they are held.",
            err=how.as_json,
        )


def _leave(foreseen: Sequence[Foreseen], staying: Sequence[_Staying], how: _How) -> None:
    _say(
        how,
        "Nothing was changed.",
        totals=totals([each.tested for each in foreseen]),
        would_be_held={doubt.code: number for doubt, number in _doubts(foreseen).items()},
        cannot_revoke=[asdict(each) for each in staying],
        rows=list(_as_rows(foreseen)),
    )


def _as_rows(foreseen: Sequence[Foreseen]) -> Iterator[Mapping[str, Any]]:
    for each in foreseen:
        difference = each.tested.difference
        yield {
            "issuance": each.old.id,
            "change": difference.change.value,
            "fields": {
                name: {"before": before, "after": after}
                for name, (before, after) in difference.fields.items()
            },
            "problem": difference.problem,
            "collides_with": each.tested.collides_with,
            "would_be_held": each.doubt and each.doubt.code,
        }


def _refuse_too_many(b: Bridge, todo: Sequence[Foreseen], how: _How) -> None:
    most = how.at_most or b.settings.corrections_at_most
    if len(todo) > most:
        raise click.ClickException(
            f"These are {len(todo):,}, and at most {most:,} are corrected at once. If they are "
            f"meant, say so: --at-most {len(todo)}."
        )


def _ask(how: _How, question: str) -> None:
    if not how.yes:
        click.confirm(question, abort=True, err=how.as_json)


def _say(how: _How, text: str, **values: object) -> None:
    if not how.as_json:
        click.echo(text)
    elif values:
        print_json(values)


def _carry_out(b: Bridge, correction_id: str, how: _How) -> None:
    done = [each for some in correcting.proceed(b, correction_id) for each in some]
    with b.database.read() as conn:
        row = rows.by_id(conn, correction_id)
        held = [new for each in done if (new := _held(conn, each.new)) is not None]
        kept = staying_valid(conn, correction_id)
    if how.csv is not None:
        write_list(how.csv, kept)
    if how.as_json:
        print_json(
            {
                "correction": row.id,
                "state": row.state,
                "replaced": row.replaced,
                "unchanged": row.unchanged,
                "rows": [{"issuance": each.old, "replaced_by": each.new} for each in done],
                "held": [new.id for new in held],
                "kept": kept,
            }
        )
        return
    for each in done if len(done) <= how.examples else ():
        click.echo(f"{each.old} is replaced by {each.new}.")
    click.echo(f"{row.replaced:,} replaced, {row.unchanged:,} unchanged ({row.id}).")
    for new in held[: how.examples]:
        click.echo(f"{new.id} is held: {new.problem} {new.remedy}")
    if kept:
        tell_list(kept, how.csv)


def _held(conn: sa.Connection, row_id: str) -> sa.Row[Any] | None:
    row = issuances.by_id(conn, row_id)
    return row if row is not None and row.state == IssuanceState.HELD else None
