"""The catalogue of causes: what each means, who mends it, and the next move.

docs/failures.md shows it as a table, written by `python -m scripts.causes`. The first pattern that
fits a cause (as a file name fits a glob) tells about it; a connector's own words come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Mender(StrEnum):
    """Who can mend it."""

    ITSELF = "nobody: it is tried again by itself"
    NOBODY = "nobody: nothing is wrong"
    LMS = "the LMS's admin"
    MAPPING = "the mapping's author"
    OPERATOR = "the bridge's operator"
    VAULT = "the vault's operator"
    MAKERS = "the makers of the program"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCause:
    """What is known about the causes that fit a pattern."""

    pattern: str
    means: str
    mender: Mender
    move: str  #: empty: the row itself says it best
    replays: bool = True  #: whether a replay follows the move; else it goes on alone
    #: What shows each of them; ``last`` is the last part of the cause.
    look: str = "vaultbridge failures show {cause}"
    daily: bool = True  #: whether owners are told again while it stands

    @property
    def waits_for_a_person(self) -> bool:
        """Whether nothing happens until somebody mends it."""
        return self.mender not in (Mender.ITSELF, Mender.NOBODY)


def known(cause: str) -> KnownCause:
    """What the catalogue says of a cause; there is always something."""
    return next(entry for entry in CATALOGUE if fnmatchcase(cause, entry.pattern))


def _mend(pattern: str, means: str, mender: Mender, move: str) -> KnownCause:
    return KnownCause(pattern=pattern, means=means, mender=mender, move=move)


def _alone(pattern: str, means: str, mender: Mender, move: str) -> KnownCause:
    return KnownCause(pattern=pattern, means=means, mender=mender, move=move, replays=False)


_UP_AGAIN = "Nothing, if it is known to be down; otherwise see that it answers."

CATALOGUE: Sequence[KnownCause] = (
    _mend(
        "*.bug.*",
        "A fault in the program; the last part is the error's name, the log has its trace.",
        Mender.MAKERS,
        "Report it with the log's trace, and upgrade.",
    ),
    _mend(
        "*.unknown",
        "It failed before causes were written down.",
        Mender.OPERATOR,
        "",
    ),
    # Mail to learners
    _alone(
        "mail.*",
        "A mail with new links could not be sent.",
        Mender.OPERATOR,
        "See that the mail server takes mail; the learner can ask again at any time.",
    ),
    # Reading what an LMS sent
    _mend(
        "normalise.malformed.*",
        "A genuine delivery that the connector cannot read; the last part is where it stumbles.",
        Mender.OPERATOR,
        "Mend what sends it, or upgrade the connector.",
    ),
    _mend(
        "normalise.other_site",
        "A genuine delivery that speaks for another site, such as a copy made for testing.",
        Mender.LMS,
        "Switch the webhook off there; if your LMS has moved, give the site its new address.",
    ),
    # From a completion to an entry
    KnownCause(
        pattern="complete.no_mapping",
        means="No active mapping wants these completions.",
        mender=Mender.NOBODY,
        move="Nothing, if they need no certificate; otherwise add or widen a mapping.",
    ),
    *(
        KnownCause(
            pattern=f"complete.{code}.*",
            means=means,
            mender=Mender.MAPPING,
            move="Look at them, then `vaultbridge release HOLD` or `vaultbridge discard HOLD`.",
            replays=False,
            look="vaultbridge holds show {last}",
            daily=False,
        )
        for code, means in {
            "rehearsal": "Certificates of a mapping that is being rehearsed; the last part is "
            "their hold.",
            "too_many": "Far more have completed a course in one day than are enrolled, or ever "
            "did; the last part is their hold.",
            "too_old": "They were completed longer ago than the mapping lets pass; the last part "
            "is their hold.",
            "staff": "Learners who are staff in the course; the last part is their hold.",
            "test_account": "Accounts that look as if made for testing; the last part is their "
            "hold.",
        }.items()
    ),
    KnownCause(
        pattern="complete.discarded",
        means="A person has discarded the certificate that was made of these completions.",
        mender=Mender.NOBODY,
        move="Nothing, if that was meant.",
    ),
    KnownCause(
        pattern="complete.earlier_round.*",
        means="Learners have completed the course that the last part names once more, and the "
        "mapping's `again` certifies no other round.",
        mender=Mender.NOBODY,
        move="Nothing, if one certificate is enough; otherwise change `again` in the mapping.",
    ),
    KnownCause(
        pattern="complete.before_issue_from",
        means="They were completed before the site began to issue.",
        mender=Mender.NOBODY,
        move="Nothing, if that is meant; "
        "all since a date: `vaultbridge site set NAME --issue-from DATE`.",
    ),
    _mend(
        "complete.missing.*",
        "The field that the last part names came out empty.",
        Mender.MAPPING,
        "Complete it in the LMS (looked up every night), or name another source in the mapping.",
    ),
    _mend(
        "complete.too_long.*",
        "The field that the last part names is longer than the vault takes.",
        Mender.MAPPING,
        "Shorten it in the LMS, or with | truncate in the mapping.",
    ),
    _mend(
        "complete.invalid.*",
        "The field that the last part names is not what it has to be.",
        Mender.MAPPING,
        "Correct it in the LMS or in the mapping.",
    ),
    _mend(
        "complete.doubtful.*",
        "A name that hardly is one, or an address that nobody reads.",
        Mender.LMS,
        "Correct it in the LMS (looked up every night); if it is right, allow it under hold in the "
        "mapping.",
    ),
    _mend(
        "complete.expression.*",
        "The mapping's expression for that field fails on these completions.",
        Mender.MAPPING,
        "Correct it in the mapping.",
    ),
    _mend(
        "complete.document.*",
        "The mapping that the last part names no longer loads, as can come with an upgrade; what "
        "it may want is held.",
        Mender.MAPPING,
        "`vaultbridge doctor` tells each mistake; add a version that loads.",
    ),
    _mend(
        "complete.no_issuer",
        "The mapping names an issuer that is not there (any more).",
        Mender.MAPPING,
        "Add the issuer, or name another in the mapping.",
    ),
    _mend(
        "complete.tie",
        "Two mappings of one kind and priority want these completions: say, one by the course's "
        "code and one by its title.",
        Mender.MAPPING,
        "Give the one that is to have them a higher priority, or another kind if both are to "
        "issue.",
    ),
    _mend(
        "complete.same_twice",
        "Two mappings of different kinds make the same certificate of these completions.",
        Mender.MAPPING,
        "Give one of them another title.",
    ),
    _mend(
        "complete.shared_email.*",
        "Two learners share an e-mail address, and the other has this very certificate.",
        Mender.LMS,
        "Correct the address in the LMS.",
    ),
    _alone(
        "complete.same_certificate",
        "The learner has the same certificate already; this one was not needed.",
        Mender.NOBODY,
        "Nothing.",
    ),
    _alone(
        "complete.superseded",
        "Another mapping issues for the completion now.",
        Mender.NOBODY,
        "Nothing.",
    ),
    # An LMS that is asked, while looking up a learner or writing to the gradebook
    _mend(
        "complete.not_completed",
        "The LMS says that the learner has not completed the course.",
        Mender.LMS,
        "Nothing, if it was reset; otherwise look at the course's completion report.",
    ),
    _mend(
        "*.malformed.*",
        "The LMS answers in a shape that the connector does not know.",
        Mender.OPERATOR,
        "Look at what the LMS answers, or upgrade the connector.",
    ),
    *(
        _alone(
            pattern,
            "The LMS does not answer, or not now.",
            Mender.ITSELF,
            _UP_AGAIN,
        )
        for pattern in ("*.unreachable", "*.unavailable", "*.not_json", "*.http_5??")
    ),
    *(
        _alone(pattern, "The LMS asks us to come later.", Mender.ITSELF, "Nothing.")
        for pattern in ("*.http_408", "*.http_425", "*.http_429")
    ),
    _mend(
        "*.http_???",
        "The LMS refuses the call for the status that the name ends in.",
        Mender.LMS,
        "Run `vaultbridge site check NAME`: it says what is missing and where to grant it.",
    ),
    *(
        _mend(f"*.{code}", means, Mender.OPERATOR, "")
        for code, means in {
            "address": "The site's address is not one that can be called.",
            "settings": "The site's settings do not fit its connector.",
            "key": "The key that the secrets were encrypted with is not there.",
            "connector": "The site's connector is not installed.",
        }.items()
    ),
    # The certificate's file
    _mend(
        "fetch.none_yet",
        "The LMS, which is to make the file, has made none for the learner so far.",
        Mender.LMS,
        "While it is `fetching`, nothing: it is asked for again. Once held, see what the learner "
        "lacks.",
    ),
    *(
        _mend(pattern, means, Mender.LMS, move)
        for pattern, means, move in (
            (
                "fetch.no_files",
                "The mapping wants the LMS's file, and the site gives none.",
                "Set the site up for it, or let the mapping print the page.",
            ),
            ("fetch.no_pdf", "What the LMS made is no PDF.", "Mend the certificate in the LMS."),
            (
                "fetch.too_large",
                "The LMS's file is larger than a vault takes.",
                "Make the certificate's pictures smaller in the LMS.",
            ),
            (
                "fetch.*_certificate_activit*",
                "The course has not the one activity that makes the file.",
                "Add it to the course, or name it in the site's settings.",
            ),
        )
    ),
    _mend(
        "issue.no_glyph.*",
        "No font has some characters of the text that the last part names.",
        Mender.OPERATOR,
        "Install a font that has them (the row names one).",
    ),
    _mend(
        "issue.printer_*",
        "The process that prints certificates does not start, or died of a page.",
        Mender.OPERATOR,
        "",
    ),
    *(
        _mend(pattern, means, Mender.MAPPING, "")
        for pattern, means in {
            "issue.template": "The certificate's template, or what it is given, does not fit.",
            "issue.language": "There are no texts for a certificate in that language.",
            "issue.does_not_fit": "The template refuses a text: it would not fit the page.",
            "issue.too_slow": "The template did not end in time.",
            "issue.missing.*": "A text is empty that every certificate has.",
            "issue.picture*": "The logo, the seal or another picture cannot be printed.",
        }.items()
    ),
    # The vault
    _alone(
        "*.vault_token",
        "The vault does not take the issuer's token; nothing is sent for it until that is mended.",
        Mender.OPERATOR,
        "`vaultbridge issuer rotate NAME`, or `vaultbridge issuer check NAME` once it is allowed: "
        "what waits goes on by itself.",
    ),
    _alone(
        "*.vault_permission",
        "The vault does not let the issuer's token revoke or erase: what is replaced stays valid, "
        "what is erased here is kept there till then.",
        Mender.OPERATOR,
        "Give the token `certificate-vault:revoke` or `certificate-vault:erase` at the vault; it "
        "is tried again by itself.",
    ),
    _mend(
        "revoke.vault_refused*",
        "The vault will not revoke a certificate that a newer one replaces.",
        Mender.VAULT,
        "Ask the vault's operator.",
    ),
    _alone(
        "erase.vault_refused*",
        "The vault will not erase what was erased here.",
        Mender.VAULT,
        "Ask the vault's operator; it is tried again by itself.",
    ),
    _alone(
        "complete.erased",
        "The learner's data was erased; the same certificate is not issued again.",
        Mender.NOBODY,
        "Nothing.",
    ),
    _mend(
        "correct.key_kept",
        "A correction has the e-mail, title and date of what its vault cannot revoke.",
        Mender.VAULT,
        "Ask the vault's operator to revoke the older one; or correct the title or e-mail, too.",
    ),
    _alone(
        "correct.superseded",
        "It was corrected once more before it was sent.",
        Mender.NOBODY,
        "Nothing.",
    ),
    _mend(
        "issue.vault_refused*",
        "The vault will never take the entry as it is; the last part is the field it objects to.",
        Mender.MAPPING,
        "Mend the mapping or the data in the LMS.",
    ),
    _mend(
        "issue.vault_foreign",
        "The vault holds a certificate of the same e-mail, title and date that is not ours.",
        Mender.OPERATOR,
        "Compare the two. To issue ours too, change the title in the mapping.",
    ),
    _mend(
        "issue.vault_duplicate_unlisted",
        "The vault calls the entry a duplicate, yet lists no such certificate.",
        Mender.VAULT,
        "Ask the vault's operator what it holds for the address.",
    ),
    _mend(
        "follow.vault_failed",
        "The vault failed to process the certificate again and again.",
        Mender.VAULT,
        "Ask the vault's operator.",
    ),
    _alone(
        "follow.vault_revoked",
        "The certificate was revoked at the vault.",
        Mender.NOBODY,
        "Nothing, if that was meant; otherwise ask the vault's operator.",
    ),
    _alone(
        "follow.vault_unlisted",
        "The vault no longer lists the certificate.",
        Mender.VAULT,
        "Ask the vault's operator; it is looked for again by itself.",
    ),
    _alone(
        "follow.vault_slow",
        "The vault has not ended processing the certificate for days (`BRIDGE_VAULT_SLOW`).",
        Mender.VAULT,
        "Ask the vault's operator; it is asked about again by itself.",
    ),
    _alone(
        "issuer.vault_left_alone",
        "The vault asks us to make no calls for hours; the issuer's row says until when.",
        Mender.ITSELF,
        "Nothing; if that is too late, ask the vault's operator: `vaultbridge issuer show NAME`.",
    ),
    _alone("*.vault_*", "The vault does not answer, or not now.", Mender.ITSELF, _UP_AGAIN),
    # The gradebook
    _alone(
        "write_back.no_place",
        "The course has no place for certificates yet.",
        Mender.LMS,
        "`vaultbridge site courses NAME --create`, or add it by hand: it is written then.",
    ),
    _mend(
        "write_back.not_shown",
        "The LMS took the text, but the gradebook does not show it.",
        Mender.LMS,
        "Look whether the grade item is locked or hidden, or its workflow not released.",
    ),
    _mend(
        "write_back.overridden",
        "A teacher has graded the cell, or changed what it says: it is left alone.",
        Mender.NOBODY,
        "Nothing, if that was meant; else let the teacher clear the cell.",
    ),
    _mend(
        "write_back.lost",
        "What was written vanished from the gradebook, twice.",
        Mender.LMS,
        "See what takes it away: a course that is reset or restored, another program.",
    ),
    _mend(
        "write_back.cannot_write",
        "The site's connector cannot write to a gradebook.",
        Mender.MAPPING,
        "Set write_back: {target: none} in the mapping.",
    ),
    _mend(
        "*",
        "The connector's own word for what the LMS says; its README and the row explain it.",
        Mender.LMS,
        "",
    ),
)
