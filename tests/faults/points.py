"""Every crash point there is, and the run that comes by it; and what the source says there is."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping

from campus.people import LIFESAVING, WATER_SAFETY
from tests.faults.stage import Stage
from tests.faults.vault_stage import VaultStage
from tests.processes import ROOT

EMMA, SEAN, ZOE = 12, 7, 11


def alone(stage: Stage) -> None:
    """One learner completes one course."""
    stage.complete(WATER_SAFETY, EMMA)


def many(stage: Stage) -> None:
    """Two learners, in two courses."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.complete(LIFESAVING, ZOE)


def set_aside(stage: Stage) -> None:
    """Beside a learner's completion comes one of another Moodle."""
    stage.complete(WATER_SAFETY, EMMA)
    stage.deliveries["foreign"] = stage.deliveries[f"{WATER_SAFETY}:{EMMA}"].replace(
        '"host":"127.0.0.1"', '"host":"staging.example.edu"'
    )


def mailed(stage: Stage) -> None:
    """A learner asks for the links again."""
    stage.complete(WATER_SAFETY, SEAN)
    stage.mails.append(stage.email(SEAN))


#: Of the bridge, each with the shortest run that comes by it.
BRIDGE: Mapping[str, Callable[[Stage], None]] = {
    "receive.verified": alone,
    "receive.storing": alone,
    "receive.stored": alone,
    "receive.rung": alone,
    "normalise.claimed": many,
    "normalise.read": many,
    "normalise.taking": many,
    "normalise.taken": many,
    "normalise.setting_aside": set_aside,
    "normalise.set_aside": set_aside,
    "complete.claimed": many,
    "complete.enriched": many,
    "complete.settling": many,
    "complete.settled": many,
    "complete.rung": many,
    "mail.claimed": mailed,
    "mail.delivered": mailed,
    "mail.ending": mailed,
    "mail.ended": mailed,
}


def upload(stage: VaultStage) -> None:
    """A single upload."""
    stage.single += ["First"]


def batch(stage: VaultStage) -> None:
    """A bulk upload of two."""
    stage.batch += ["First", "Second"]


def retry(stage: VaultStage) -> None:
    """What was uploaded before has failed, and is retried."""
    stage.single += ["First"]
    stage.live()
    stage.fail_all()
    stage.retries = True


#: Of our vault.
VAULT: Mapping[str, Callable[[VaultStage], None]] = {
    "intake.staged": upload,
    "intake.adding": upload,
    "intake.added": upload,
    "intake.rung": upload,
    "intake.adding_ahead": batch,
    "intake.added_ahead": batch,
    "intake.adding_batch": batch,
    "intake.added_batch": batch,
    "intake.retrying": retry,
    "intake.retried": retry,
    "processing.taken": batch,
    "processing.made": batch,
    "processing.kept": batch,
    "processing.saving": batch,
    "processing.saved": batch,
    "notices.claimed": upload,
    "notices.posted": upload,
    "notices.ending": upload,
    "notices.ended": upload,
    "webhooks.sent": upload,
    "webhooks.saving": upload,
    "webhooks.saved": upload,
    "sweep.claimed": batch,
    "sweep.swept": batch,
}

#: Of every process, whatever it does: tests of real ones come by them.
RUNTIME = ("clock.looked", "clock.rung", "worker.woken", "worker.worked", "worker.ringing")

#: Where they stand; tests' own points are none.
PARTS = ("runtime", "connectors", "mappings", "bridge", "vault")


def in_source() -> Counter[str]:
    """The names in every call of ``crashpoint``, with how often each stands there."""
    found: Counter[str] = Counter()
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            found.update(_named(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _named(tree: ast.AST) -> list[str]:
    return [
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crashpoint"
    ]
