# Pictures as bytes: their type and size as their first bytes tell, and how PIL makes them smaller where it is installed.

from ..references import io
from .limits import MAX_SIDE, MIN_SIDE

# What clients show.
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")
# PIL is not asked to decode more. Pixels.
MAX_PIXELS = 80_000_000
JPEG_QUALITY = 85
# PIL's modes that PNG has.
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
# Its ways to resize.
NEAREST, LANCZOS = 0, 1


class Picture:
    """A picture in its encoded form; and the size that it would have, had it not been made smaller."""

    def __init__(self, data, media_type, size, full_size=None):
        self.data = data
        self.media_type = media_type
        self.size = size
        self.full_size = full_size or size


def base64_length(data):
    return (len(data) + 2) // 3 * 4


def fits_in(picture, limit):
    return picture.size is not None and max(picture.size) <= MAX_SIDE and base64_length(picture.data) <= limit


def picture_of(data, media_type):
    """With the type that the bytes have, whatever they are said to be; without a size where they tell none."""
    found = type_and_size(data)
    if found is None:
        return Picture(data, media_type, None)
    return Picture(data, *found)


def type_and_size(data):
    """None for what is no picture of these types, or has no pixels."""
    try:
        found = read_header(data)
    except (IndexError, ValueError):
        return None
    return None if found is None or 0 in found[1] else found


def read_header(data):
    """The media type, and width and height; None for what is no picture of these types."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return "image/png", (number_at(data, 16, 4, "big"), number_at(data, 20, 4, "big"))
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg", jpeg_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        return "image/webp", webp_size(data)
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return "image/gif", (number_at(data, 6, 2, "little"), number_at(data, 8, 2, "little"))
    return None


def number_at(data, at, count, order):
    return int.from_bytes(data[at : at + count], order)


def jpeg_size(data):
    """From the first frame header, behind other segments."""
    at = 2
    while data[at] == 0xFF:
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return number_at(data, at + 7, 2, "big"), number_at(data, at + 5, 2, "big")
        at += 2 + number_at(data, at + 2, 2, "big")
    raise ValueError


def webp_size(data):
    kind = data[12:16]
    if kind == b"VP8X":
        return number_at(data, 24, 3, "little") + 1, number_at(data, 27, 3, "little") + 1
    if kind == b"VP8L":
        bits = number_at(data, 21, 4, "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return number_at(data, 26, 2, "little") & 0x3FFF, number_at(data, 28, 2, "little") & 0x3FFF
    raise ValueError


def make_smaller(picture, limit):
    """A picture of a type that clients show, within the sides and the limit; None where PIL is not there or cannot do it."""
    try:
        from PIL import Image
    except ImportError:
        return None
    with Image.open(io.BytesIO(picture.data)) as image:
        if image.size[0] * image.size[1] > MAX_PIXELS:
            return None
        return encode_image(image, limit, picture.full_size or image.size)


def encode_image(image, limit, full_size):
    """A picture of PIL's image: as PNG, else as JPEG, else with fewer pixels; None where it does not fit at all."""
    width, height = image.size
    longest = max(width, height)
    side = min(longest, MAX_SIDE)
    if image.mode not in PNG_MODES:
        image = image.convert("RGBA" if "a" in image.mode or "A" in image.mode else "RGB")
    if image.mode == "RGBA" and image.getextrema()[3][0] == 255:
        # Nothing shows through.
        image = image.convert("RGB")
    while True:
        size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
        smaller = image
        if size != image.size:
            # Colours that are indices cannot be mixed.
            smaller = image.convert("RGBA") if image.mode in ("P", "1") else image
            smaller = smaller.resize(size, NEAREST if smaller.mode.startswith("I") else LANCZOS)
        found = encode_as(smaller, "PNG", {}, full_size)
        if base64_length(found.data) > limit and smaller.mode in ("L", "RGB"):
            found = encode_as(smaller, "JPEG", {"quality": JPEG_QUALITY}, full_size)
        if base64_length(found.data) <= limit:
            return found
        if side <= MIN_SIDE:
            return None
        side = max(min(MIN_SIDE, longest), int(side * 0.7))


def encode_as(image, name, options, full_size):
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return Picture(buffer.getvalue(), "image/" + name.lower(), image.size, full_size)
