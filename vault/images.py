"""A picture as a PDF of one page: pixels unchanged, turned as the camera said."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import pikepdf
from PIL import Image, ImageCms, UnidentifiedImageError

MOST_PIXELS = 40_000_000
#: How many times longer than wide a picture may be: a page is at least 3 points wide.
NARROWEST = 200
#: The longer side of the page, in points: A4's.
LONGER_SIDE = 841.89
#: EXIF's tag for how the picture is to be turned.
ORIENTATION = 0x0112

#: For each EXIF orientation, what places the unit square so that the picture stands upright.
UPRIGHT = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}
#: Orientations that swap width and height.
LYING = frozenset({5, 6, 7, 8})

COLOURS = {"1": "/DeviceGray", "L": "/DeviceGray", "RGB": "/DeviceRGB", "CMYK": "/DeviceCMYK"}
#: An ICC profile's colour space signature, by the mode it fits.
PROFILES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
COMPONENTS = {"L": 1, "RGB": 3, "CMYK": 4}
#: A PNG's first chunk, IHDR, and the colour types of pixels as PDF has them (RFC 2083, 4.1.1).
HEADER = struct.Struct(">4s 2I 5B")
PLAIN = {"L": 0, "RGB": 2}
#: How much of what is only counted is in memory at once, in bytes.
PIECE = 1 << 20


class OddImage(Exception):
    """The picture cannot be read; the text says why and what to do."""


def open_image(content: bytes) -> Image.Image:
    """Decode a JPEG or PNG wholly; raises OddImage."""
    try:
        with warnings.catch_warnings():
            # Our own limit is lower than the one Pillow warns about.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
        if image.width * image.height > MOST_PIXELS:
            raise OddImage(
                f"is a picture of {image.width} × {image.height} pixels. "
                f"It may have {MOST_PIXELS:,} in all: make it smaller and send it again."
            )
        if max(image.size) > NARROWEST * min(image.size):
            raise OddImage(
                f"is a picture of {image.width} × {image.height} pixels, too narrow for a page. "
                "Send a picture of the whole certificate."
            )
        image.load()
    except Image.DecompressionBombError as exc:
        raise OddImage(
            f"is a picture of more than {MOST_PIXELS:,} pixels: make it smaller and send it again."
        ) from exc
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
    ) as exc:
        raise OddImage("is a damaged picture. Save it again as PNG and send that.") from exc
    if image.mode not in COLOURS and image.format == "JPEG":
        raise OddImage(f"has colours of a kind ({image.mode}) not known. Save it as PNG.")
    return image


def to_pdf(content: bytes) -> bytes:
    """Return a PDF of one page that shows the picture; raises OddImage."""
    image = open_image(content)
    turned = int(image.getexif().get(ORIENTATION, 1))
    turned = turned if turned in UPRIGHT else 1
    wide, high = image.size[::-1] if turned in LYING else image.size
    scale = LONGER_SIDE / max(wide, high)
    pdf = pikepdf.new()
    picture = (_jpeg if image.format == "JPEG" else _png)(pdf, image, content)
    pdf.add_blank_page(page_size=(wide * scale, high * scale))
    page = pdf.pages[0]
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Picture=picture))
    upright = " ".join(map(str, UPRIGHT[turned]))
    page.obj.Contents = pdf.make_stream(
        f"{wide * scale:.3f} 0 0 {high * scale:.3f} 0 0 cm {upright} cm /Picture Do".encode()
    )
    saved = io.BytesIO()
    pdf.save(saved, deterministic_id=True)
    return saved.getvalue()


def _jpeg(pdf: pikepdf.Pdf, image: Image.Image, content: bytes) -> pikepdf.Object:
    # The compressed bytes go in as they are: nothing is lost.
    picture = _picture(pdf, image, content, filter_name="/DCTDecode")
    if image.mode == "CMYK" and "adobe" in image.info:
        picture.Decode = pikepdf.Array([1, 0] * 4)  # Adobe writes CMYK inverted
    return picture


def _png(pdf: pikepdf.Pdf, image: Image.Image, content: bytes) -> pikepdf.Object:
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        whole = image.convert("RGBA")
        alpha = whole.getchannel("A")
        picture = _deflated(pdf, _with_profile_of(image, whole.convert("RGB")))
        picture.SMask = _deflated(pdf, alpha)
        return picture
    if image.mode.startswith("I"):
        return _deflated(pdf, image.convert("I").point(lambda v: v * (1 / 257)).convert("L"))
    if _is_plain(image, content) and _unfolds(packed := _packed(content), _rows(image)):
        return _rows_as_packed(pdf, image, packed)
    wanted = "L" if image.mode in ("1", "L") else "RGB"
    return _deflated(pdf, _with_profile_of(image, image.convert(wanted)))


def _with_profile_of(original: Image.Image, image: Image.Image) -> Image.Image:
    profile = original.info.get("icc_profile")
    image.info = {"icc_profile": profile} if profile else {}
    return image


def _deflated(pdf: pikepdf.Pdf, image: Image.Image) -> pikepdf.Object:
    # As a PNG: each row by how it differs from the one above, without which a photograph would be
    # half as large again. A higher level makes it little smaller and takes three times as long.
    saved = io.BytesIO()
    image.save(saved, "PNG", compress_level=3)
    return _rows_as_packed(pdf, image, _packed(saved.getvalue()))


def _rows_as_packed(pdf: pikepdf.Pdf, image: Image.Image, packed: bytes) -> pikepdf.Object:
    """A picture of the rows of a PNG, which PDF reads as they are (ISO 32000-1, 7.4.4.4)."""
    picture = _picture(pdf, image, packed, filter_name="/FlateDecode")
    picture.DecodeParms = pikepdf.Dictionary(
        Predictor=15, Colors=COMPONENTS[image.mode], Columns=image.width, BitsPerComponent=8
    )
    return picture


def _is_plain(image: Image.Image, png: bytes) -> bool:
    """Whether a PNG's rows are pixels of 8 bits, one row after the other."""
    kind, wide, high, depth, colours, _, _, interlaced = HEADER.unpack_from(png, 12)
    told = (kind, wide, high, depth, colours, interlaced)
    return told == (b"IHDR", *image.size, 8, PLAIN.get(image.mode), 0)


