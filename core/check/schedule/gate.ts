/** Checks of one file system that may be out at once, and so the threads that a dead disk can cost. */
const CHECKS_PER_FILE_SYSTEM = 4

/** One check's place on its file system. */
export interface Pass {
  /** false while it still waits for its turn. */
  entered(): boolean
  /** The check is over, given up before its turn, or left to itself. May be repeated. */
  leave(): void
  /** The check has outlived its deadline: its file system is taken to be blocked until it comes back. */
  stuck(): void
  /** Of its file system: Gate.stuckSince. */
  stuckSince(): number | null
}

/** Of a check that does not wait yet. */
export const noPass: Pass = {
  entered: () => false,
  leave: () => undefined,
  stuck: () => undefined,
  stuckSince: () => null,
}

export interface Gate {
  /** Calls `run` at once or, when as many are out already, once one of them has left. */
  pass(fileSystem: string, run: () => void): Pass
  /** When the oldest stuck check of this file system was begun; null if none is stuck. */
  stuckSince(fileSystem: string): number | null
  isFull(fileSystem: string): boolean
}

interface Place {
  run: () => void
  state: 'waiting' | 'out' | 'left'
  since: number
  isStuck: boolean
}

/** Lets at most a few checks at a time onto one file system. `now` is the monotonic clock in milliseconds. */
export function createGate(now: () => number, limit: number = CHECKS_PER_FILE_SYSTEM): Gate {
  const fileSystems = new Map<string, { out: Set<Place>; waiting: Set<Place> }>()

  const enter = (out: Set<Place>, place: Place) => {
    out.add(place)
    place.state = 'out'
    place.since = now()
    place.run()
  }

  const leave = (name: string, place: Place) => {
    const places = fileSystems.get(name)
    if (place.state === 'left' || places === undefined) return
    place.state = 'left'
    places.out.delete(place)
    places.waiting.delete(place)
    for (const next of places.waiting) {
      if (places.out.size >= limit) break
      places.waiting.delete(next)
      enter(places.out, next)
    }
    if (places.out.size === 0 && places.waiting.size === 0) fileSystems.delete(name)
  }

  const stuckSince = (name: string) => {
    const stuck = [...(fileSystems.get(name)?.out ?? [])].filter((place) => place.isStuck)
    return stuck.length === 0 ? null : Math.min(...stuck.map((place) => place.since))
  }

  return {
    pass: (name, run) => {
      const { out, waiting } = fileSystems.get(name) ?? { out: new Set(), waiting: new Set() }
      fileSystems.set(name, { out, waiting })
      const place: Place = { run, state: 'waiting', since: 0, isStuck: false }
      if (out.size < limit) enter(out, place)
      else waiting.add(place)
      return {
        entered: () => place.state !== 'waiting',
        leave: () => leave(name, place),
        stuck: () => {
          place.isStuck = true
        },
        stuckSince: () => stuckSince(name),
      }
    },
    stuckSince,
    isFull: (name) => (fileSystems.get(name)?.out.size ?? 0) >= limit,
  }
}
