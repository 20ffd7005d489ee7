"""Whether certificates can be printed, and in which scripts not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from bridge.certificates import templates as gallery
from bridge.certificates.page import Page, RenderError
from bridge.certificates.render import Renderer
from bridge.checks.installation import Installation
from runtime import checkup
from runtime.checkup import Finding

#: A letter of each large script that our own font lacks: Han, Hiragana, Hangul, Bengali, Tamil,
#: Armenian, Khmer, Ethiopic.
OTHERS = "张あ한অதԱកአ"
SAMPLE = Page(full_name="Ada", title="A page", issue_date=date(2026, 1, 1), institution_name="Ours")


def fonts(_of: Installation) -> Iterator[Finding]:
    """Whether a page is printed; which scripts no font here has is a note."""
    # In a folder of its own: what the doctor writes, the workers' user may not be able to.
    with tempfile.TemporaryDirectory() as cache, Renderer(font_cache=Path(cache)) as renderer:
        try:
            renderer.render(SAMPLE)
            missing = renderer.missing(replace(SAMPLE, full_name=OTHERS))
        except RenderError as exc:
            yield Finding(text=f"No certificate can be printed: {exc}")
            return
    for remedy in dict.fromkeys(one.remedy for one in missing):
        scripts = ", ".join(one.script for one in missing if one.remedy == remedy)
        yield checkup.note(f"A certificate with a name in {scripts} would be held. {remedy}")


def templates(of: Installation) -> Iterator[Finding]:
    """Whether each template can be read, the institution's own above all."""
    own = of.settings.templates_dir
    if own is not None and not own.is_dir():
        yield Finding(
            text=f"BRIDGE_TEMPLATES_DIR names {own}, which is no folder. Make it, or mend the name."
        )
    folders = gallery.folders(own)
    for name in gallery.names(folders):
        try:
            gallery.load(name, folders)
        except RenderError as exc:
            yield Finding(text=f"Certificates of the template {name} would be held: {exc}")
