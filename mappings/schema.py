"""The schema of a mapping document, format 1: every key, what it takes, what it is for."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from mappings import fields
from mappings.blocks import Block
from mappings.doubts import DEAD_ADDRESSES, NAME_KINDS, NONE, PLACEHOLDERS
from mappings.expressions import compile_text
from mappings.fields import described
from mappings.locales import language_problem
from mappings.model import (
    ANY_SITE,
    LMS,
    TEMPLATE,
    Again,
    AgainKind,
    CertificateRules,
    EntryRules,
    Hold,
    Mapping,
    Match,
    WriteBackRules,
)
from mappings.suspects import OLDER_THAN, STAFF, TEST_ACCOUNTS

FORMAT = 1

#: The issue date where a document says none: the day of the completion where the course is.
DEFAULT_ISSUE_DATE = "{{ completed_at | local_date: timezone }}"

#: The kind of certificate where a document says none.
DEFAULT_KIND = "course"

_SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
_SLUG_WANTED = "a name of small letters, digits and single hyphens, at most 64 characters"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_NAME_WANTED = "a name of letters, digits, hyphens, dots and underscores"


def _globs(*, one: str, help: str, example: str, **options: Any) -> Any:
    inner = described(
        fields.Text,
        pattern=r"[\s\S]{1,200}",
        wanted="a glob of at most 200 characters",
        help=one,
        example='"BIO-*"',
    )
    return described(fields.OneOrMore, inner=inner, help=help, example=example, **options)


class MatchBlock(Block):
    """``match``"""

    made = Match

    courses = _globs(
        one="one course",
        data_key="course",
        required=True,
        help="the courses' ids, codes or titles, * for any text",
        example='["BIO-*", "CHEM101"]',
    )
    categories = _globs(
        one="one category",
        data_key="category",
        load_default=tuple,
        help="the categories the course may stand in, * for any text",
        example='"Life sciences"',
    )
    cohorts = _globs(
        one="one cohort",
        data_key="cohort",
        load_default=tuple,
        help="the cohorts of which the learner must be in one, * for any text",
        example='["nurses-*"]',
    )
    when = described(
        fields.ConditionText,
        load_default=None,
        help="a condition the completion must meet",
        example='"grade.percent >= 60"',
    )


class EntryBlock(Block):
    """``entry``"""

    made = EntryRules

    certificate_title = described(
        fields.ExpressionText,
        required=True,
        help="the title at the vault",
        example='"Certificate of Completion: {{ course.title }}"',
    )
    full_name = described(
        fields.ExpressionText,
        required=True,
        help="the learner's name on the certificate",
        example='"{{ learner.full_name }}"',
    )
    applicant_email = described(
        fields.ExpressionText,
        required=True,
        help="the learner's e-mail address",
        example='"{{ learner.email }}"',
    )
    issue_date = described(
        fields.ExpressionText,
        load_default=lambda: compile_text(DEFAULT_ISSUE_DATE),
        help="the day on the certificate",
        example="\"{{ completed_at | local_date: 'Asia/Dubai' }}\"",
    )
    details = described(
        fields.ExpressionText,
        load_default=lambda: compile_text(""),
        help="more about the certificate",
        example='"With distinction."',
    )


class HoldBlock(Block):
    """``hold``"""

    made = Hold

    names = described(
        fields.OneOrMore,
        inner=described(
            fields.Choice,
            choices=(*NAME_KINDS, NONE),
            help="one kind of names",
            example="email",
        ),
        load_default=lambda: tuple(NAME_KINDS),
        help="the kinds of names that are held",
        example="[email, single-letter]",
    )
    placeholders = _globs(
        one="one name",
        load_default=PLACEHOLDERS,
        help="the names that are no person's, * for any text",
        example='["test user*", "deleted user*"]',
    )
    addresses = _globs(
        one="one address",
        load_default=DEAD_ADDRESSES,
        help="the addresses that nobody reads, * for any text",
        example='["noreply@*", "*.invalid"]',
    )
    older_than = described(
        fields.Days,
        load_default=OLDER_THAN,
        help="how long ago a completion may be that is not looked at first",
        example="90 days",
    )
    roles = _globs(
        one="one role",
        load_default=STAFF,
        help="the roles in the course of those who are its staff, * for any text",
        example="[teacher, manager]",
    )
    accounts = _globs(
        one="one account",
        load_default=TEST_ACCOUNTS,
        help="the addresses or ids of accounts for testing, * for any text",
        example='["test.*@*", "qa-*"]',
    )


class CertificateBlock(Block):
    """``certificate``"""

    made = CertificateRules

    source = described(
        fields.Choice,
        data_key="from",
        choices=(TEMPLATE, LMS),
        load_default=TEMPLATE,
        help="where the certificate's file comes from: printed by a template, or made by the LMS",
        example=LMS,
    )
    template = described(
        fields.Text,
        pattern=_SLUG,
        wanted=_SLUG_WANTED,
        load_default="classic",
        help="the template the page is printed with",
        example="classic",
    )
    language = described(
        fields.ExpressionText,
        check=language_problem,
        load_default=lambda: compile_text("en"),
        help="the language of the page",
        example="ar",
    )
    paper = described(
        fields.Choice,
        choices=("a4", "us-letter"),
        load_default="a4",
        help="the paper's size",
        example="a4",
    )
    parameters = described(
        fields.Parameters,
        load_default=dict,
        help="what the template can be told",
        example="{border: false}",
    )


class WriteBackBlock(Block):
    """``write_back``"""

    made = WriteBackRules
    short = "target"

    target = described(
        fields.Choice,
        choices=("auto", "none"),
        load_default="auto",
        help="where in the gradebook the certificate is told",
        example="auto",
    )
    text = described(
        fields.Choice,
        choices=("default",),
        load_default="default",
        help="what is written there",
        example="default",
    )


class MappingBlock(Block):
    """The whole document."""

    made = Mapping

    format = described(
        fields.Whole,
        least=FORMAT,
        most=FORMAT,
        data_key="mapping",
        required=True,
        help="the format of the document",
        example="1",
    )
    name = described(
        fields.Text,
        pattern=f"(?=.{{1,64}}$){_SLUG}",
        wanted=_SLUG_WANTED,
        required=True,
        help="the mapping's own name",
        example="course-completion",
    )
    kind = described(
        fields.Text,
        pattern=f"(?=.{{1,64}}$){_SLUG}",
        wanted=_SLUG_WANTED,
        load_default=DEFAULT_KIND,
        help="which certificate of a completion it makes: of each kind there is one",
        example="programme",
    )
    issuer = described(
        fields.Text,
        pattern=_NAME,
        wanted=_NAME_WANTED,
        required=True,
        help="the vault account that issues",
        example="main",
    )
    sites = described(
        fields.OneOrMore,
        inner=described(
            fields.Text,
            pattern=rf"{_NAME}|\*",
            wanted=f'{_NAME_WANTED}, or "{ANY_SITE}"',
            help="one LMS connection",
            example="moodle-main",
        ),
        data_key="site",
        required=True,
        help=f'the LMS connections it is for, or "{ANY_SITE}" for any',
        example="moodle-main",
    )
    priority = described(
        fields.Whole,
        least=-1000,
        most=1000,
        load_default=0,
        help="which mapping is asked first, the higher the sooner",
        example="10",
    )
    match = described(
        ma.fields.Nested,
        nested=MatchBlock,
        required=True,
        help="which completions it is for",
        example='{course: "BIO-*"}',
    )
    entry = described(
        ma.fields.Nested,
        nested=EntryBlock,
        required=True,
        help="what the vault is told",
        example='{full_name: "{{ learner.full_name }}"}',
    )
    hold = described(
        ma.fields.Nested,
        nested=HoldBlock,
        load_default=lambda: HoldBlock().load({}),
        help="the names, addresses and completions that a person looks at first",
        example="{names: none}",
    )
    certificate = described(
        ma.fields.Nested,
        nested=CertificateBlock,
        load_default=lambda: CertificateBlock().load({}),
        help="how the page is printed",
        example="{template: classic, language: ar}",
    )
    again = described(
        fields.AgainRule,
        load_default=Again(kind=AgainKind.NEVER),
        help="whether a learner who completes the course again gets another certificate",
        example="{after: 300 days}",
    )
    valid_for = described(
        fields.PeriodText,
        load_default=None,
        help="how long the certificate is valid",
        example="2 years",
    )
    write_back = described(
        ma.fields.Nested,
        nested=WriteBackBlock,
        load_default=lambda: WriteBackBlock().load({}),
        help="what the gradebook is told",
        example="{target: auto, text: default}",
    )
