"""What a message says: its subject, and its text with the commands that repair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.pipeline.tally_text import reasons, sentence
from bridge.pipeline.telling.concern import OPERATOR, Concern
from bridge.pipeline.telling.decide import WEEK, Tell
from bridge.pipeline.telling.digest import Week
from bridge.store.notices import Told
from runtime.counting import counted

_MOMENT = "%Y-%m-%d %H:%M"


def worded(tell: Tell, weeks: Sequence[Week], *, public_url: str) -> tuple[str, str]:
    """The subject and the text of a message."""
    parts = [
        *_digest(weeks),
        *_section("New:", [_concern(one) for one in tell.fresh]),
        *_section("Still so:", [_concern(one) for one in tell.still]),
        *_section("All clear:", [_gone(one) for one in tell.gone]),
        _closing(tell, public_url),
    ]
    return _subject(tell, weeks), "\n\n".join(parts) + "\n"


def _subject(tell: Tell, weeks: Sequence[Week]) -> str:
    where = _where(tell.audience)
    if tell.digest is not None:
        return f"{where}: {_week_in_short(weeks)}"
    if len(tell.fresh) == 1:
        return f"{where}: {_in_short(tell.fresh[0])}"
    if tell.fresh:
        return f"{where}: {len(tell.fresh)} things are the matter"
    if tell.still:
        return f"{where}: {_things(len(tell.still))} still the matter"
    names = ", ".join(one.cause for one in tell.gone)
    return f"{where}: all clear, {names}"


def _where(audience: str) -> str:
    return "Vaultbridge" if audience == OPERATOR else audience.partition(" ")[2]


def _things(count: int) -> str:
    return "1 thing is" if count == 1 else f"{count} things are"


def _week_in_short(weeks: Sequence[Week]) -> str:
    if len(weeks) == 1:
        return _said(weeks[0])
    done = sum(week.tally.certified for week in weeks if week.tally is not None)
    return f"the week, {done:,} certified"


def _in_short(one: Concern) -> str:
    return f"{one.cause} ({one.size:,})" if one.size else one.cause


def _section(title: str, said: Sequence[str]) -> Iterator[str]:
    if said:
        yield title
        yield from said


def _concern(one: Concern) -> str:
    head = f"{_at(one.place)}{_in_short(one)}, since {one.since.strftime(_MOMENT)} UTC"
    return f"{head}\n  {one.means}\n  {one.move}\n  {one.command}"


def _gone(one: Told) -> str:
    until = "" if one.gone_since is None else f" to {one.gone_since.strftime(_MOMENT)} UTC"
    return f"{_at(one.place)}{one.cause}, from {one.since.strftime(_MOMENT)}{until}"


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _digest(weeks: Sequence[Week]) -> Iterator[str]:
    if not weeks:
        return
    until = weeks[0].until
    yield f"The week from {(until - WEEK).strftime(_MOMENT)} to {until.strftime(_MOMENT)} UTC:"
    for week in weeks:
        yield f"{week.place}: {_said(week)}" + "".join(_why(week))


def _said(week: Week) -> str:
    if week.tally is not None:
        return sentence(week.tally)
    return f"{counted(week.issued or 0, 'certificate')} issued"


def _why(week: Week) -> Iterator[str]:
    if week.tally is None:
        return
    for word, causes in (("waiting", week.tally.waiting), ("not to be certified", week.tally.left)):
        for number, cause, means in reasons(causes):
            yield f"\n  {number:,} {word}: {means} ({cause})"


def _closing(tell: Tell, public_url: str) -> str:
    if tell.audience == OPERATOR:
        why = "You are told because BRIDGE_OPERATOR names this address."
    else:
        kind, _, name = tell.audience.partition(" ")
        why = (
            f"You are told because you own the {kind} {name}. To change that: "
            f"vaultbridge {kind} set {name} --owner ADDRESS"
        )
    return f"All at a glance: vaultbridge status\n{why}\n{public_url}"
