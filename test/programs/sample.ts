/** A real PNG, of 3 × 2 pixels, as base64. */
export const samplePng =
  "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAHElEQVR42mNgYDhhw3CiguEEA0PUCZuoExVRJwA8MgcnnxsoWAAAAABJRU5ErkJggg==";
