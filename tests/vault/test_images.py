"""Pictures as PDFs: shown as they are, upright, nothing lost."""

from __future__ import annotations

import io
import zlib
from math import sin

import pikepdf
import pytest
from PIL import Image, ImageCms, ImageOps

from tests.vault import bombs, reading, samples
from vault.images import MOST_PIXELS, OddImage, to_pdf

SIZE = (60, 40)


def shown(content: bytes) -> Image.Image:
    """The PDF of a picture, as it is shown, in the picture's own size."""
    made = to_pdf(content)
    return reading.picture(made, scale=1).resize(SIZE)


def close(expected: Image.Image, found: Image.Image) -> bool:
    """Whether two pictures look the same."""
    return reading.difference(expected.convert("RGB").resize(SIZE), found) < 0.02


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_png_of_any_mode_looks_the_same(mode: str) -> None:
    image = samples.picture("L", SIZE).convert(mode, dither=Image.Dither.NONE)

    assert close(image, shown(samples.as_bytes(image, "PNG")))


def test_a_png_of_sixteen_bits_looks_the_same() -> None:
    image = samples.picture("L", SIZE)
    deep = image.convert("I").point(lambda v: v * 257).convert("I;16")

    assert close(image, shown(samples.as_bytes(deep, "PNG")))


@pytest.mark.parametrize(("mode", "most"), [("L", 1.1), ("RGB", 1.1), ("RGBA", 1.3)])
def test_a_smooth_png_becomes_hardly_larger(mode: str, most: float) -> None:
    wide, high = 600, 400
    waves = [Image.new("L", (wide, high)) for _ in "RGB"]
    for shift, wave in enumerate(waves):
        across = [60 * sin(x / 40 + shift) for x in range(wide)]
        down = [127 + 60 * sin(y / 30) for y in range(high)]
        wave.putdata([int(x + y) for y in down for x in across])
    content = samples.as_bytes(Image.merge("RGB", waves).convert(mode), "PNG")

    assert len(to_pdf(content)) <= most * len(content)


def test_a_png_that_unfolds_to_more_than_it_shows_is_packed_anew() -> None:
    image = samples.picture("RGB", SIZE)
    content = bombs.png_with_more(samples.as_bytes(image, "PNG"), megabytes=20)
    with pikepdf.open(io.BytesIO(to_pdf(content))) as pdf:
        stored = pdf.pages[0].Resources.XObject["/Picture"].read_raw_bytes()

    assert close(image, shown(content))
    assert (1 + 3 * SIZE[0]) * SIZE[1] == len(zlib.decompress(stored))


def test_a_transparent_png_lies_on_white() -> None:
    clear = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    keyed = Image.new("P", SIZE, 0)

    assert (255, 255, 255) == shown(samples.as_bytes(clear, "PNG")).getpixel((30, 20))
    png = samples.as_bytes(keyed, "PNG", transparency=0)
    assert (255, 255, 255) == shown(png).getpixel((30, 20))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_looks_the_same_and_its_bytes_go_in_unchanged(mode: str) -> None:
    image = samples.picture("RGB", SIZE).convert(mode)
    content = samples.as_bytes(image, "JPEG", quality=95)

    assert close(image, shown(content))
    with pikepdf.open(io.BytesIO(to_pdf(content))) as pdf:
        assert content == pdf.pages[0].Resources.XObject["/Picture"].read_raw_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_stands_as_the_camera_said(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = samples.as_bytes(samples.picture("RGB", SIZE), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))

    found = reading.picture(to_pdf(content), scale=1)
    assert upright.width / upright.height == pytest.approx(found.width / found.height, abs=0.01)
    assert reading.difference(upright, found.resize(upright.size)) < 0.02


@pytest.mark.parametrize(
    ("size", "page"), [((60, 40), (841.89, 561.26)), ((10, 2000), (4.21, 841.89))]
)
def test_the_longer_side_is_a4s(size: tuple[int, int], page: tuple[float, float]) -> None:
    content = samples.as_bytes(Image.new("L", size), "PNG")

    assert page == reading.size(to_pdf(content))


def test_a_fitting_colour_profile_is_kept_and_another_is_not() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    def spaces(mode: str, icc_profile: bytes) -> object:
        image = samples.picture(mode, SIZE)
        content = samples.as_bytes(image, "JPEG", icc_profile=icc_profile)
        with pikepdf.open(io.BytesIO(to_pdf(content))) as pdf:
            space = pdf.pages[0].Resources.XObject["/Picture"].ColorSpace
            return str(space if isinstance(space, pikepdf.Name) else space[0])

    assert "/ICCBased" == spaces("RGB", profile)
    assert "/DeviceGray" == spaces("L", profile)
    assert "/DeviceRGB" == spaces("RGB", b"no profile")


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert to_pdf(samples.png()) == to_pdf(samples.png())


@pytest.mark.parametrize("content", [samples.jpeg()[:300], samples.png()[:-40], b"\xff\xd8\xff"])
def test_what_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(OddImage, match="is a damaged picture"):
        to_pdf(content)


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        ((MOST_PIXELS // 1000 + 1, 1000), "40001 × 1000 pixels"),
        ((20_000, 10_000), "more than 40,000,000 pixels"),
        ((1, 201), "too narrow"),
    ],
)
def test_pictures_out_of_all_proportion_are_refused(size: tuple[int, int], problem: str) -> None:
    with pytest.raises(OddImage, match=problem):
        to_pdf(samples.as_bytes(Image.new("1", size), "PNG"))
