"""``vaultbridge tokens …``: by what programs may use the API."""

from __future__ import annotations

import click

from bridge.cli.printing import print_json, print_table
from bridge.cli.session import AS_OPTION, JSON_OPTION, LIMIT_OPTION, bridge
from bridge.cli.session import person as acting
from bridge.people import tokens as pipeline
from bridge.people.roles import Limits
from bridge.people.tokens import DAYS, LONGEST_NAME, MOST_DAYS, Maker, MoreThanOwn, Scope
from bridge.store import api_tokens as rows
from bridge.store import people

_SCOPES = click.Choice([scope.value for scope in Scope])


@click.group(invoke_without_command=True)
@LIMIT_OPTION
@JSON_OPTION
@click.pass_context
def tokens(context: click.Context, limit: int, as_json: bool) -> None:
    """Tokens: by which programs use the API, and what they may do."""
    if context.invoked_subcommand is not None:
        return
    with bridge().database.read() as conn:
        found = [
            {
                "id": row.id,
                "name": row.name,
                "person": row.email,
                "scope": row.scope,
                "limits": row.limits,
                "made_by": row.made_by,
                "expires_at": row.expires_at,
                "last_used_at": row.last_used_at,
                "revoked_at": row.revoked_at or row.person_removed_at,
            }
            for row in rows.known(conn, limit=limit)
        ]
    if as_json:
        print_json(found)
    else:
        columns = ("id", "name", "person", "scope", "expires_at", "last_used_at", "revoked_at")
        print_table(columns, found, empty="No token yet: vaultbridge tokens new NAME")


@tokens.command(name="new")
@click.argument("name")
@click.option("--scope", type=_SCOPES, default=Scope.READ.value, show_default=True)
@click.option(
    "--person",
    "email",
    metavar="ADDRESS",
    help="Whose it is: it may never more than they, and stops with them. By default nobody's.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=DAYS,
    show_default=True,
    help="How long it lasts.",
)
@click.option("--issuer", "issuers", multiple=True, help="Limited to this issuer. Repeatable.")
@click.option("--site", "sites", multiple=True, help="Limited to this site. Repeatable.")
@click.option(
    "--course", "courses", multiple=True, metavar="SITE/COURSE", help="Limited to this course."
)
@AS_OPTION
def make(
    name: str,
    scope: str,
    email: str | None,
    days: int,
    issuers: tuple[str, ...],
    sites: tuple[str, ...],
    courses: tuple[str, ...],
    who: str | None,
) -> None:
    """Make a token called NAME, and print it: this once, as only its hash is kept."""
    if not 0 < len(name) <= LONGEST_NAME:
        raise click.BadParameter(f"a name has 1 to {LONGEST_NAME} characters", param_hint="NAME")
    for course in courses:
        if "/" not in course:
            raise click.BadParameter(f"{course!r} is not of the form SITE/COURSE")
    limits = Limits(issuers=frozenset(issuers), sites=frozenset(sites), courses=frozenset(courses))
    b = bridge()
    by = Maker(person_id=None, who=acting(who))
    if email is not None:
        with b.database.read() as conn:
            by = pipeline.maker(people.named(conn, email), who=acting(who))
    try:
        _, token = pipeline.make(b, name, scope=Scope(scope), by=by, limits=limits, days=days)
    except MoreThanOwn as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(token)


@tokens.command()
@click.argument("token_id", metavar="ID")
@AS_OPTION
def revoke(token_id: str, who: str | None) -> None:
    """Let a token work no more, by its ID as the list shows it."""
    done = pipeline.revoke(bridge(), token_id, who=acting(who))
    click.echo(f"{token_id} {'is revoked' if done else 'was revoked before'}.")
