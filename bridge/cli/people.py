"""``vaultbridge people …``: who may use the console, with which role."""

from __future__ import annotations

import click

from bridge.cli.printing import print_json, print_table
from bridge.cli.session import AS_OPTION, JSON_OPTION, bridge
from bridge.cli.session import person as acting
from bridge.people import entering
from bridge.people.roles import Limits, Role
from bridge.store import people as rows
from runtime.counting import counted

_ROLES = click.Choice([role.value for role in Role])

_ISSUERS = click.option(
    "--issuer", "issuers", multiple=True, help="Limited to this issuer. Repeatable."
)
_SITES = click.option("--site", "sites", multiple=True, help="Limited to this site. Repeatable.")
_COURSES = click.option(
    "--course", "courses", multiple=True, metavar="SITE/COURSE", help="Limited to this course."
)


def _limits(issuers: tuple[str, ...], sites: tuple[str, ...], courses: tuple[str, ...]) -> Limits:
    for course in courses:
        if "/" not in course:
            raise click.BadParameter(f"{course!r} is not of the form SITE/COURSE")
    return Limits(issuers=frozenset(issuers), sites=frozenset(sites), courses=frozenset(courses))


@click.group(invoke_without_command=True)
@JSON_OPTION
@click.pass_context
def people(context: click.Context, as_json: bool) -> None:
    """People: who may use the console, and what they may do there."""
    if context.invoked_subcommand is not None:
        return
    b = bridge()
    with b.database.read() as conn:
        found = [
            {
                "email": row.email,
                "name": row.name,
                "role": row.role,
                "limits": row.limits,
                "has_come_in": row.password is not None or row.by_institution,
                "by_institution": row.by_institution,
                "seen_at": row.seen_at,
            }
            for row in rows.everybody(conn)
        ]
    if as_json:
        print_json(found)
    else:
        columns = ("email", "name", "role", "limits", "has_come_in", "seen_at")
        print_table(columns, found, empty="Nobody yet: vaultbridge people first")


@people.command()
def first() -> None:
    """Print the link by which the first admin is made; the one before works no more."""
    link = entering.first_link(bridge(), who=acting(None))
    if link is None:
        raise click.ClickException(
            "There is somebody already. For another: vaultbridge people invite ADDRESS --name NAME"
        )
    click.echo(link)


@people.command()
@click.argument("email", metavar="ADDRESS")
@click.option("--name", required=True, help="As others see it in the history.")
@click.option("--role", type=_ROLES, default=Role.VIEWER.value, show_default=True)
@_ISSUERS
@_SITES
@_COURSES
@AS_OPTION
def invite(
    email: str,
    name: str,
    role: str,
    issuers: tuple[str, ...],
    sites: tuple[str, ...],
    courses: tuple[str, ...],
    who: str | None,
) -> None:
    """Add a person, and print the link by which they choose a password: once, within 3 days."""
    limits = _limits(issuers, sites, courses)
    click.echo(
        entering.invite(bridge(), email, name=name, role=Role(role), limits=limits, who=acting(who))
    )


@people.command()
@click.argument("email", metavar="ADDRESS")
@AS_OPTION
def link(email: str, who: str | None) -> None:
    """Print a new link by which a person chooses a password; until then the old one works."""
    click.echo(entering.new_link(bridge(), email, who=acting(who)))


@people.command()
@click.argument("email", metavar="ADDRESS")
@click.argument("new_role", metavar="ROLE", type=_ROLES)
@AS_OPTION
def role(email: str, new_role: str, who: str | None) -> None:
    """Give a person another ROLE: viewer, support or admin."""
    entering.give_role(bridge(), email, Role(new_role), who=acting(who))
    click.echo(f"{email} is {new_role} from now on.")


@people.command()
@click.argument("email", metavar="ADDRESS")
@_ISSUERS
@_SITES
@_COURSES
@click.option("--everything", is_flag=True, help="Limited to nothing any more.")
@AS_OPTION
def limit(
    email: str,
    issuers: tuple[str, ...],
    sites: tuple[str, ...],
    courses: tuple[str, ...],
    everything: bool,
    who: str | None,
) -> None:
    """Give a person other limits than they have, which count at once."""
    limits = _limits(issuers, sites, courses)
    if limits.any == everything:
        raise click.UsageError("Name issuers, sites or courses; or give --everything.")
    entering.change(bridge(), email, limits=limits, who=acting(who))
    click.echo(f"{email} sees {'everything' if everything else 'these alone'} from now on.")


@people.command()
@click.argument("email", metavar="ADDRESS")
@AS_OPTION
def remove(email: str, who: str | None) -> None:
    """Remove a person: they are signed out everywhere, and cannot come in again."""
    entering.remove(bridge(), email, who=acting(who))
    click.echo(f"{email} is removed.")


@people.command("sign-out")
@click.argument("email", metavar="ADDRESS")
@AS_OPTION
def sign_out(email: str, who: str | None) -> None:
    """Sign a person out everywhere."""
    number = entering.sign_out(bridge(), email, who=acting(who))
    click.echo(f"{counted(number, 'session')} of {email} ended.")
