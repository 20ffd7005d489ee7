"""The private folder that holds the vault's files, each named by its own SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

from runtime.on_disk import sync

#: How much is in memory at once of content that is copied, in bytes.
CHUNK = 1024 * 1024
#: What may be the matter with stored content.
MISSING = "is missing"
CHANGED = "has been changed"


class DamagedFile(Exception):
    """A stored file is missing or is not what was stored; restore it from a backup."""

    def __init__(self, sha256: str, what: str) -> None:
        super().__init__(f"The stored file {sha256} {what}. Restore it from a backup, then retry.")
        self.what = what  #: is the matter with it: "is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Content that is safely on disk. Until a record names it, it may be discarded."""

    sha256: str
    size: int


class Files:
    """Stores content by its hash: writing the same content twice leaves one file.

    Safe to use from many threads.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._passing = folder / "incoming"
        #: As text: making a path of each name takes longer than the call it is made for.
        self._at = str(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._passing.mkdir(mode=0o700, exist_ok=True)
        # What makes a passing name that no other thread and no other process has.
        self._id = uuid4().hex
        self._numbers = count()
        #: The sub-folders whose own names this process knows to be on disk, held open: by a handle
        #: one waits for the disk with one call instead of three. There are 256.
        self._open: dict[str, int] = {}

    def keep(self, content: bytes) -> Kept:
        """Put content on disk; raises OSError. It waits for the disk: not inside a transaction.

        With few calls to the system: after each of them other threads go first.
        """
        kept = Kept(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        names = self._names(kept.sha256[:2])
        self._put(content, self._name(kept.sha256))
        os.fsync(names)
        return kept

    def _names(self, part: str) -> int:
        """The handle of a sub-folder, which is there and whose own name is on disk."""
        known = self._open.get(part)
        if known is not None:
            return known
        path = f"{self._at}/{part}"
        with contextlib.suppress(FileExistsError):
            Path(path).mkdir(mode=0o700)
        sync(self.folder)
        fresh = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        kept = self._open.setdefault(part, fresh)
        if kept != fresh:  # another thread was first
            os.close(fresh)
        return kept

    def _put(self, content: bytes, target: str) -> None:
        """Have a name for content that is on disk; the name itself may not be there yet."""
        passing = f"{self._at}/incoming/{self._id}-{os.getpid()}-{next(self._numbers)}"
        handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
        try:
            _write(handle, content)
            try:
                # A name that is new comes first: waiting for the content, one waits for both.
                os.link(passing, target)
            except OSError:
                # What bears the name may be needed already: it stays until the disk has this, too.
                os.fsync(handle)
                os.replace(passing, target)  # noqa: PTH105  # see _at
            else:
                os.fsync(handle)
                os.unlink(passing)  # noqa: PTH108
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(passing)  # noqa: PTH108
            raise
        finally:
            os.close(handle)

    def holds(self, sha256: str) -> bool:
        """Whether content is still there."""
        return os.path.exists(self._name(sha256))  # noqa: PTH110

    def read(self, sha256: str) -> bytes:
        """Return stored content; raises DamagedFile if it is missing or changed."""
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError as exc:
            raise DamagedFile(sha256, MISSING) from exc
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedFile(sha256, CHANGED)
        return content

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """Yield stored content piece by piece, for whoever copies it.

        Raises DamagedFile if it is missing or cannot be read, and after the last piece if it is
        changed.
        """
        seen = hashlib.sha256()
        try:
            with self._path(sha256).open("rb") as file:
                while chunk := file.read(CHUNK):
                    seen.update(chunk)
                    yield chunk
        except FileNotFoundError as exc:
            raise DamagedFile(sha256, MISSING) from exc
        except OSError as exc:
            raise DamagedFile(sha256, f"cannot be read ({exc.strerror})") from exc
        if seen.hexdigest() != sha256:
            raise DamagedFile(sha256, CHANGED)

    def discard(self, sha256: str) -> None:
        """Delete stored content. The caller knows that nothing needs it."""
        self._path(sha256).unlink(missing_ok=True)

    def kept(self, *, older_than: timedelta) -> Iterator[str]:
        """The hashes of what is stored, but for what is younger than that."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if _is_older(path, older_than):
                yield path.name

    def passing(self, *, older_than: timedelta) -> list[Path]:
        """Staged content that a process left when it died."""
        return [path for path in self._passing.iterdir() if _is_older(path, older_than)]

    def drop_passing(self, *, older_than: timedelta) -> int:
        """Delete what `passing` finds; return how much there was."""
        left = self.passing(older_than=older_than)
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, sha256: str) -> Path:
        return Path(self._name(sha256))

    def _name(self, sha256: str) -> str:
        return f"{self._at}/{sha256[:2]}/{sha256}"


def _write(handle: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def _is_older(path: Path, age: timedelta) -> bool:
    try:
        return time.time() - path.stat().st_mtime > age.total_seconds()
    except FileNotFoundError:
        return False
