// How long tests of real microVMs wait, and what they bear with, because all of it is emulated.

/** Of one test. It only ends what would never end: an emulated machine boots a microVM in three to twenty seconds, a busy one in many more. */
export const patienceMs = 900_000;

/** How our messages tell that the runtime has given a boot up. */
export const gaveUp = "the microVM runtime could not do it";

const boots = 3;

/** Boots again where the runtime has given a boot up, as it does after three minutes: now and then an emulated guest never answers. */
export async function bootPatiently<T>(boot: () => Promise<T>, isGivenUp: (error: Error) => boolean): Promise<T> {
  for (let left = boots - 1; ; left--) {
    try {
      return await boot();
    } catch (error) {
      if (left === 0 || !(error instanceof Error && isGivenUp(error))) throw error;
    }
  }
}
