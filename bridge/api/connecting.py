"""Sites and issuers added, changed, tried, given other secrets, sent on, and removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import marshmallow as ma

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Body, Flag, Nothing, Text, WithReason
from bridge.api.places import IssuerAnswer, SiteAnswer, told_issuer, told_site
from bridge.connections import issuers, sites
from bridge.connections.given import Unfit
from bridge.people.roles import Role
from bridge.store import accounts
from bridge.vault_client import Permission, VaultError
from connectors.base import ConnectorError
from connectors.registry import UnknownConnector
from runtime.keys import KeyProblem

_MANY = ma.validate.Length(max=100)


def _name() -> Text:
    return Text(64, least=1, required=True, metadata={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"})


def _values(about: str) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=Text(64, least=1),
        values=Text(20_000, block=True),
        load_default=dict,
        metadata={"description": about},
    )


def _owners(**more: Any) -> ma.fields.List[str]:
    about = "Who is told of its troubles: mail addresses, or chats' incoming webhooks."
    return ma.fields.List(
        Text(1000, least=1), validate=_MANY, metadata={"description": about}, **more
    )


class NewSite(Body):
    """A connection to an LMS that is to be added."""

    name = _name()
    connector = Text(64, least=1, required=True)
    settings = _values("Of its connector, each as text; a list's parts between commas.")
    secrets = _values("Of its connector; of a list, one a line.")
    issue_from = ma.fields.AwareDateTime(load_default=None)
    timezone = Text(64, load_default=None)
    owners = _owners(load_default=list)


class SiteChange(Body):
    """What is to change about a site; what is left out stays as it is."""

    settings = _values("Of its connector; an empty one is taken away.")
    issue_from = ma.fields.AwareDateTime(load_default=None)
    timezone = Text(
        64, load_default=None, metadata={"description": "Empty: as the installation says."}
    )
    auto_mend = Flag(load_default=None)
    owners = _owners(load_default=None)


class NewIssuer(Body):
    """An account at a vault that is to be added."""

    name = _name()
    url = Text(500, least=1, required=True)
    institution = Text(255, least=1, required=True)
    token = Text(1000, least=1, required=True)
    webhook_secret = Text(1000, load_default="")
    signatory_name = Text(255, load_default=None)
    signatory_role = Text(255, load_default=None)
    owners = _owners(load_default=list)


class IssuerChange(Body):
    """What is to change about an issuer; what is left out stays, what is empty is taken away."""

    signatory_name = Text(255, load_default=None)
    signatory_role = Text(255, load_default=None)
    owners = _owners(load_default=None)


class Secrets(Body):
    """Secrets in place of the old ones."""

    secrets = _values("By name; of a list, one a line.")
    drop_old = Flag(
        load_default=False, metadata={"description": "Of a list, keep none of the old ones."}
    )


class FindingAnswer(ma.Schema):
    """A permission that is needed: there, or missing and where to grant it."""

    name = ma.fields.String(required=True)
    ok = ma.fields.Boolean(required=True)
    note = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)


class CheckedAnswer(ma.Schema):
    """Whether all is there that is needed; then what waited goes on."""

    all_there = ma.fields.Boolean(required=True)
    findings = ma.fields.List(ma.fields.Nested(FindingAnswer), required=True)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    _add_sites(calls)
    _add_issuers(calls)


def _add_sites(calls: Calls) -> None:
    bridge = calls.bridge
    act: dict[str, Any] = {"role": Role.ADMIN, "method": "POST", "whole": True}

    def told(name: str) -> dict[str, Any]:
        with bridge.database.read() as conn:
            return told_site(bridge, accounts.site_named(conn, name))

    @calls.call("/sites", **act, status=201, body=NewSite, answer=SiteAnswer)
    def add_site(body: dict[str, Any]) -> Any:
        """Add a site; its answer has the address its LMS delivers to."""
        name = body.pop("name")
        with _refusals():
            sites.add(bridge, name, who=caller().who, **body)
        return told(name)

    @calls.call("/sites/<name>/change", **act, body=SiteChange, answer=SiteAnswer)
    def change_site(body: dict[str, Any], name: str) -> Any:
        """Change a site's settings, first day, time zone, mending by the clock, or owners."""
        changes = sites.Changes(**body)
        _refuse_nothing(any_=changes.any)
        with _refusals():
            sites.change(bridge, name, changes, who=caller().who)
        return told(name)

    @calls.call("/sites/<name>/check", **act, body=Nothing, answer=CheckedAnswer, refusals=(502,))
    def check_site(_body: dict[str, Any], name: str) -> Any:
        """Try each permission a site needs, one by one."""
        with _refusals():
            found = list(sites.check(bridge, name, who=caller().who))
        return {"all_there": all(one.ok for one in found), "findings": found}

    @calls.call("/sites/<name>/rotate", **act, body=Secrets, answer=SiteAnswer)
    def rotate_site(body: dict[str, Any], name: str) -> Any:
        """Replace a site's secrets; of a list the old ones stay good beside the new."""
        _refuse_nothing(any_=bool(body["secrets"]) or body["drop_old"])
        with _refusals():
            sites.rotate(bridge, name, body["secrets"], who=caller().who, drop_old=body["drop_old"])
        return told(name)

    @calls.call("/sites/<name>/resume", **act, body=WithReason, answer=SiteAnswer)
    def resume_site(body: dict[str, Any], name: str) -> Any:
        """Let a restored site send, though no reconciliation found that it knows everything."""
        with _refusals():
            sites.send_again(bridge, name, because=body["reason"], who=caller().who)
        return told(name)

    @calls.call("/sites/<name>/remove", **act, body=Nothing, answer=SiteAnswer)
    def remove_site(_body: dict[str, Any], name: str) -> Any:
        """Take a site out of use: its hook answers 401 from now on. Its history stays."""
        gone = told(name)
        sites.remove(bridge, name, who=caller().who)
        return gone


