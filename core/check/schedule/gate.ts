/** Probes of one file system that may be out at once, and so the threads that a dead disk can cost. */
const PROBES_PER_FILE_SYSTEM = 4

/** One probe's place in the gate. */
export interface Pass {
  /** false while it still waits for its turn. */
  entered(): boolean
  /** The probe is over, given up before its turn, or no longer on the file system. May be repeated. */
  leave(): void
  /** The probe has outlived its deadline: its file system is taken to be blocked until it comes back. */
  stuck(): void
}

export interface Gate {
  /** Calls `run` at once or, when as many are out already, once one of them has left. */
  pass(fileSystem: string, run: () => void): Pass
  /** A probe that was begun at that time, outside the gate, turns out to take long: it takes a place as well. */
  occupy(fileSystem: string, sinceMs: number): Pass
  /** When the oldest stuck probe of this file system was started; null if none is stuck. */
  stuckSince(fileSystem: string): number | null
  isFull(fileSystem: string): boolean
}

interface Place {
  run: () => void
  state: 'waiting' | 'out' | 'left'
  since: number
  isStuck: boolean
}

/** Lets at most a few probes at a time onto one file system. `now` is the monotonic clock in milliseconds. */
export function createGate(now: () => number, limit: number = PROBES_PER_FILE_SYSTEM): Gate {
  const fileSystems = new Map<string, { out: Set<Place>; waiting: Set<Place> }>()

  const enter = (out: Set<Place>, place: Place) => {
    out.add(place)
    place.state = 'out'
    place.since = now()
    place.run()
  }

  const leave = (name: string, place: Place) => {
    const lanes = fileSystems.get(name)
    if (place.state === 'left' || lanes === undefined) return
    place.state = 'left'
    lanes.out.delete(place)
    lanes.waiting.delete(place)
    for (const next of lanes.waiting) {
      if (lanes.out.size >= limit) break
      lanes.waiting.delete(next)
      enter(lanes.out, next)
    }
    if (lanes.out.size === 0 && lanes.waiting.size === 0) fileSystems.delete(name)
  }

  const lanesOf = (name: string) => {
    const lanes = fileSystems.get(name) ?? { out: new Set(), waiting: new Set() }
    fileSystems.set(name, lanes)
    return lanes
  }
  const passOf = (name: string, place: Place): Pass => ({
    entered: () => place.state !== 'waiting',
    leave: () => leave(name, place),
    stuck: () => {
      place.isStuck = true
    },
  })

  return {
    pass: (name, run) => {
      const { out, waiting } = lanesOf(name)
      const place: Place = { run, state: 'waiting', since: 0, isStuck: false }
      if (out.size < limit) enter(out, place)
      else waiting.add(place)
      return passOf(name, place)
    },
    occupy: (name, since) => {
      const place: Place = { run: () => undefined, state: 'out', since, isStuck: false }
      lanesOf(name).out.add(place)
      return passOf(name, place)
    },
    stuckSince: (name) => {
      const stuck = [...(fileSystems.get(name)?.out ?? [])].filter((place) => place.isStuck)
      return stuck.length === 0 ? null : Math.min(...stuck.map((place) => place.since))
    },
    isFull: (name) => (fileSystems.get(name)?.out.size ?? 0) >= limit,
  }
}
