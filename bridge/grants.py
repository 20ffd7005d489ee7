"""What a value of a claim gives at the console, as it is written in BRIDGE_OIDC_ROLES."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: As `bridge.people.roles.Role`; a test holds the two together.
ROLES = ("viewer", "support", "admin")
#: What a limit is called there, and among `bridge.people.roles.Limits`.
KINDS: Mapping[str, str] = MappingProxyType(
    {"issuer": "issuers", "site": "sites", "course": "courses"}
)


class NotAGrant(Exception):
    """It is not written as a grant is; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Whoever's claim has ``value`` has the role, with these limits."""

    value: str
    role: str
    #: Names by kind, as `bridge.people.roles.Limits.unpacked` takes them.
    limits: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, text: str) -> Grant:
        """From ``VALUE=ROLE site:NAME …``; raises NotAGrant. A value may hold ``=``: names of
        directories do."""
        value, is_there, rest = text.rpartition("=")
        role, *limits = rest.split() or [""]
        if not is_there or not value.strip():
            raise NotAGrant(f"{text!r} is not of the form VALUE=ROLE")
        if role not in ROLES:
            raise NotAGrant(f"{role!r} is no role: give one of {', '.join(ROLES)}")
        return cls(value=value.strip(), role=role, limits=_limits(limits))

    def __str__(self) -> str:
        single = {plural: kind for kind, plural in KINDS.items()}
        limits = [
            f" {single[kind]}:{name}" for kind, names in self.limits.items() for name in names
        ]
        return f"{self.value}={self.role}{''.join(limits)}"


def _limits(texts: list[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        kind, _, name = text.partition(":")
        if kind not in KINDS or not name or (kind == "course" and "/" not in name):
            raise NotAGrant(f"{text!r} is none of issuer:NAME, site:NAME, course:SITE/COURSE")
        found[KINDS[kind]] = (*found.get(KINDS[kind], ()), name)
    return MappingProxyType(found)
