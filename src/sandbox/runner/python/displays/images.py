# PIL's images.

from ..references import sys
from .forms import Shown, text_of
from .limits import PICTURE_CHARACTERS
from .pictures import encode_as, encode_image


def image_of(value, room):
    """What is shown of an image; None for what is none."""
    kind = getattr(sys.modules.get("PIL.Image"), "Image", None)
    if not isinstance(kind, type) or not isinstance(value, kind):
        return None
    picture = encode_image(value, room or PICTURE_CHARACTERS, value.size)
    if picture is None:
        picture = encode_as(value, "PNG", {}, None)
    return Shown({picture.media_type: picture, "text/plain": text_of(value)}, "image")
