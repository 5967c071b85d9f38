// The run that is on, and what the parts of the runner have to know of each other.

const state = {
  /** The run that is on, or null. */
  current: null,
  /** What to do once the runtime has cleaned up after code that was terminated. */
  afterCleaning: null,
  /** Descriptor 0 of the run that is on: its pipe, if that is one, and the stream that the user reads it by, once there is one. */
  stdin: null,
  /** The control thread. */
  control: null,
  /** The resources that are there all the time and keep no event loop alive, by type. */
  ownResources: new Map(),
};

module.exports = { state };
