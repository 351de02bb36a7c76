import type { ProbeKind } from './messages.ts'

/** What the choice of a look depends on. Times are monotonic milliseconds. */
export interface LookedAt {
  readonly target: { readonly probes: readonly ProbeKind[] }
  /** When its last check was begun, and its last look. */
  begunMs: number
  lookedAtMs: number
  /** Its check that is out; null: none. */
  check: object | null
}

/**
 * Between the ticks: of each file system the path that was looked at longest ago. A path that is written to says
 * more than one that is not, as writing may hang alone. A file system of which such a path has been checked since
 * `recentMs` needs no look.
 */
export function chooseLooks<W extends LookedAt>(
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
      others.reduce((best, one) => (one.lookedAtMs < best.lookedAtMs ? one : best), first),
    )
  }
  return chosen
}
