"""``vaultbridge replay`` and ``replays``: set going again what failed, once its cause is mended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from bridge.cli.moments import Ago
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import AS_OPTION, JSON_OPTION, LIMIT_OPTION, bridge, person
from bridge.pipeline import preview, selection
from bridge.pipeline import replay as replaying
from bridge.pipeline.outlook import Foreseen, totals
from bridge.pipeline.replay import Progress, Replayed
from bridge.pipeline.selection import Selection
from bridge.store import replays as rows
from bridge.store.failures import REPLAYABLE
from bridge.store.states import CompletionState, DeliveryState, IssuanceState, WriteBackState
from bridge.wiring import Bridge

T = TypeVar("T")

STATES = sorted(
    {
        state.value
        for states in (CompletionState, DeliveryState, IssuanceState, WriteBackState)
        for state in states
    }
)
#: How often a long replay says how far it has come.
EVERY_S = 2.0
#: As a shell says of a command that Ctrl-C ended.
INTERRUPTED = 130


@click.command()
@click.argument("row_ids", metavar="[ID]...", nargs=-1)
@click.option("--cause", help="What fails for this cause, or for any that begins with it.")
@click.option("--site", help="What belongs to this site.")
@click.option("--kind", type=click.Choice(list(REPLAYABLE)), help="Rows of this kind.")
@click.option("--state", type=click.Choice(STATES), help="Rows in this state, failing or not.")
@click.option("--since", type=Ago(), help="What fails since then: 12h, 30d, or a date and time.")
@click.option("--until", type=Ago(), help="What failed before then.")
@click.option(
    "--mapping",
    type=click.Choice(list(replaying.MAPPINGS)),
    default=replaying.CURRENT,
    show_default=True,
    help="Map with the active mappings, or with the versions of the first time.",
)
@click.option("--dry-run", is_flag=True, help="Say what would become of each; change nothing.")
@click.option("--continue", "replay_id", metavar="REPLAY", help="Go on with one interrupted.")
@click.option("--reason", help="Why, for the history.")
@AS_OPTION
@JSON_OPTION
def replay(
    row_ids: tuple[str, ...],
    cause: str | None,
    site: str | None,
    kind: str | None,
    state: str | None,
    since: timedelta | datetime | None,
    until: timedelta | datetime | None,
    mapping: str,
    dry_run: bool,
    replay_id: str | None,
    reason: str | None,
    who: str | None,
    as_json: bool,
) -> None:
    """Set going again what failed, after its cause is mended: by ID, or all that fits.

    What is issued already is never touched. With options alone, that is what stays behind (see
    `vaultbridge failures`); several options narrow it down.
    """
    b = bridge()
    now = b.now()
    meant = Selection(
        ids=row_ids,
        kind=kind,
        cause=cause,
        site=site,
        state=state,
        since=_moment(since, now),
        until=_moment(until, now),
    )
    if replay_id is not None:
        _refuse_beside_continue(click.get_current_context())
        _run(b, replay_id, as_json=as_json, listed=False)
        return
    _refuse_unclear(meant)
    if dry_run:
        _preview(b, meant, mapping=mapping, as_json=as_json)
        return
    begun = replaying.begin(b, meant, who=person(who), reason=reason, mapping=mapping)
    strangers = [replaying.not_an_id(given) for given in meant.ids if _is_strange(given)]
    issued = _issued(b, meant)
    _run(b, begun, as_json=as_json, listed=bool(meant.ids), beside=strangers, issued=issued)


def _moment(given: timedelta | datetime | None, now: datetime) -> datetime | None:
    return now - given if isinstance(given, timedelta) else given


def _is_strange(given: str) -> bool:
    return not selection.is_replayable(given)


def _refuse_unclear(meant: Selection) -> None:
    if meant.is_empty:
        raise click.UsageError(
            "Say what to replay: an ID, or --cause, --site, --kind, --state, --since, --until. "
            "`vaultbridge failures` shows what there is."
        )
    if meant.ids and meant != Selection(ids=meant.ids):
        raise click.UsageError("Give IDs, or options to select by, not both.")


def _refuse_beside_continue(context: click.Context) -> None:
    given = {
        "ID" if isinstance(option, click.Argument) else option.opts[0]
        for option in context.command.params
        if option.name not in ("replay_id", "as_json")
        and context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    }
    if given:
        raise click.UsageError(
            "--continue goes on with what was said then: the selection, the mapping, who, and why. "
            f"Leave out {', '.join(sorted(given))}, or begin another replay."
        )


def _issued(b: Bridge, meant: Selection) -> int:
    with b.database.read() as conn:
        return selection.count_issued(conn, meant, now=b.database.now(conn))


def _run(
    b: Bridge,
    replay_id: str,
    *,
    as_json: bool,
    listed: bool,
    beside: Sequence[Replayed] = (),
    issued: int = 0,
) -> None:
    results = list(beside)
    last = None
    try:
        for last in _telling(replaying.proceed(b, replay_id), _how_far):
            results += last.results
    except KeyboardInterrupt:
        replaying.leave(b, replay_id)
        done = 0 if last is None else last.going + last.unchanged
        click.echo(
            f"Interrupted after {done:,}. Go on: vaultbridge replay --continue {replay_id}",
            err=True,
        )
        raise SystemExit(INTERRUPTED) from None
    if last is not None:
        _tell(last, results, as_json=as_json, listed=listed, issued=issued)
    if listed and not all(result.going for result in results):
        raise SystemExit(1)


def _telling(steps: Iterable[T], say: Callable[[int, T], str]) -> Iterable[T]:
    """The steps, saying now and then on standard error how far they have come."""
    spoke = time.monotonic()
    for number, step in enumerate(steps, start=1):
        if time.monotonic() - spoke >= EVERY_S:
            spoke = time.monotonic()
            click.echo(f"{say(number, step)} …", err=True)
        yield step


def _how_far(_number: int, progress: Progress) -> str:
    return f"{progress.going + progress.unchanged:,} of {progress.selected:,}"


def _tell(
    last: Progress, results: Sequence[Replayed], *, as_json: bool, listed: bool, issued: int
) -> None:
    if as_json:
        print_json(
            {
                "replay": last.replay_id,
                "selected": last.selected,
                "going": last.going,
                "unchanged": last.unchanged,
                "issued_already": issued,
                "rows": [
                    {"id": result.id, "going": result.going, "said": result.said}
                    for result in results
                ],
            }
        )
        return
    for result in results:
        if listed or not result.going:
            click.echo(f"{result.id}: {result.said}")
    click.echo(f"{last.going:,} going again, {last.unchanged:,} unchanged ({last.replay_id}).")
    _tell_issued(issued)


def _tell_issued(issued: int) -> None:
    if issued:
        click.echo(f"{issued:,} more are issued already: nothing is changed of them.")


def _preview(b: Bridge, meant: Selection, *, mapping: str, as_json: bool) -> None:
    with b.database.read() as conn:
        now = b.database.now(conn)
        ids = selection.expand(conn, meant.ids) or selection.select(conn, meant, now=now)
    steps = preview.foresee(b, ids, mapping=mapping)
    with b.renderer:  # each certificate is printed, in a process of its own
        foreseen = list(_telling(steps, lambda number, _: f"{number:,} of {len(ids):,}"))
    counted, issued = totals(foreseen), _issued(b, meant)
    if as_json:
        print_json(
            {
                "selected": len(ids),
                "totals": counted,
                "issued_already": issued,
                "rows": [_told(each) for each in foreseen],
            }
        )
        return
    said = ", ".join(f"{number:,} {what}" for what, number in counted.items())
    click.echo(f"{len(ids):,} selected: {said or 'nothing to replay'}. Nothing was changed.")
    _tell_issued(issued)
    for each in foreseen:
        cause = f" with {each.cause}" if each.cause else ""
        click.echo(f"{each.id}  {each.outlook.value}{cause}: {each.said}")


def _told(foreseen: Foreseen) -> Mapping[str, Any]:
    return {
        "id": foreseen.id,
        "outlook": foreseen.outlook.name.lower(),
        "cause": foreseen.cause,
        "said": foreseen.said,
    }


@click.command()
@LIMIT_OPTION
@JSON_OPTION
def replays(limit: int, as_json: bool) -> None:
    """List replays: who set what going again, why, and how far it came."""
    b = bridge()
    with b.database.read() as conn:
        found = [_listed(row) for row in rows.recent(conn, limit=limit)]
    if as_json:
        print_json(found)
    else:
        columns = ("id", "started_at", "who", "selection", "state", "going", "unchanged", "reason")
        told = [{**row, "selection": _shown(row["selection"])} for row in found]
        print_table(columns, told, empty="No replay.")


def _listed(row: Mapping[Any, Any]) -> dict[str, Any]:
    left = row["selected"] - row["going"] - row["unchanged"]
    return {**row, "left": max(left, 0) if row["ended_at"] is None else 0}


def _shown(packed: Mapping[str, Any]) -> str:
    ids = packed.get("ids")
    if ids:
        return ids[0] if len(ids) == 1 else f"{len(ids)} ids"
    return ", ".join(f"{name} {value}" for name, value in packed.items())
