import { callAt, SUSPICION_MS } from './timetable.ts'
import type { Watch } from './watched-path.ts'

/**
 * Chooses, for each file system, the path whose spot check was longest ago. Paths with a write probe take precedence,
 * since writing may hang alone. Skips a file system if such a path has been checked since `recentMs`.
 */
function choosePaths(
  watches: Iterable<Watch>,
  getFileSystem: (watch: Watch) => string,
  recentMs: number,
): [fileSystem: string, chosen: Watch][] {
  return [...Map.groupBy(watches, getFileSystem)].flatMap(([fileSystem, group]) => {
    const writing = group.filter(({ target }) => target.probes.includes('write'))
    const eligible = writing.length > 0 ? writing : group
    if (eligible.some(({ begunMs }) => begunMs > recentMs)) return []
    // A path with a running check is watched already; a hang there need not be the file system's.
    const free = eligible.filter(({ check }) => check === null)
    const [first] = free.sort((a, b) => a.spotCheckedMs - b.spotCheckedMs)
    return first === undefined ? [] : [[fileSystem, first]]
  })
}

/**
 * Checks one path of each file system between the ticks, a different one each time. If that takes long, all paths of
 * the file system are checked at once, so that a hang is soon known for all of them.
 */
export function createSpotChecks(
  watches: ReadonlyMap<string, Watch>,
  getFileSystem: (watch: Watch) => string,
  begin: (watch: Watch) => void,
) {
  let everyMs: number | null = null
  let cancel = () => {}

  const suspect = (fileSystem: string) => {
    for (const watch of watches.values()) if (getFileSystem(watch) === fileSystem) begin(watch)
  }
  const check = (ms: number) => {
    const now = performance.now()
    cancel = callAt(now + ms, () => check(ms))
    for (const [fileSystem, watch] of choosePaths(watches.values(), getFileSystem, now - ms / 10)) {
      watch.spotCheckedMs = now
      begin(watch)
      const { check } = watch
      if (check !== null) check.cancelSuspicion = callAt(now + SUSPICION_MS, () => suspect(fileSystem))
    }
  }
  return {
    /** Sets the interval in milliseconds; null: no spot checks. */
    every: (ms: number | null) => {
      if (ms === everyMs) return
      cancel()
      everyMs = ms
      if (ms !== null) cancel = callAt(performance.now() + ms, () => check(ms))
    },
    stop: () => cancel(),
  }
}
