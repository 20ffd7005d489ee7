"""Pages to print in tests, and templates that do what templates must not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from bridge.certificates.page import Page

SEAL = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    b'<circle cx="50" cy="50" r="48" fill="#1f3a5f"/></svg>'
)
HAND = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 60">'
    b'<path d="M5 45 C30 0 40 0 45 40 S70 10 195 30" fill="none" stroke="#223"/></svg>'
)


def a_page(**changes: Any) -> Page:
    """A usual page, but for what is said."""
    usual: dict[str, Any] = {
        "full_name": "Amina O'Brien",
        "title": "Certificate of Completion: Marine Biology",
        "details": "With distinction. Ref 8f2c91aa",
        "issue_date": date(2026, 11, 20),
        "institution_name": "University of Sharjah",
        "signatory_name": "Prof. Layla Haddad",
        "signatory_role": "Dean of Graduate Studies",
    }
    return Page(**usual | changes)


def a_template(folder: Path, source: str, *, name: str = "own", about: str | None = None) -> Path:
    """Write a template with this source below a folder; return the folder."""
    home = folder / name
    home.mkdir(parents=True)
    (home / "template.typ").write_text(source, encoding="utf-8")
    described = "description: A test's.\npapers: [a4]\nparameters: {}\n"
    (home / "template.yaml").write_text(described if about is None else about, encoding="utf-8")
    return folder


#: What a template needs at least, to be printed to the standards that are asked for.
PLAIN = """
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title.text)
#set text(font: data.fonts, fallback: false)
#data.full_name.text
"""
# Typst itself stops a "while true" and a deep recursion, but neither of these.
ENDLESS = (
    PLAIN
    + """
#if data.full_name.text == "Endless" {
  for i in range(100000) { for j in range(100000) {} }
}
"""
)
GREEDY = PLAIN + '#if data.full_name.text == "Greedy" { let _ = (0,) * 80000000 }'
