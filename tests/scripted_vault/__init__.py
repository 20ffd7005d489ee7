"""A vault for tests: speaks the vendor's API over real HTTP, answers as scripted, counts it all."""

from tests.scripted_vault.answering import DUPLICATE, UNRESOLVED, forbidden, told
from tests.scripted_vault.behaviours import (
    Behaviour,
    Taken,
    answers,
    cut,
    late,
    lost_reply,
    normal,
)
from tests.scripted_vault.kept import Kept, Key, UploadedFile
from tests.scripted_vault.vault import (
    BASE,
    LABELS,
    PERMISSIONS,
    TOKEN,
    VERIFIED_PDF,
    ScriptedVault,
)

__all__ = [
    "BASE",
    "DUPLICATE",
    "LABELS",
    "PERMISSIONS",
    "TOKEN",
    "UNRESOLVED",
    "VERIFIED_PDF",
    "Behaviour",
    "Kept",
    "Key",
    "ScriptedVault",
    "Taken",
    "UploadedFile",
    "answers",
    "cut",
    "forbidden",
    "late",
    "lost_reply",
    "normal",
    "told",
]
