"""What a template may be, and what it may not reach."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from bridge.certificates import templates
from bridge.certificates.page import RenderError
from mappings.document import DocumentError, Known, Mapping, load
from mappings.engine import Entry, apply
from tests.bridge.certificates.pages import PLAIN, SEAL, a_page, a_template
from tests.mappings.samples import DOCUMENT, learner

#: What an admin may count on, whichever of the gallery is chosen.
COMMON = {
    "accent",
    "background",
    "border",
    "logo",
    "orientation",
    "seal",
    "sentence",
    "signatories",
    "validity",
}
LINKED = SEAL.replace(b"<circle", b'<image href="/x.png"/><circle')
GALLERY = ("bilingual", "classic", "minimal", "modern")


@pytest.mark.parametrize("name", GALLERY)
def test_what_ships_has_the_same_parameters_and_takes_its_own_defaults(name: str):
    template = templates.load(name)
    defaults = template.values({})

    assert GALLERY == templates.names()
    assert ("a4", "us-letter") == template.papers
    assert defaults == template.values(defaults)
    assert COMMON <= set(defaults)


def _used(certificate: str) -> Mapping:
    """A mapping with this certificate, read where the templates that ship are known."""
    fault = partial(templates.parameter_fault, (templates.SHIPPED,))
    known = Known(templates=templates.names(), parameter_fault=fault)
    return load(f"{DOCUMENT}{certificate}\n", known=known)


def test_the_mapping_in_the_docs_gives_each_learner_and_course_a_text_of_its_own():
    docs = Path(__file__).parents[3] / "docs" / "templates.md"
    (shown,) = re.findall(r"```yaml\n(certificate:\n.*?)```", docs.read_text("utf-8"), re.DOTALL)
    amina = learner(custom={"name_in_arabic": "أمينة الهاشمي"})

    made = apply(_used(shown), amina, site="moodle-main")

    assert isinstance(made, Entry)
    assert {
        "second_institution": "جامعة الشارقة",
        "second_name": "أمينة الهاشمي",
        "second_title": "مقدمة في علم الأحياء",
    } == made.parameters


def test_a_colour_takes_no_expression():
    with pytest.raises(DocumentError, match=r'accent: .* Give a colour like "#1f3a5f"'):
        _used("certificate: {parameters: {accent: '{{ course.code }}'}}")


def test_a_folder_given_first_may_replace_a_template_that_ships(tmp_path: Path):
    own = a_template(tmp_path, PLAIN, name="classic")

    found = templates.load("classic", (own, templates.SHIPPED))

    assert found.description == "A test's."


def test_every_change_of_a_file_changes_the_digest(tmp_path: Path):
    first = templates.load("own", (a_template(tmp_path / "1", PLAIN),))
    same = templates.load("own", (a_template(tmp_path / "2", PLAIN),))
    other = templates.load("own", (a_template(tmp_path / "3", PLAIN + " "),))

    assert first.digest == same.digest != other.digest


@pytest.mark.parametrize(
    "source",
    [
        '#import "@preview/x:1.0.0"',
        "#import '@preview/x:1.0.0': *",
        'text\n#  import   "@local/x:1.0.0": f',
        '#include "@preview/x:1.0.0"',
        '#include("@preview/x:1.0.0")',
    ],
)
def test_a_package_from_the_network_is_refused_before_printing(tmp_path: Path, source: str):
    with pytest.raises(RenderError, match=r"own imports a package from the network \(template"):
        templates.load("own", (a_template(tmp_path, source),))


@pytest.mark.parametrize(
    "source",
    [
        '#import "@" + "preview/x:1.0.0"',
        '#eval("import \\"" + "@preview/x:1.0.0\\"")',
        '#include ("@", "preview/x:1.0.0").join()',
    ],
)
def test_a_package_named_at_run_time_finds_no_network(with_template, source: str):
    with pytest.raises(RenderError, match="own imports a package from the network"):
        with_template(PLAIN + source).render(a_page(template="own"))


@pytest.mark.parametrize(
    "source",
    [
        '#read("/etc/passwd")',
        '#read("../../../../../../../../etc/passwd")',
        '#image("/../../given.png")',
        '#include "../classic/template.typ"',
    ],
)
def test_nothing_outside_the_folder_can_be_read(with_template, source: str):
    with pytest.raises(RenderError, match="own does not compile") as refused:
        with_template(PLAIN + source).render(a_page(template="own"))

    assert any(said in str(refused.value) for said in ("escape the project root", "file not found"))


def test_a_link_to_another_place_is_refused(tmp_path: Path):
    folder = a_template(tmp_path, PLAIN)
    (folder / "own" / "passwd").symlink_to("/etc/passwd")

    with pytest.raises(RenderError, match="own holds a link to another place, passwd"):
        templates.load("own", (folder,))


def test_a_file_of_its_own_can_be_read(with_template, tmp_path: Path):
    renderer = with_template(PLAIN + '#read("lib/words.txt")')
    (tmp_path / "own" / "lib").mkdir()
    (tmp_path / "own" / "lib" / "words.txt").write_text("mine")

    assert renderer.render(a_page(template="own")).startswith(b"%PDF-")


def test_a_mistake_is_told_with_line_and_column(with_template):
    with pytest.raises(RenderError) as refused:
        with_template(PLAIN + "#data.nothing").render(a_page(template="own"))

    assert (
        refused.value.problem == "The template own does not compile (template.typ:6:7): "
        'dictionary does not contain key "nothing".'
    )


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("x.svg", b"<svg>\n <o:p/></svg>", "(x.svg:2:3): failed to parse SVG"),
        ("x.svg", LINKED, "(x.svg:1:1): failed to load linked image /x.png"),
        ("x.png", b"\x89PNG\r\n\x1a\nbroken", "(template.typ:6:2): failed to decode image"),
    ],
)
def test_a_mistake_in_a_picture_is_told_with_line_and_column(
    with_template, tmp_path: Path, file: str, content: bytes, said: str
):
    renderer = with_template(PLAIN + f'#image("{file}", alt: "x")')
    (tmp_path / "own" / file).write_bytes(content)

    with pytest.raises(RenderError) as refused:
        renderer.render(a_page(template="own"))

    assert f"The template own cannot show a picture {said}" in refused.value.problem
    assert "picture" == refused.value.code


@pytest.mark.parametrize(
    "about",
    [
        "",
        "[]",
        "a: [",
        "description: x",
        "description: x\npapers: [a4]\nparameters: {a: {type: colour}}",
        "description: x\npapers: [a4]\nparameters: {a: {type: odd, default: 1}}",
        "description: x\npapers: [a4]\nparameters: {a: {type: choice, default: 1}}",
        "description: x\npapers: 4\nparameters: {}",
        "description: x\npapers: [a4]\nparameters: []",
        "description: \xff\x00",
    ],
)
def test_a_description_that_is_none_is_told(tmp_path: Path, about: str):
    folder = a_template(tmp_path, PLAIN, about=about)

    with pytest.raises(RenderError, match=r"template\.yaml of the template own is missing or not"):
        templates.load("own", (folder,))


@pytest.mark.parametrize("name", ["", ".", "..", "../classic", "classic/", "/etc"])
def test_a_name_is_a_name_and_no_path(name: str):
    with pytest.raises(RenderError, match="There is no template"):
        templates.load(name)
