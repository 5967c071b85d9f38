// What one run may show, and what it has shown.

// Pictures in an answer, and characters of base64 for all of them.
const PICTURES = 8;
const PICTURE_CHARACTERS = 700_000;
// Of a picture that is shown; models' makers scale down what has more. Pixels.
const MAX_SIDE = 1568;
// Of a text that is shown; a longer one goes to a file. Bytes.
const TEXT_BYTES = 32 * 1024;
// Displays of a run; the last tells how many more there were.
const DISPLAYS_A_RUN = 100;
// A line to the host, characters: in bytes it may be three times as long, within what the host takes for one.
const LINE_CHARACTERS = 1 << 20;

/** The characters of base64 that the next picture of the run may have; 0 where there is no place for one. */
function roomOf(run) {
  if (run === null || run.pictures >= PICTURES) return 0;
  return PICTURE_CHARACTERS - run.pictureCharacters;
}

/** Why a picture has no room. */
function whyNoRoom(run) {
  if (run === null) return "a picture is shown only while a run is on";
  if (run.pictures >= PICTURES) return `a run shows at most ${PICTURES} pictures`;
  return `a run shows at most ${PICTURE_CHARACTERS} characters of base64`;
}

module.exports = { DISPLAYS_A_RUN, LINE_CHARACTERS, MAX_SIDE, PICTURE_CHARACTERS, TEXT_BYTES, roomOf, whyNoRoom };