def _packed(png: bytes) -> bytes:
    """The rows of a PNG as they are packed in it: what its IDAT chunks hold, joined."""
    found: list[bytes] = []
    place = 8
    while place + 8 <= len(png):
        size, kind = struct.unpack_from(">I4s", png, place)
        if kind == b"IDAT":
            found.append(png[place + 8 : place + 8 + size])
        elif found:
            break
        place += size + 12
    return b"".join(found)


def _rows(image: Image.Image) -> int:
    """How many bytes a PNG's unpacked rows are: each begins with one that says how it is told."""
    return (1 + image.width * COMPONENTS[image.mode]) * image.height


def _unfolds(packed: bytes, size: int) -> bool:
    """Whether this unfolds to so many bytes, not to more, which whoever decodes does not see."""
    unfolding, left = zlib.decompressobj(), size
    try:
        while left >= 0 and (piece := unfolding.decompress(packed, PIECE)):
            left -= len(piece)
            packed = unfolding.unconsumed_tail
    except zlib.error:
        return False
    return unfolding.eof and left == 0


def _picture(
    pdf: pikepdf.Pdf, image: Image.Image, data: bytes, *, filter_name: str
) -> pikepdf.Object:
    picture = pikepdf.Stream(pdf, data)
    picture.Type = pikepdf.Name.XObject
    picture.Subtype = pikepdf.Name.Image
    picture.Width, picture.Height = image.size
    picture.BitsPerComponent = 8
    picture.Filter = pikepdf.Name(filter_name)
    profile = image.info.get("icc_profile")
    picture.ColorSpace = pikepdf.Name(COLOURS[image.mode])
    if profile and _fits(profile, image.mode):
        icc = pikepdf.Stream(pdf, profile, N=COMPONENTS[image.mode])
        picture.ColorSpace = pikepdf.Array([pikepdf.Name.ICCBased, pdf.make_indirect(icc)])
    return pdf.make_indirect(picture)


def _fits(profile: bytes, mode: str) -> bool:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ImageCms.PyCMSError):
        return False
    return str(opened.profile.xcolor_space).strip() == PROFILES.get(mode)
