# What one run may show, and what it has shown.

# Pictures in an answer, and characters of base64 for all of them.
PICTURES = 8
PICTURE_CHARACTERS = 700_000
# Of a picture that is shown; models' makers scale down what has more. Pixels.
MAX_SIDE = 1568
# A picture is not made smaller than this to fit: it goes to a file. Pixels of its longer side.
MIN_SIDE = 400
# Of a text that is shown; a longer one goes to a file. Bytes.
TEXT_BYTES = 32 * 1024
# Displays of a run; the last tells how many more there were.
DISPLAYS_A_RUN = 100
# A line to the host. Bytes.
LINE_BYTES = 1 << 20


class Budget:
    def __init__(self, run):
        # None: of what is shown between runs.
        self.run = run
        self.number = 0
        self.pictures = 0
        self.characters = 0
        self.left_out = 0

    def room(self, waiting=1):
        """The characters of base64 that the next of so many pictures may have; 0 where there is no place for one."""
        places = PICTURES - self.pictures
        if self.run is None or places <= 0:
            return 0
        return (PICTURE_CHARACTERS - self.characters) // max(1, min(waiting, places))

    def take(self, characters):
        self.pictures += 1
        self.characters += characters
