"""Whatever happens to corrections, in whatever order: one certificate is valid, the others revoked.

The machine of tests/bridge/test_state_machine.py at a vault that can revoke, with people who
correct what is issued, and die while they do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bridge.pipeline import correcting
from bridge.pipeline.correcting import Asked, Refused
from bridge.store import tables
from tests.bridge.test_state_machine import CALLS, LEARNERS, MOODS, Fate, run
from tests.bridge.world import World

CHANGES = st.sampled_from(["full_name", "applicant_email", "details"])


class Corrected(Fate):
    """What may happen where certificates are corrected."""

    @initialize(
        atomic=st.booleans(),
        finds_duplicates=st.booleans(),
        people=st.lists(LEARNERS, min_size=1, max_size=2),
        moods=st.lists(st.tuples(CALLS | st.just("revoke"), MOODS), max_size=4),
    )
    def begin(
        self,
        atomic: bool,
        finds_duplicates: bool,
        people: list[str],
        moods: list[tuple[str, Any]],
    ) -> None:
        Fate.begin.__wrapped__(self, atomic, finds_duplicates, people, moods)  # type: ignore[attr-defined]
        self.world.vault.revokes = True
        self.corrections = 0
        self.work(61)
        self.work(61)

    @rule(change=CHANGES, which=st.integers(0, 9), nth=st.integers(1, 30))
    def correct(self, change: str, which: int, nth: int) -> None:
        """Somebody corrects one of what is issued, and may die while it is done."""
        rows = [row for row in self.world.rows(tables.issuance) if row.state == "generated"]
        if not rows:
            return
        old, self.corrections = rows[which % len(rows)], self.corrections + 1
        said = f"corrected {self.corrections}"
        text = f"c{self.corrections}@learners.example" if change == "applicant_email" else said
        self.killed(lambda: self._correct(Asked(issuance=old.id, changes={change: text})), nth)

    def _correct(self, asked: Asked) -> None:
        try:
            list(correcting.foresee(self.world.bridge, asked))
        except Refused:
            return  # replaced before
        about = {"who": "alice", "reason": "wrong", "selected": 1, "approved": True}
        begun = correcting.begin(self.world.bridge, asked, **about)  # type: ignore[arg-type]
        for _ in correcting.proceed(self.world.bridge, begun):
            pass

    @rule(mood=MOODS)
    def upset_revoking(self, mood: Any) -> None:
        self.upset_the_vault("revoke", mood)

    @invariant()
    def nothing_is_made_twice(self) -> None:
        """As often as there are issuances of a key, at most."""
        made = Counter(_key(row) for row in self.world.rows(tables.issuance))
        for key, count in self.world.vault.created.items():
            assert count <= made[key]

    @invariant()
    def nobody_is_without(self) -> None:
        """Of each chain something is valid, or the same key is being sent anew."""
        status = {uuid: kept.status for uuid, kept in self.world.vault.kept.items()}
        for chain in self._chains():
            issued = [row for row in chain if row.generated_at is not None]
            newest = chain[-1]
            if issued and newest in issued:
                assert "generated" == status[newest.vault_uuid]
            elif issued and _key(newest) != _key(issued[-1]):
                assert "generated" == status[issued[-1].vault_uuid], "revoked before its successor"

    def _chains(self) -> list[list[Any]]:
        chains = defaultdict(list)
        for row in self.world.rows(tables.issuance):
            chains[row.completion_id].append(row)
        return [sorted(chain, key=lambda row: row.revision) for chain in chains.values()]

    def teardown(self) -> None:
        """All is well again: of each chain the newest is valid, and all before it are revoked."""
        world = self.world
        world.vault.script.clear()
        world.vault.outcomes.clear()
        world.lms.writing.clear()
        world.vault.catch_up()
        world.settle(hours=30)

        rows = world.rows(tables.issuance)
        assert {"generated"} >= set(world.states())
        assert {"done"} >= set(world.states(tables.revocation))
        assert Counter(_key(row) for row in rows) == world.vault.created
        status = {uuid: kept.status for uuid, kept in world.vault.kept.items()}
        assert len(self.owed) == len(self._chains())
        for *before, newest in self._chains():
            assert "generated" == status[newest.vault_uuid]
            assert ["revoked"] * len(before) == [status[row.vault_uuid] for row in before]
        assert {"read_back"} >= set(world.states(tables.write_back))


def _key(row: Any) -> tuple[str, str, str]:
    return row.applicant_email.casefold(), row.certificate_title, row.issue_date.isoformat()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_whatever_happens_one_certificate_of_each_chain_is_valid(world: World) -> None:
    run(Corrected, world, examples=30)
