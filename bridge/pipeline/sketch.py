"""A mapping document as it is being written: its mistakes, or what it makes of one completion.

Nothing is written. The page is drawn as SVG, which takes a tenth of a PNG's time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.certificates.page import RenderError
from bridge.pipeline import explained
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.explained import Explained
from bridge.pipeline.known_names import known_names
from bridge.pipeline.versioned import Versioned, active_mappings
from connectors.base import Permanent, Temporary
from mappings.document import DocumentError, Mistake, load
from mappings.model import Mapping

#: The version of what is no version yet.
NONE_YET = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What a document comes to so far."""

    mapping: Mapping | None  #: None where it has mistakes
    mistakes: tuple[Mistake, ...] = ()
    explained: Explained | None = None  #: None also where there is no completion to look at
    picture: bytes | None = field(default=None, repr=False)
    fault: str | None = None  #: why there is no picture, and what to do


def read(bridge: Bridge, text: str) -> Sketch:
    """A document with its mistakes alone, as `vaultbridge mappings check` tells them."""
    try:
        return Sketch(mapping=load(text, known=known_names(bridge.database, bridge.settings)))
    except DocumentError as exc:
        return Sketch(mapping=None, mistakes=exc.mistakes)


def draw(bridge: Bridge, mapping: Mapping, completion_id: str) -> Sketch:
    """A document without mistakes over a completion as it is kept. Raises NotThere for none."""
    told = explained.kept(bridge, completion_id, ask=False)
    with bridge.database.read() as conn:
        active = active_mappings(conn)
    by = Versioned(mapping=mapping, version=NONE_YET)
    try:
        found = explained.explain(bridge, by, told, active=active)
    except (Temporary, Permanent) as exc:  # very many in a day: the LMS says how many there are
        return Sketch(mapping=mapping, fault=str(exc))
    if found.page is None:
        return Sketch(mapping=mapping, explained=found)
    try:
        picture = bridge.renderer.render(found.page, form="svg")
    except RenderError as error:
        return Sketch(mapping=mapping, explained=found, fault=str(error))
    return Sketch(mapping=mapping, explained=found, picture=picture)
