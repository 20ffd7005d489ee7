"""What a doctor looks at in any installation, and how it tells: trouble names the next move."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from runtime.database import Database
from runtime.heartbeat import Sign

#: Clocks of machines that ask the network for the time differ by less.
MOST_SKEW = timedelta(seconds=5)
#: So far ahead a row is not only of another machine's clock.
FUTURE = timedelta(minutes=1)
#: A disk with less left will soon be full.
LEAST_FREE = 1024**3
LEAST_NAMES = 10_000
#: How long a service may take to say that it lives.
ANSWERS_WITHIN_S = 10.0
NEARBY = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to know about an installation; trouble if somebody has to do something."""

    text: str
    is_trouble: bool = True


def note(text: str) -> Finding:
    """What is meant to be so, if it is."""
    return Finding(text=text, is_trouble=False)


#: Looks at one thing; what is well, it does not mention.
Check = Callable[[], Iterable[Finding]]


def examine(
    checks: Mapping[str, Check], say: Callable[[str], None], *, ground: str | None = None
) -> bool:
    """Make the checks one by one, say of each how it stands, return whether all are well.

    Nothing after the check named ``ground`` is looked at if that one finds trouble.
    """
    all_well = True
    for one in checked(checks, ground=ground):
        say(f"{one.name}: {'well' if one.is_well else 'trouble'}")
        for found in one.found:
            say(f"  {'' if found.is_trouble else 'note: '}{found.text}")
        all_well = all_well and one.is_well
    return all_well


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one check found."""

    name: str
    found: Sequence[Finding]

    @property
    def is_well(self) -> bool:
        """Whether nobody has to do anything."""
        return not any(one.is_trouble for one in self.found)


def checked(checks: Mapping[str, Check], *, ground: str | None = None) -> Iterator[Checked]:
    """Make the checks one by one; the last is the one named ``ground`` if it finds trouble."""
    for name, check in checks.items():
        one = Checked(name=name, found=list(_found(check)))
        yield one
        if name == ground and not one.is_well:
            break


def _found(check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except OSError as exc:
        told = str(exc) if exc.filename is None else f"{exc.filename}: {exc.strerror}"
        yield Finding(text=f"{told}. Run this as the user whose processes these are.")


def clock(database: Database) -> Iterator[Finding]:
    """Whether the database's clock, by which all leases go, is this machine's."""
    with database.read() as conn:
        before = datetime.now(UTC)
        theirs = database.now(conn)
        skew = theirs - (before + (datetime.now(UTC) - before) / 2)
    if abs(skew) > MOST_SKEW:
        way = "ahead of" if skew > timedelta() else "behind"
        yield Finding(
            text=f"The database's clock is {abs(skew).total_seconds():.0f} s {way} this machine's. "
            "Let both follow the network's time: timedatectl set-ntp true"
        )


def not_to_come(database: Database, newest: sa.Select[datetime], came: str) -> Iterator[Finding]:
    """Whether the newest of what is kept lies in the past; ``came`` begins what is said of it."""
    with database.read() as conn:
        now = database.now(conn)
        moment = conn.execute(newest).scalar_one_or_none()
    if moment is not None and moment > now + FUTURE:
        yield Finding(
            text=f"{came} {moment:%Y-%m-%d %H:%M} UTC, which is still to come: the clock was set "
            "back. Let it follow the network's time: timedatectl set-ntp true. What was due then "
            "waits until then."
        )


def disk(folders: Iterable[Path], *, least_free: int = LEAST_FREE) -> Iterator[Finding]:
    """Whether there is room where something is written, in bytes; each disk is told of once."""
    seen: set[int] = set()
    for folder in map(_nearest, folders):
        if (device := folder.stat().st_dev) not in seen:
            seen.add(device)
            yield from _room(folder, least_free)


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.resolve().parents) if path.exists())


def _room(folder: Path, least_free: int) -> Iterator[Finding]:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < least_free:
        yield Finding(
            text=f"The disk of {folder} has {free // 1024**2} MB left. Make room or enlarge it: "
            "nothing is taken on a full disk."
        )
    if found.f_files > 0 and found.f_favail < LEAST_NAMES:
        yield Finding(
            text=f"The disk of {folder} can take only {found.f_favail} files more (df -i). Delete "
            "small files that nobody needs, or enlarge it."
        )


def private(path: Path) -> Iterator[Finding]:
    """Whether a file or folder can be read by this user, and by nobody else."""
    mode = path.stat().st_mode & 0o777
    if not os.access(path, os.R_OK):
        yield Finding(
            text=f"{path} cannot be read by this user. Give it to the user who runs this."
        )
    if mode & 0o077:
        wanted = "700" if path.is_dir() else "600"
        yield Finding(
            text=f"{path} is open to other users (mode {mode:04o}). Close it: chmod {wanted} {path}"
        )


def not_served(url: str, *, live: object) -> str | None:
    """Why a service does not answer under its public address; None if it does.

    ``live`` is what its page ``/health/live`` says, as JSON.
    """
    page = f"{url}/health/live"
    try:
        answer = httpx.get(page, timeout=ANSWERS_WITHIN_S, follow_redirects=True, trust_env=False)
    except httpx.HTTPError as exc:
        return type(exc).__name__
    with contextlib.suppress(ValueError):
        if answer.json() == live:
            return None
    return f"it answered {answer.status_code}, and not as /health/live does"


def is_nearby(url: str) -> bool:
    """Whether an address is one of this machine, for itself alone."""
    return urlsplit(url).hostname in NEARBY


def processes(
    signs: Iterable[Sign], commands: Mapping[str, str], *, all_by: str
) -> Iterator[Finding]:
    """Whether somebody works under each name.

    ``commands`` says how each is started, ``all_by`` the command that starts all.
    """
    last: dict[str, Sign] = {}
    for sign in signs:
        last.setdefault(sign.name, sign)
    for name, command in commands.items():
        seen = last.get(name)
        if seen is None or not seen.is_alive:
            yield Finding(
                text=f"Nobody runs `{command}`{_since(seen)}. Start it, or `{all_by}` for all."
            )


def _since(sign: Sign | None) -> str:
    if sign is None:
        return ""
    return (
        f" since {sign.seen_at:%Y-%m-%d %H:%M:%S} UTC, when process {sign.pid} on {sign.host} was "
        "seen last"
    )
