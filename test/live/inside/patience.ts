// How long tests of real microVMs wait, and what they bear with, because all of it is emulated.

/** Of one test. It only ends what would never end: an emulated machine boots a microVM in three to twenty seconds, a busy one in many more. */
export const patienceMs = 900_000;

/** How our messages tell that the runtime has given a boot up: now and then an emulated guest never answers, and is given up after three minutes. */
export const gaveUp = "the microVM runtime could not do it";
