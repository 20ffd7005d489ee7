"""README.txt of an export: what lies there, for a person who finds it in ten years."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

INDENT = 15

TEXT = """\
CERTIFICATES EXPORTED FROM A CERTIFICATE VAULT

Vault:         {vault}
Begun:         {begun_at}
Finished:      {finished_at}
Written by:    {program}
Contains:      {contains}
Narrowed to:   {narrowed}

All times are UTC. All texts are UTF-8. Nothing here needs the vault: PDF, CSV,
JSON and plain text are all there is. What is in here is personal data: names
and e-mail addresses of people. Keep it as safe as the vault was.


WHAT IS WHAT

certificates.csv
    One row a certificate, oldest first, to be opened in a spreadsheet. A cell
    that a spreadsheet might take for a formula begins with an apostrophe (')
    that is not part of it; certificates.jsonl has the text as it was.

certificates.jsonl
    Everything that the vault knew, one JSON object a line, one line a
    certificate. The fields have the names that the vault's API gives them.
    Beyond those:
      verified_file     the PDF that the vault made: where it lies here (path)
                        and its SHA-256; null where there is none
      uploaded_file     the file that the institution handed in, in the same
                        way; its path is null where such files were not asked
                        for
      problem           in one of these two: why the file is not here
      notices           the mails that were sent about the certificate
      erased_salt, erased_holder, erased_file
                        what is left where a holder's data was erased, see
                        below

institutions.jsonl
    The institutions that issued the certificates, one JSON object a line. Keys,
    passwords and tokens are not in here.

verified/YEAR/REFERENCE_ID.pdf
    The certificates as their holders have them, byte for byte. YEAR is the year
    in the reference id, which is the year the vault was given the certificate.

uploaded/YEAR/REFERENCE_ID.pdf (.jpg, .png)
    The files that the institution handed in, if they were asked for.

missing.csv
    The files that should be here and could not be read in the vault, with the
    reason. There is no such file if none is missing.

export.json
    What was exported, when and by which program, and how much of everything.

SHA256SUMS
    The SHA-256 of every other file. To see whether anything was lost or changed
    since, run in this folder: sha256sum -c --quiet SHA256SUMS
    (on macOS: shasum -a 256 -c SHA256SUMS)

INCOMPLETE
    If this file is here, the export was interrupted: do not rely on the rest.
    The same command into this folder goes on with it.


STATUSES

generated   issued and valid
revoked     taken back by the institution; revocation_reason says why, and
            replaced_by which certificate took its place
processing, pending
            not made yet at that moment: there is no PDF
failed      could not be made; rejection_reason says why


HOW A CERTIFICATE IS VERIFIED WITHOUT THE VAULT

A PDF that somebody presents is genuine if its SHA-256 (sha256sum FILE) is the
one that certificates.jsonl has as verified_file for the reference id printed on
it, and the certificate is not revoked. One changed byte gives another SHA-256.
Where the institution had a signing key, the PDF also carries its digital
signature, which PDF readers show.

Where erased_at has a time, the holder asked for their data to be deleted: name,
e-mail, details and files are gone for good. Whoever still has the PDF can prove
it: erased_file is the SHA-256 of the text
    ["SALT", "SHA256_OF_THE_PDF"]
with erased_salt as SALT, a blank after the comma, in ASCII. erased_holder is, in
the same way, that of
    ["SALT", "FULL NAME", "e-mail in small letters"]
with every character that is not ASCII written as \\uXXXX.


NOT IN HERE

API tokens, signing keys, webhook endpoints and their log (they belong to the
vault that was left), accounts of holders (they are theirs), files that were
uploaded and never became a certificate.
"""


def text(summary: Mapping[str, Any]) -> str:
    """Return the text for the export of which export.json says ``summary``."""
    counts = summary["counts"]
    contains = [
        _number(counts["certificates"], "certificate"),
        _number(counts["files"]["verified"], "verified PDF"),
        _number(counts["files"]["uploaded"], "uploaded file"),
        _number(counts["institutions"], "institution"),
    ]
    if counts["missing"]:
        contains.append(f"but {_number(counts['missing'], 'file')} could not be read: missing.csv")
    asked = {name: value for name, value in summary["asked"].items() if value is not None}
    uploaded = asked.pop("uploaded")
    narrowed = [f"{name} {value}" for name, value in asked.items()] or ["nothing: all are in here"]
    if not uploaded:
        narrowed.append("without the uploaded files")
    return TEXT.format_map(
        {**summary, "contains": _column(contains), "narrowed": _column(narrowed)}
    )


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _column(values: Iterable[str]) -> str:
    """Values below each other, beside their title."""
    return f"\n{' ' * INDENT}".join(values)
