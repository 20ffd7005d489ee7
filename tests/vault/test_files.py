"""The folder of files: whole or not there, private, and known when damaged."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from vault.files import CHUNK, DamagedFile, Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "deep" / "files")


def kept(files: Files, content: bytes) -> str:
    """Store content; return its hash."""
    return files.keep(content).sha256


def test_what_is_kept_is_read_back(files: Files) -> None:
    sha256 = kept(files, b"content")

    assert hashlib.sha256(b"content").hexdigest() == sha256
    assert b"content" == files.read(sha256)


def test_the_same_content_is_one_file(files: Files) -> None:
    assert kept(files, b"content") == kept(files, b"content")
    assert 1 == len([path for path in files.folder.rglob("*") if path.is_file()])


@pytest.mark.parametrize("is_there", [True, False])
def test_a_name_that_is_there_never_stands_for_what_the_disk_has_not(
    files: Files, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    target = files.folder / "ed" / hashlib.sha256(b"content").hexdigest()
    if is_there:
        files.keep(b"content")
    before = target.stat().st_ino if is_there else None
    synced, named_then = [], []

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        named_then.append(target.stat().st_ino if target.exists() else None)

    monkeypatch.setattr(os, "fsync", fsync)
    files.keep(b"content")

    content = target.stat().st_ino
    first = synced.index(content)
    assert content != before
    assert (before if is_there else content) == named_then[first]
    assert target.parent.stat().st_ino in synced[first + 1 :]
    assert is_there or files.folder.stat().st_ino in synced
    assert b"content" == files.read(target.name)


def test_where_a_file_system_knows_no_links_files_are_kept_all_the_same(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: object, target: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)

    assert b"content" == files.read(kept(files, b"content"))
    assert 1 == len([path for path in files.folder.rglob("*") if path.is_file()])


def test_a_disk_that_is_full_leaves_no_half_file(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(handle: int, content: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        files.keep(b"content")

    assert [] == [path for path in files.folder.rglob("*") if path.is_file()]


def test_what_is_discarded_leaves_nothing(files: Files) -> None:
    kept = files.keep(b"content")
    assert files.holds(kept.sha256)
    files.discard(kept.sha256)

    assert not files.holds(kept.sha256)
    assert [] == [path for path in files.folder.rglob("*") if path.is_file()]


def test_nobody_else_can_look_in(files: Files) -> None:
    sha256 = kept(files, b"content")
    path = files.folder / sha256[:2] / sha256

    assert (0o700, 0o700, 0o600) == tuple(
        p.stat().st_mode & 0o777 for p in (files.folder, path.parent, path)
    )


def test_a_missing_or_changed_file_is_known(files: Files) -> None:
    sha256 = kept(files, b"content")
    path = files.folder / sha256[:2] / sha256
    path.write_bytes(b"changed")

    with pytest.raises(DamagedFile, match="has been changed"):
        files.read(sha256)
    with pytest.raises(DamagedFile, match="has been changed"):
        b"".join(files.chunks(sha256))
    path.unlink()
    with pytest.raises(DamagedFile, match="is missing"):
        files.read(sha256)
    with pytest.raises(DamagedFile, match="is missing"):
        b"".join(files.chunks(sha256))
    path.mkdir()
    with pytest.raises(DamagedFile, match=r"cannot be read \(Is a directory\)"):
        b"".join(files.chunks(sha256))


def test_a_large_file_comes_in_pieces(files: Files) -> None:
    content = bytes(range(256)) * (2 * CHUNK // 256) + b"end"
    pieces = list(files.chunks(kept(files, content)))

    assert [CHUNK, CHUNK, 3] == [len(piece) for piece in pieces]
    assert content == b"".join(pieces)