def _add_issuers(calls: Calls) -> None:
    bridge = calls.bridge
    act: dict[str, Any] = {"role": Role.ADMIN, "method": "POST", "whole": True}

    def told(name: str) -> dict[str, Any]:
        with bridge.database.read() as conn:
            return told_issuer(accounts.issuer_named(conn, name))

    @calls.call("/issuers", **act, status=201, body=NewIssuer, answer=IssuerAnswer)
    def add_issuer(body: dict[str, Any]) -> Any:
        """Add an issuer. Its issuances belong to it for ever."""
        name = body.pop("name")
        secrets = {part: body.pop(part) for part in ("token", "webhook_secret")}
        given = {part: secret for part, secret in secrets.items() if secret}
        with _refusals():
            issuers.add(bridge, name, secrets=given, who=caller().who, **body)
        return told(name)

    @calls.call("/issuers/<name>/change", **act, body=IssuerChange, answer=IssuerAnswer)
    def change_issuer(body: dict[str, Any], name: str) -> Any:
        """Change who signs an issuer's certificates, or who is told of its troubles."""
        _refuse_nothing(any_=any(value is not None for value in body.values()))
        with _refusals():
            issuers.change(bridge, name, issuers.Changes(**body), who=caller().who)
        return told(name)

    @calls.call("/issuers/<name>/check", **act, body=Nothing, answer=CheckedAnswer, refusals=(502,))
    def check_issuer(_body: dict[str, Any], name: str) -> Any:
        """Try each permission an issuer's token needs; if all are there, a paused one sends on."""
        with _refusals():
            found = list(issuers.check(bridge, name, who=caller().who))
        findings = [_permission(one) for one in found]
        return {"all_there": all(one["ok"] for one in findings), "findings": findings}

    @calls.call("/issuers/<name>/resume", **act, body=Nothing, answer=IssuerAnswer)
    def resume_issuer(_body: dict[str, Any], name: str) -> Any:
        """Let a paused issuer send again, untried."""
        issuers.resume(bridge, name, who=caller().who)
        return told(name)

    @calls.call("/issuers/<name>/rotate", **act, body=Secrets, answer=IssuerAnswer)
    def rotate_issuer(body: dict[str, Any], name: str) -> Any:
        """Replace an issuer's token or webhook secret; workers take it up without a restart."""
        _refuse_nothing(any_=bool(body["secrets"]) or body["drop_old"])
        with _refusals():
            issuers.rotate(
                bridge, name, body["secrets"], who=caller().who, drop_old=body["drop_old"]
            )
        return told(name)

    @calls.call("/issuers/<name>/remove", **act, body=Nothing, answer=IssuerAnswer)
    def remove_issuer(_body: dict[str, Any], name: str) -> Any:
        """Take an issuer out of use for new issuances. Its certificates stay readable."""
        gone = told(name)
        issuers.remove(bridge, name, who=caller().who)
        return gone


def _permission(one: Permission) -> dict[str, Any]:
    said = None if one.ok else one.message
    return {"name": one.name, "ok": one.ok, "note": None, "problem": said, "remedy": None}


@contextmanager
def _refusals() -> Iterator[None]:
    """What does not fit, or is not to be had, as it is answered."""
    try:
        yield
    except Unfit as exc:
        raise _unfit(exc.mistakes) from exc
    except UnknownConnector as exc:
        raise _unfit({"connector": str(exc)}) from exc
    except sites.SendsAlready as exc:
        raise Refused(str(exc), word="sends_already") from exc
    except KeyProblem as exc:
        raise Refused(str(exc), word="key_lost") from exc
    except (ConnectorError, VaultError) as exc:
        said = " ".join(filter(None, [str(exc), getattr(exc, "remedy", None)]))
        raise Refused(said, status=502, word="not_reached") from exc


def _refuse_nothing(*, any_: bool) -> None:
    if not any_:
        raise _unfit({"_schema": "Say what is to change."})


def _unfit(mistakes: Mapping[str, str]) -> Refused:
    return Refused(
        "Some of what was sent does not fit: mend what `fields` names, and send it again.",
        status=422,
        word="unprocessable",
        fields={"json": {part: [said] for part, said in mistakes.items()}},
    )
