"""Learners' links: nobody can make one but us, and ours outlive the keys' rotation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import Signer

from bridge.pipeline.learner_links import Expired, LearnerLinks
from runtime.keys import Keys, new_key

OLD, NEW, FOREIGN = new_key(), new_key(), new_key()
LINK = "q3PzN0aWTiyD1EMqhLUAJw"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def links(*keys: str) -> LearnerLinks:
    return LearnerLinks(Keys(keys), "https://certs.example.edu", HOUR)


def test_a_link_leads_below_the_public_address_and_comes_back() -> None:
    made = links(NEW)

    assert f"https://certs.example.edu/c/{made.token(LINK)}" == made.url(LINK)
    assert LINK == made.read(made.token(LINK))


def test_a_link_is_short_enough_for_a_cell() -> None:
    assert len(LINK) + 25 == len(links(NEW).token(LINK))


def test_a_public_address_with_a_path_keeps_it() -> None:
    made = LearnerLinks(Keys([NEW]), "https://example.edu/certs/", HOUR)

    assert made.url(LINK).startswith("https://example.edu/certs/c/q3Pz")


def test_a_link_outlives_the_rotation_of_keys() -> None:
    token = links(OLD).token(LINK)

    assert LINK == links(NEW, OLD).read(token)
    assert None is links(NEW).read(token)


def test_after_a_rotation_the_newest_key_signs() -> None:
    assert links(NEW).token(LINK) == links(NEW, OLD).token(LINK)


def test_a_link_is_the_same_each_time_so_that_a_gradebook_sees_no_change() -> None:
    assert links(NEW).url(LINK) == links(NEW).url(LINK)


def changed_in_one_letter(token: str) -> list[str]:
    return [
        token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        for at, letter in enumerate(token)
    ]


def test_a_link_changed_in_any_letter_is_none_of_ours() -> None:
    made = links(NEW)

    assert {None} == {made.read(token) for token in changed_in_one_letter(made.token(LINK))}


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        LINK,
        f"{LINK}.",
        f".{'A' * 24}",
        f"{LINK}.{'A' * 24}",
        f"{LINK}.{'ä' * 24}",
        f"{LINK}.{'A' * 23}\n",
        "x" * 5000,
        "\x00",
    ],
)
def test_what_is_no_link_is_none_of_ours(token: str) -> None:
    assert None is links(NEW).read(token)
    assert None is links(NEW).read_download(token, now=NOON)


def test_a_link_has_one_spelling_only() -> None:
    made = links(NEW)
    token = made.token(LINK)

    others = [f"{token}=", f"{token}!", f"{token}\n", f" {token}", token.replace(".", "..")]

    assert [None] * len(others) == [made.read(other) for other in others]


def test_a_foreign_key_signs_nothing() -> None:
    assert None is links(NEW).read(links(FOREIGN).token(LINK))


def test_another_purpose_signs_nothing_here() -> None:
    made = links(NEW)
    other = Signer(Keys([NEW]).signing("learner link"), salt="vaultbridge session")

    assert None is made.read(other.sign(LINK).decode())
    assert None is made.read(made.download_token(LINK, now=NOON))
    assert None is made.read_download(made.token(LINK), now=NOON)


def test_a_download_address_is_good_until_its_time_is_over() -> None:
    made = links(NEW)
    token = made.download_token(LINK, now=NOON)

    assert LINK == made.read_download(token, now=NOON)
    assert LINK == made.read_download(token, now=NOON + HOUR - timedelta(seconds=1))
    with pytest.raises(Expired):
        made.read_download(token, now=NOON + HOUR)


def test_a_download_addresss_time_cannot_be_changed() -> None:
    made = links(NEW)
    link_id, until, signature = made.download_token(LINK, now=NOON).split(".")

    later = f"{link_id}.{int(until) + 1}.{signature}"

    assert None is made.read_download(later, now=NOON)


def test_a_download_address_does_not_give_the_link_away() -> None:
    made = links(NEW)
    signature = made.token(LINK).partition(".")[2]

    assert signature not in made.download_url(LINK, now=NOON)


def test_a_download_address_stands_beside_the_page() -> None:
    made = links(NEW)
    expected = f"https://certs.example.edu/c/file/{made.download_token(LINK, now=NOON)}"

    assert expected == made.download_url(LINK, now=NOON)
