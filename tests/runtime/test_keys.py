"""Keys: private to their owner, rotated without loss, bound to a purpose."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from itsdangerous import BadSignature, URLSafeSerializer

from runtime.keys import KeyProblem, Keys, new_key

SECRETS = {"token": "vt_abc", "names": ["a", "ب"], "none": None}


def test_a_new_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    keys = Keys.read_or_create(path)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    token = keys.encrypt(SECRETS, purpose="issuer 1")
    assert SECRETS == Keys.read_or_create(path).decrypt(token, purpose="issuer 1")
    assert [path] == list(tmp_path.iterdir())


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / f"{attempt}.key"
        with ThreadPoolExecutor(8) as pool:
            signing = list(
                pool.map(lambda _, p=path: Keys.read_or_create(p).signing("x"), range(8))
            )
        assert [signing[0]] * 8 == signing


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match=r"Cannot make .*secret\.key"):
        Keys.read_or_create(tmp_path / "nowhere" / "secret.key")


def test_a_key_file_holds_one_key_a_line_with_remarks(tmp_path: Path) -> None:
    new, old = new_key(), new_key()
    path = tmp_path / "secret.key"
    path.write_text(f"# since November\n{new}\n\n  # before\n  {old}  \n")

    assert Keys([new, old]).signing("x") == Keys.read(path).signing("x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "There is no key"),
        (b"# nothing\n", "There is no key"),
        (b"short\n", "not 32 bytes"),
        ("schlüssel\n".encode(), "Cannot read the keys"),
    ],
)
def test_a_key_file_that_is_none_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)

    with pytest.raises(KeyProblem, match=message):
        Keys.read_or_create(path)


def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="Cannot read the keys"):
        Keys.read(tmp_path / "secret.key")


def test_secrets_open_only_for_their_own_purpose() -> None:
    keys = Keys([new_key()])
    token = keys.encrypt(SECRETS, purpose="issuer 1")

    assert "vt_abc" not in token
    with pytest.raises(KeyProblem, match="stored for issuer 2 belong to issuer 1"):
        keys.decrypt(token, purpose="issuer 2")


@pytest.mark.parametrize("token", ["", "nonsense", "ключ"])
def test_what_was_never_encrypted_is_told_so(token: str) -> None:
    with pytest.raises(KeyProblem, match="a key that is not in the key file"):
        Keys([new_key()]).decrypt(token, purpose="issuer 1")


def test_an_old_key_still_opens_and_rotating_makes_it_needless() -> None:
    old, new = new_key(), new_key()
    token = Keys([old]).encrypt(SECRETS, purpose="issuer 1")
    both = Keys([new, old])

    assert SECRETS == both.decrypt(token, purpose="issuer 1")
    with pytest.raises(KeyProblem, match="not in the key file"):
        Keys([new]).decrypt(token, purpose="issuer 1")
    assert SECRETS == Keys([new]).decrypt(both.rotate(token), purpose="issuer 1")


def test_rotating_what_no_key_opens_is_told() -> None:
    token = Keys([new_key()]).encrypt(SECRETS, purpose="issuer 1")

    with pytest.raises(KeyProblem, match="not in the key file"):
        Keys([new_key()]).rotate(token)


def test_links_are_signed_with_the_newest_key_and_old_ones_stay_good() -> None:
    old, new = new_key(), new_key()
    before = URLSafeSerializer(Keys([old]).signing("link")).dumps("id")
    both = URLSafeSerializer(Keys([new, old]).signing("link"))

    assert "id" == both.loads(before)
    assert "id" == URLSafeSerializer(Keys([new]).signing("link")).loads(both.dumps("id"))


def test_a_signature_for_one_purpose_is_none_for_another() -> None:
    keys = Keys([new_key()])
    signed = URLSafeSerializer(keys.signing("link")).dumps("id")

    with pytest.raises(BadSignature):
        URLSafeSerializer(keys.signing("session")).loads(signed)


def test_no_key_shows_in_what_is_signed_with() -> None:
    key = new_key()

    assert key not in Keys([key]).signing("link")
