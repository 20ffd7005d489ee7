"""``--owner``: who is told of a site's or an issuer's troubles."""

from __future__ import annotations

import click

from bridge.addresses import is_chat, problem_with
from bridge.cli.session import secret_text


def _addresses(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...] | None:
    if not given:
        return None
    found = [_address(one.strip()) for one in given]
    return tuple(dict.fromkeys(filter(None, found)))


def _address(given: str) -> str:
    from_file = given.startswith("@") or given == "-"
    address = secret_text(given).strip() if from_file else given
    if is_chat(address) and not from_file:
        raise click.BadParameter(
            "a chat's address is the key to it, so it is read from a file or standard input: "
            "--owner @FILE or --owner -"
        )
    if address and (problem := problem_with(address)):
        raise click.BadParameter(problem)
    return address


OWNER_OPTION = click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="ADDRESS",
    callback=_addresses,
    help="Who is told of its troubles, in place of those told now: a mail address, or @FILE with "
    "the address of a chat's incoming webhook (Slack, Mattermost, Teams). May be given again; "
    'with --owner "" nobody is.',
)
