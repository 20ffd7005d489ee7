"""One warm renderer for all tests that only print, and one for the templates of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bridge.certificates import templates
from bridge.certificates.page import Page
from bridge.certificates.render import Renderer
from tests.bridge.certificates.pages import a_template


@pytest.fixture(scope="session")
def font_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where fonts are unpacked to, once for all."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def renderer(font_cache: Path) -> Iterator[Renderer]:
    """A renderer with the templates that ship."""
    with Renderer(font_cache=font_cache) as it:
        yield it


@pytest.fixture
def printed(renderer: Renderer) -> Callable[[Page], bytes]:
    """Print a page; where no font here has its script, the test is skipped."""

    def made(page: Page) -> bytes:
        if lacking := renderer.missing(page):
            pytest.skip(f"No font here has {lacking[0]}.")
        return renderer.render(page)

    return made


@pytest.fixture
def with_template(font_cache: Path, tmp_path: Path) -> Iterator[Callable[[str], Renderer]]:
    """Make a renderer whose template "own" has a given source, with a limit of three seconds."""
    with ExitStack() as open_renderers:

        def make(source: str) -> Renderer:
            folders = (a_template(tmp_path, source),)
            one = Renderer(font_cache=font_cache, timeout=timedelta(seconds=3), folders=folders)
            return open_renderers.enter_context(one)

        yield make


@pytest.fixture
def own(font_cache: Path, tmp_path: Path) -> Iterator[Callable[..., Renderer]]:
    """Make a renderer whose template "own" is one of the gallery, with defaults and files."""
    made: list[Renderer] = []

    def make(files: dict[str, bytes], *, base: str = "classic", **defaults: object) -> Renderer:
        shipped = templates.load(base)
        about = yaml.safe_load(shipped.files["template.yaml"])
        for name, default in defaults.items():
            about["parameters"][name]["default"] = default
        home = tmp_path / "own"
        for name, content in {**shipped.files, **files}.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(content)
        (home / "template.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
        folders = templates.folders(tmp_path)
        made.append(Renderer(font_cache=font_cache, folders=folders))
        return made[-1]

    yield make
    for one in made:
        one.close()
