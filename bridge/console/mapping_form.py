"""The editor's form: its fields, what each may be given, and what a person has sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from bridge.certificates import pictures, templates, texts
from bridge.certificates.page import RenderError
from bridge.certificates.parameters import Parameter
from bridge.people.roles import Limits
from mappings.doubts import NAME_KINDS, NONE
from mappings.form import FIELDS, PARAMETERS, form_of
from mappings.mistakes import DocumentError
from mappings.model import ANY_SITE, LMS, TEMPLATE
from mappings.schema import DEFAULT_ISSUE_DATE, DEFAULT_KIND

#: What the names of a form's inputs begin with.
PREFIX = "f."


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One field as the page shows it."""

    key: str
    label: str
    kind: str = "text"  #: text, words (with values to insert), lines, choice, checks or again
    help: str = ""
    choices: Sequence[tuple[str, str]] = ()  #: value and what it is called
    default: str = ""  #: what is taken where nothing is given
    value: str = ""

    @property
    def values(self) -> Sequence[str]:
        """Those that are chosen, of several."""
        return self.value.split("\n") if self.value else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Fields under one heading."""

    title: str
    controls: Sequence[Control]
    is_open: bool = True

    @property
    def is_used(self) -> bool:
        """Whether anything is filled in."""
        return any(each.value for each in self.controls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The form of a document."""

    sections: Sequence[Section]
    beyond: Mapping[str, str]
    template: str  #: whose parameters are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What there is to choose from."""

    issuers: Sequence[str]
    sites: Sequence[str]
    own: Path | None  #: the folder of the institution's own templates


def sent(form: MultiDict[str, str]) -> dict[str, str]:
    """What a person has filled in, by key."""
    given = {each.key: "\n".join(form.getlist(PREFIX + each.key)) for each in FIELDS}
    if given["again"] == "after":
        given["again"] = f"{form.get(f'{PREFIX}again.days', '').strip()} days"
    parameters = {
        name.removeprefix(PREFIX): value
        for name, value in form.items()
        if name.startswith(PREFIX + PARAMETERS)
    }
    return given | parameters


def shown(text: str, there: There, limits: Limits) -> Shown | None:
    """A document as the page's form; None where it is no YAML."""
    try:
        form = form_of(text)
    except DocumentError:
        return None
    name = form.values.get("certificate.template") or "classic"
    parameters = list(_parameters(name, there.own))
    named = {each.key for each in parameters}
    odd = {
        key: f"{key.removeprefix(PARAMETERS)}: {value}"
        for key, value in form.values.items()
        if key.startswith(PARAMETERS) and key not in named
    }
    sections = [
        replace(
            section,
            controls=[
                replace(each, value=form.values.get(each.key, "")) for each in section.controls
            ],
        )
        for section in _sections(there, limits, parameters)
    ]
    return Shown(
        sections=[replace(each, is_open=each.is_open or each.is_used) for each in sections],
        beyond=dict(form.beyond) | odd,
        template=name,
    )


def _sections(there: There, limits: Limits, parameters: Sequence[Control]) -> Iterator[Section]:
    yield Section(title=_("Mapping"), controls=list(_about(there, limits)))
    yield Section(title=_("Which completions"), controls=list(_match()))
    yield Section(title=_("What the certificate says"), controls=list(_entry()))
    yield Section(title=_("How it looks"), controls=[*_certificate(there), *parameters])
    yield Section(title=_("What a person looks at first"), controls=list(_hold()), is_open=False)
    yield Section(title=_("Again, validity and gradebook"), controls=list(_after()), is_open=False)


def _about(there: There, limits: Limits) -> Iterator[Control]:
    yield Control(
        key="name", label=_("Name"), help=_("Small letters, digits and hyphens. It stays the same.")
    )
    issuers = [one for one in there.issuers if not limits.issuers or one in limits.issuers]
    yield Control(
        key="issuer",
        label=_("Issuer"),
        kind="choice",
        choices=[(one, one) for one in issuers],
        help=_("Whose account at the vault issues."),
    )
    sites = [one for one in there.sites if not limits.sites or one in limits.sites]
    anywhere = [] if limits.sites else [(ANY_SITE, _("any site"))]
    yield Control(
        key="site",
        label=_("Sites"),
        kind="checks",
        choices=[*anywhere, *((one, one) for one in sites)],
    )
    yield Control(
        key="priority",
        label=_("Priority"),
        default="0",
        help=_("Of several that fit, the one with the highest has it."),
    )
    yield Control(
        key="kind",
        label=_("Kind"),
        default=DEFAULT_KIND,
        help=_("Of each kind a completion gets one certificate."),
    )


