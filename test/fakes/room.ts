// The room that a pool shares with sessions, as far as a pool sees it: places, memory, and sessions that take precedence.

export class Room {
  readonly maxPlaces: number;
  readonly maxMemoryMib: number;
  /** All that is taken now, sessions' and pool's. */
  readonly taken = new Set<RoomPlace>();
  /** The most that was ever taken. */
  peakPlaces = 0;
  peakMemoryMib = 0;

  constructor(maxPlaces: number, maxMemoryMib = Number.POSITIVE_INFINITY) {
    this.maxPlaces = maxPlaces;
    this.maxMemoryMib = maxMemoryMib;
  }

  reserveAhead(memoryMib: number, giveUp: () => void): RoomPlace | undefined {
    return this.#take(memoryMib, giveUp);
  }

  /** For a session: undefined if there is no room now, and then members of the pool are told to go. */
  reserveForSession(memoryMib: number): RoomPlace | undefined {
    const place = this.#take(memoryMib, undefined);
    if (place !== undefined) return place;
    const [first] = [...this.taken].filter(({ giveUp }) => giveUp !== undefined);
    const giveUp = first?.giveUp;
    if (first !== undefined) first.giveUp = undefined;
    giveUp?.();
    return undefined;
  }

  get memoryMib(): number {
    return [...this.taken].reduce((sum, { memoryMib }) => sum + memoryMib, 0);
  }

  #take(memoryMib: number, giveUp: (() => void) | undefined): RoomPlace | undefined {
    if (this.taken.size >= this.maxPlaces || this.memoryMib + memoryMib > this.maxMemoryMib) return undefined;
    const place = new RoomPlace(this, memoryMib, giveUp);
    this.taken.add(place);
    this.peakPlaces = Math.max(this.peakPlaces, this.taken.size);
    this.peakMemoryMib = Math.max(this.peakMemoryMib, this.memoryMib);
    return place;
  }
}

export class RoomPlace {
  readonly memoryMib: number;
  giveUp: (() => void) | undefined;
  readonly #room: Room;

  constructor(room: Room, memoryMib: number, giveUp: (() => void) | undefined) {
    this.#room = room;
    this.memoryMib = memoryMib;
    this.giveUp = giveUp;
  }

  /** A session has it from now on. */
  occupy(): void {
    this.giveUp = undefined;
  }

  leave(): void {
    // Nobody here counts on it before it is free.
  }

  free(): void {
    this.#room.taken.delete(this);
  }
}
