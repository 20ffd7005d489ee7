"""Passwords: what they must be, how they are kept and compared.

Kept with Argon2id, at the least that OWASP's Password Storage Cheat Sheet allows: 19 MiB, twice.
Only so many are compared at once, so that signing in cannot take the machine's memory.
"""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: NIST SP 800-63B, 3.1.1.2: length counts, not which kinds of characters there are.
SHORTEST, LONGEST = 12, 256
AT_ONCE = 2

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turn = BoundedSemaphore(AT_ONCE)
#: What nobody's password is compared with, so that an unknown address takes as long as a known one.
_NOBODYS = _hasher.hash("nobody has this one")


def problem_with(password: str, *, email: str) -> str | None:
    """Why it cannot be chosen, or None."""
    if len(password) < SHORTEST:
        return f"Choose at least {SHORTEST} characters. A sentence is easy to remember."
    if len(password) > LONGEST:
        return f"Choose at most {LONGEST} characters."
    if len(set(password)) < 5:
        return "Choose one with more different characters."
    if password.casefold() in (email.casefold(), email.partition("@")[0].casefold() * 2):
        return "Choose one that is not your address."
    return None


def hashed(password: str) -> str:
    """What is kept of it."""
    with _turn:
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the one that was chosen; takes as long where none was."""
    with _turn:
        try:
            _hasher.verify(kept or _NOBODYS, password[: 4 * LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None
