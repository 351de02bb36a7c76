import type { Clock } from '../clock.ts'
import type { ProbeKind } from '../messages.ts'
import { SUSPICION_MS } from './timetable.ts'

/** What the choice of a path depends on. Times are monotonic milliseconds. */
export interface SpotChecked {
  readonly target: { readonly probes: readonly ProbeKind[] }
  /** When its last check was begun, and its last spot check. */
  begunMs: number
  spotCheckedMs: number
  /** Its check that is out; null: none. The suspicion is cancelled when it comes back. */
  check: { cancelSuspicion: () => void } | null
}

/**
 * Of each file system the path whose spot check was longest ago. A path that is written to says
 * more than one that is not, as writing may hang alone. A file system of which such a path has been checked since
 * `recentMs` needs none.
 */
export function choosePaths<W extends SpotChecked>(
  watches: Iterable<W>,
  fileSystemOf: (watch: W) => string,
  recentMs: number,
): Map<string, W> {
  const groups = new Map<string, W[]>()
  for (const watch of watches) {
    const fileSystem = fileSystemOf(watch)
    const group = groups.get(fileSystem)
    if (group === undefined) groups.set(fileSystem, [watch])
    else group.push(watch)
  }
  const chosen = new Map<string, W>()
  for (const [fileSystem, group] of groups) {
    const writing = group.filter(({ target }) => target.probes.includes('write'))
    const eligible = writing.length > 0 ? writing : group
    if (eligible.some(({ begunMs }) => begunMs > recentMs)) continue
    // What is out already is watched: its hang, should it be one, need not be its file system's.
    const [first, ...others] = eligible.filter(({ check }) => check === null)
    if (first === undefined) continue
    chosen.set(
      fileSystem,
      others.reduce((best, one) => (one.spotCheckedMs < best.spotCheckedMs ? one : best), first),
    )
  }
  return chosen
}

/**
 * Checks one path of each file system between the ticks, another one each time. If that takes long, all paths
 * of the file system are checked at once, so that a hang is known of all of them soon.
 */
export function createSpotChecks<W extends SpotChecked>(
  clock: Clock,
  watches: ReadonlyMap<string, W>,
  fileSystemOf: (watch: W) => string,
  begin: (watch: W) => void,
) {
  let everyMs: number | null = null
  let cancel = () => {}

  const suspect = (fileSystem: string) => {
    for (const watch of watches.values()) if (fileSystemOf(watch) === fileSystem) begin(watch)
  }
  const check = (ms: number) => {
    const now = clock.now()
    cancel = clock.at(now + ms, () => check(ms))
    for (const [fileSystem, watch] of choosePaths(watches.values(), fileSystemOf, now - ms / 10)) {
      watch.spotCheckedMs = now
      begin(watch)
      const { check } = watch
      if (check !== null) check.cancelSuspicion = clock.at(now + SUSPICION_MS, () => suspect(fileSystem))
    }
  }
  return {
    /** Begins to check this often, in milliseconds; null: not any more. */
    every: (ms: number | null) => {
      if (ms === everyMs) return
      cancel()
      everyMs = ms
      if (ms !== null) cancel = clock.at(clock.now() + ms, () => check(ms))
    },
    stop: () => cancel(),
  }
}