def _match() -> Iterator[Control]:
    yield Control(
        key="match.course",
        label=_("Courses"),
        kind="lines",
        help=_("Ids, codes or titles, one a line; * stands for any text."),
    )
    yield Control(key="match.category", label=_("Only in categories"), kind="lines")
    yield Control(key="match.cohort", label=_("Only learners of cohorts"), kind="lines")
    yield Control(
        key="match.when",
        label=_("Only if"),
        kind="words",
        help=_("A condition, such as: grade.percent >= 60"),
    )


def _entry() -> Iterator[Control]:
    yield Control(key="entry.certificate_title", label=_("Title"), kind="words")
    yield Control(key="entry.full_name", label=_("Learner’s name"), kind="words")
    yield Control(key="entry.applicant_email", label=_("E-mail address"), kind="words")
    yield Control(
        key="entry.issue_date", label=_("Issue date"), kind="words", default=DEFAULT_ISSUE_DATE
    )
    yield Control(key="entry.details", label=_("Details"), kind="words")


def _certificate(there: There) -> Iterator[Control]:
    yield Control(
        key="certificate.from",
        label=_("File"),
        kind="choice",
        default=TEMPLATE,
        choices=[(TEMPLATE, _("printed with a template")), (LMS, _("made by the LMS"))],
    )
    names = templates.names(templates.folders(there.own))
    yield Control(
        key="certificate.template",
        label=_("Template"),
        kind="choice",
        default="classic",
        choices=[(one, one) for one in names],
    )
    yield Control(
        key="certificate.language",
        label=_("Language"),
        kind="words",
        default="en",
        help=_("A code, such as ar; or {{ learner.language | page_language: 'en' }}"),
    )
    yield Control(
        key="certificate.paper",
        label=_("Paper"),
        kind="choice",
        default="a4",
        choices=[("a4", "A4"), ("us-letter", "US Letter")],
    )


def _parameters(name: str, own: Path | None) -> Iterator[Control]:
    """What a template can be told; nothing where there is no such template."""
    try:
        template = templates.load(name, templates.folders(own))
    except RenderError:
        return
    images = [file for file, content in template.files.items() if pictures.kind(content)]
    for each in template.parameters.values():
        # The list of those who sign is the template's alone.
        if each.kind != "signatories":
            yield _parameter(each, images)


def _parameter(each: Parameter, images: Sequence[str]) -> Control:
    default = str(each.default)
    kind, choices = "words" if each.kind == "text" else "text", [(one, one) for one in each.choices]
    if each.kind == "boolean":
        kind, choices = "choice", [("true", _("yes")), ("false", _("no"))]
        default = _("yes") if each.default else _("no")
    elif each.kind == "image":
        kind, choices = "choice", [(one, one) for one in images]
    elif each.kind == "language":
        kind, choices = "choice", [(one, one) for one in texts.languages()]
    elif choices:
        kind = "choice"
    return Control(
        key=PARAMETERS + each.name,
        label=each.name.replace("_", " ").capitalize(),
        kind=kind,
        help=each.help,
        choices=choices,
        default=default,
    )


def _hold() -> Iterator[Control]:
    called = {
        "email": _("an e-mail address instead of a name"),
        "lower-case": _("a name all in small letters"),
        "single-letter": _("a single letter"),
    }
    yield Control(
        key="hold.names",
        label=_("Doubtful names"),
        kind="checks",
        choices=[*((one, called.get(one, one)) for one in NAME_KINDS), (NONE, _("none"))],
        default=_("all of them"),
    )
    usual = _("the usual ones")
    yield Control(
        key="hold.older_than",
        label=_("Completed longer ago than"),
        default="90 days",
        help=_("Days, as in 90 days; or none."),
    )
    for key, label in (
        ("placeholders", _("Names that are no person’s")),
        ("addresses", _("Addresses that nobody reads")),
        ("roles", _("Roles of a course’s staff")),
        ("accounts", _("Accounts for testing")),
    ):
        yield Control(
            key=f"hold.{key}",
            label=label,
            kind="lines",
            default=usual,
            help=_("One a line; * stands for any text; none for none."),
        )


def _after() -> Iterator[Control]:
    yield Control(
        key="again",
        label=_("Who completes the course again"),
        kind="again",
        choices=[
            ("never", _("gets no other certificate")),
            ("always", _("gets another every time")),
            ("after", _("gets another after so many days")),
        ],
    )
    yield Control(
        key="valid_for",
        label=_("Valid for"),
        help=_("2 years, 18 months or 300 days; empty: for ever, or as the template says."),
    )
    yield Control(
        key="write_back.target",
        label=_("Gradebook"),
        kind="choice",
        default="auto",
        choices=[("auto", _("is told status and link")), (NONE, _("is left alone"))],
    )
