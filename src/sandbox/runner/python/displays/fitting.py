# What of a display goes to the host, and what to a file instead: pictures within a run's budget, and texts of a bounded size.

from .forms import fits_as_text, text_of
from .limits import PICTURE_CHARACTERS, PICTURES
from .pictures import PICTURE_TYPES, Picture, base64_length, fits_in, make_smaller, picture_of
from .saving import Saving

NOTE_CHARACTERS = 500
# Shown as texts; other types are files.
TEXT_TYPES = ("text/plain", "text/markdown", "text/latex", "text/html", "image/svg+xml", "application/json")
# Pictures that clients do not show: converted where PIL can do it.
OTHER_PICTURES = ("image/bmp", "image/tiff")
# Says nothing without the program that made it.
NOTHING = ("application/vnd.jupyter.widget-view+json",)


class Fitting:
    def __init__(self, runner):
        self.runner = runner
        self.saving = Saving()

    def fit(self, shown, budget, waiting):
        """The display as the host gets it: its data, and a path and a note where there are such."""
        data = {}
        has_picture = False
        for media_type, form in shown.data.items():
            if media_type in PICTURE_TYPES or media_type in OTHER_PICTURES:
                if not has_picture:
                    has_picture = True
                    self.add_picture(shown, data, media_type, form, budget.room(waiting), budget)
            elif media_type == "application/javascript" and isinstance(form, str):
                self.add_text(shown, data, "text/plain", form)
            elif media_type in TEXT_TYPES:
                self.add_text(shown, data, media_type, form)
            elif media_type not in NOTHING:
                self.save(shown, form, media_type, media_type)
        if not data:
            data["text/plain"] = ""
        display = {"data": data}
        if shown.path is not None:
            display["path"] = shown.path
        if shown.notes:
            display["note"] = "; ".join(shown.notes)[:NOTE_CHARACTERS]
        return display

    def add_picture(self, shown, data, media_type, form, available, budget):
        picture = form
        if not isinstance(form, Picture):
            try:
                picture = picture_of(self.bytes_of(form), media_type)
            except Exception:
                # Neither bytes nor base64.
                picture = Picture(b"", media_type, None)
        limit = available or PICTURE_CHARACTERS
        if not fits_in(picture, limit) or picture.media_type not in PICTURE_TYPES:
            smaller = self.try_smaller(picture, limit)
            if smaller is None:
                if picture.size is None:
                    content = form.data if isinstance(form, Picture) else form
                    self.save_picture(shown, content, media_type, "its %s cannot be read" % media_type)
                else:
                    why = "its %s does not fit in an answer" % picture.media_type
                    self.save_picture(shown, picture.data, picture.media_type, why)
                return
            if picture.media_type == "image/gif":
                shown.notes.append("the first picture of a GIF")
            picture = smaller
        if available == 0:
            why = "a run shows at most %d pictures" % PICTURES
            if budget.run is None:
                why = "a picture is shown only while a run is on, by its own process"
            elif budget.pictures < PICTURES:
                why = "a run shows at most %d characters of base64" % PICTURE_CHARACTERS
            self.save_picture(shown, picture.data, picture.media_type, why)
            return
        budget.take(base64_length(picture.data))
        if picture.full_size != picture.size:
            shown.notes.append("made smaller: %d × %d pixels of %d × %d" % (*picture.size, *picture.full_size))
        data[picture.media_type] = self.runner.to_base64(picture.data, newline=False).decode()

    def try_smaller(self, picture, limit):
        try:
            return make_smaller(picture, limit)
        except Exception:
            # Not a picture that PIL reads.
            return None

    def save_picture(self, shown, content, media_type, why):
        stem = "picture" if shown.stem == "display" else shown.stem
        self.save(shown, content, media_type, why, stem)

    def bytes_of(self, form):
        """Of a picture, which may be base64 already."""
        return self.runner.from_base64(form) if isinstance(form, str) else bytes(form)

    def add_text(self, shown, data, media_type, form):
        text = form if isinstance(form, str) and media_type != "application/json" else self.json_of(form)
        # What has no other form is output, of any length.
        if fits_as_text(text) or len(shown.data) == 1 and media_type == "text/plain":
            data[media_type] = text
        elif not (media_type == "text/plain" and data):
            self.save(shown, text, media_type, "%d characters of %s" % (len(text), media_type))

    def json_of(self, form):
        if isinstance(form, (bytes, bytearray)):
            return form.decode("utf-8", "replace")
        try:
            return "".join(self.runner.json.parts(self.runner.json.encoder, form))
        except Exception:
            return text_of(form)

    def save(self, shown, content, media_type, what, stem=None):
        """`what` it is, or why it is not shown, in a few words."""
        if not isinstance(content, (bytes, bytearray, str)):
            content = self.json_of(content)
        path, problem = self.saving.save(content, stem or shown.stem, media_type)
        if path is None:
            shown.notes.append("%s; it could not be saved: %s" % (what, problem))
        elif shown.path is None:
            shown.notes.append(what)
            shown.path = path
        else:
            # The host is told of one path beside the note.
            shown.notes.append("%s, saved as %s" % (what, path))
