"""What a PDF would do by itself: run scripts and start programs, which no certificate needs."""

from __future__ import annotations

import re

import pikepdf

#: Actions by their type (ISO 32000-1, table 198). Going to a page, as many PDFs do when they are
#: opened, is none of them.
REFUSED = {
    "/JavaScript": "contains JavaScript. Print it to PDF again and send that.",
    "/Launch": "starts a program when it is used. Print it to PDF again and send that.",
}
#: Names of entries that hold scripts: an action's, and the document's own tree of scripts.
SCRIPTS = ("/JS", "/JavaScript")
#: A form in XML that some readers show in place of the pages, and with them of our strip (ISO
#: 32000-1, 12.7.8). Its scripts stand in the XML.
XFA = "/XFA"
XFA_FORM = "holds an XFA form, which may run scripts. Print it to PDF again and send that."
#: As qpdf writes these names, however the file spells them. Few objects have one, and to write an
#: object is a tenth of the work of looking into it.
SUSPECT = re.compile(rb"/(JavaScript|JS|Launch|XFA)")


def refusal(pdf: pikepdf.Pdf) -> str | None:
    """Return why a PDF is refused, None if nothing in it acts; raises pikepdf.PdfError.

    Every object is looked at, not only those that a reader would find: what is hidden today may be
    reached in another reader. So is the trailer, which is none of them and may hold any of them.
    """
    for found in [*pdf.objects, pdf.trailer]:
        # A number, as a stream's length often is, comes as Python's own and holds nothing.
        if not isinstance(found, pikepdf.Object):
            continue
        if SUSPECT.search(_written(found)) and (reason := _look(found)):
            return reason
    return None


def _written(found: pikepdf.Object) -> bytes:
    own = found.stream_dict if isinstance(found, pikepdf.Stream) else found
    return bytes(own.unparse(resolved=True))


def _look(root: pikepdf.Object) -> str | None:
    if isinstance(root, pikepdf.Name):
        # Nobody gives a name an object of its own, unless to keep it out of the action that has it.
        return REFUSED.get(str(root))
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if isinstance(found, pikepdf.Stream):
            found = found.stream_dict
        if isinstance(found, pikepdf.Array):
            waiting += [one for one in found.as_list() if _is_direct_container(one)]
        elif isinstance(found, pikepdf.Dictionary):
            if reason := _reason(found):
                return reason
            waiting += [one for one in found.as_dict().values() if _is_direct_container(one)]
    return None


def _is_direct_container(found: object) -> bool:
    # An indirect object has its own turn.
    return isinstance(found, pikepdf.Array | pikepdf.Dictionary) and not found.is_indirect


def _reason(found: pikepdf.Object) -> str | None:
    action = found.get("/S")
    if isinstance(action, pikepdf.Name) and str(action) in REFUSED:
        return REFUSED[str(action)]
    if any(name in found for name in SCRIPTS):
        return REFUSED["/JavaScript"]
    return XFA_FORM if XFA in found else None
