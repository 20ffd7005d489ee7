"""A mail as HTML: one column that every mail reader can show, in the direction of its language.

Styles stand in the elements, for many readers drop all others; it holds no picture, so that nothing
is fetched and nobody learns that it was opened.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from types import MappingProxyType

from runtime.translations import closest, direction
from vault.notice_text import Paragraph, Weight

FONT = "font-family:'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic',Arial,sans-serif"
INK, SOFT, LINE, PAPER, BUTTON = "#18202d", "#566173", "#e1e6ee", "#f2f4f8", "#1d2b45"
STYLES = MappingProxyType(
    {
        Weight.PLAIN: f"margin:0 0 16px;color:{INK};font-size:16px;line-height:1.6",
        Weight.MAIN: f"margin:0 0 24px;color:{INK};font-size:16px;line-height:1.6",
        Weight.SMALL: f"margin:0 0 12px;color:{SOFT};font-size:14px;line-height:1.6",
        Weight.FACTS: f"margin:0 0 24px;padding:16px 20px;border:1px solid {LINE};"
        f"border-radius:10px;background:{PAPER};color:{INK};font-size:15px;line-height:1.7",
    }
)
BUTTON_STYLE = (
    f"display:inline-block;margin-top:12px;padding:12px 24px;border-radius:10px;"
    f"background:{BUTTON};color:#ffffff;font-weight:600;text-decoration:none"
)


def page(title: str, sender: str, paragraphs: Sequence[Paragraph], language: str) -> str:
    """Return the document; all texts are escaped here."""
    way = direction(language)
    side = "right" if way == "rtl" else "left"
    body = "".join(map(_paragraph, paragraphs))
    return (
        f'<!doctype html><html lang="{closest(language)}" dir="{way}"><head>'
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title></head>"
        f'<body style="margin:0;padding:0;background:{PAPER}">'
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'style="background:{PAPER}"><tr><td align="center" style="padding:24px 12px">'
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'dir="{way}" style="max-width:560px;background:#ffffff;border:1px solid {LINE};'
        f'border-radius:16px"><tr><td style="padding:28px 28px 16px;text-align:{side};{FONT}">'
        f'<p style="margin:0 0 20px;color:{SOFT};font-size:15px;font-weight:600">'
        f"<bdi>{html.escape(sender)}</bdi></p>"
        f'<h1 style="margin:0 0 20px;color:{INK};font-size:22px;line-height:1.35">'
        f"{html.escape(title)}</h1>{body}</td></tr></table></td></tr></table></body></html>"
    )


def _paragraph(each: Paragraph) -> str:
    first, *rest = (f"<bdi>{html.escape(line)}</bdi>" for line in each.text.split("\n"))
    if each.weight is Weight.FACTS:
        first = f"<strong>{first}</strong>"
    lines = "<br>".join([first, *rest])
    if each.link is not None and each.label is not None:
        style = BUTTON_STYLE if each.weight is Weight.MAIN else f"color:{INK};font-weight:600"
        link = f'<a href="{html.escape(each.link)}" style="{style}">{html.escape(each.label)}</a>'
        lines = f"{lines}<br>{link}"
    return f'<p style="{STYLES[each.weight]}">{lines}</p>'
