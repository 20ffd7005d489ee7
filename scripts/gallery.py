"""Write the pictures of docs/templates.md: what each template prints, in two languages."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pypdfium2
from PIL import Image

from bridge.certificates import sample, templates
from bridge.certificates.page import Page
from bridge.certificates.render import Renderer

FOLDER = Path(__file__).parent.parent / "docs" / "images"
WIDTH = 700
#: What shows a template best.
GIVEN: Mapping[str, Mapping[str, str]] = {
    "bilingual": {
        "second_institution": "جامعة الشارقة",
        "second_name": "أمينة أوبراين",
        "second_title": "شهادة إتمام: الأحياء",
    }
}


def pages() -> Iterator[tuple[Path, Page]]:
    """Each picture's file, and the page it shows."""
    for name in templates.names():
        template = templates.load(name)
        for language in ("en", "ar"):
            own = GIVEN.get(name, {})
            if own and language != "en":
                continue
            page = sample.page(template, language=language, given=own)
            yield FOLDER / f"template-{name}-{language}.png", page


def picture(pdf: bytes) -> Image.Image:
    """The page as a small picture of few colours."""
    page = pypdfium2.PdfDocument(pdf)[0]
    shown = page.render(scale=WIDTH / page.get_size()[0]).to_pil().convert("RGB")
    edged = Image.new("RGB", (shown.width + 2, shown.height + 2), "#c8c8c8")
    edged.paste(shown, (1, 1))
    return edged


def main() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as cache, Renderer(font_cache=Path(cache)) as renderer:
        for path, page in pages():
            out = io.BytesIO()
            small = picture(renderer.render(page)).quantize(64, dither=Image.Dither.NONE)
            small.save(out, "PNG", optimize=True)
            path.write_bytes(out.getvalue())


if __name__ == "__main__":
    main()
