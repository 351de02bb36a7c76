import type { ProbeKind } from '../../../core/check/checker-messages.ts'
import type { CheckProgress, Failure, Findings, PathMemory } from '../../../core/check/probes/findings.ts'
import type { Disk } from '../../../core/check/probes/probe-runner.ts'

/** A check that is out on the fake disk, until the test ends it. */
export interface OutCheck {
  path: string
  atMs: number
  progress: CheckProgress
  well(memory?: Partial<PathMemory>): void
  fail(probe: ProbeKind, failure: Failure): void
}

export interface FakeDisk extends Disk {
  /** Every check that was begun, oldest first. */
  begun: OutCheck[]
  /** Checks of these paths do not come back by themselves. */
  slow: Set<string>
  /** Which file system a path is on; the path itself by default. */
  fileSystems: Map<string, string>
  /** How it is mounted; all are mounted alike by default. */
  mounts: Map<string, string>
}

/** Answers "well" at once, except for paths that are slow. */
export function createFakeDisk(now: () => number): FakeDisk {
  const begun: OutCheck[] = []
  const slow = new Set<string>()
  const fileSystems = new Map<string, string>()
  const mounts = new Map<string, string>()
  return {
    begun,
    slow,
    fileSystems,
    mounts,
    getFileSystem: (path) => fileSystems.get(path) ?? path,
    mountedAs: (path) => mounts.get(path) ?? '',
    check: ({ path, probes: wanted }, memory, progress) =>
      new Promise<Findings>((resolve) => {
        const out: OutCheck = {
          path,
          atMs: now(),
          progress,
          well: (changed = {}) => {
            const probes = Object.fromEntries(wanted.map((probe) => [probe, { failures: [], elapsedMs: 1 }]))
            resolve({ probes, delayMs: 1, memory: { ...memory, ...changed } })
          },
          fail: (probe, failure) =>
            resolve({ probes: { [probe]: { failures: [failure], elapsedMs: 1 } }, delayMs: null, memory }),
        }
        begun.push(out)
        if (!slow.has(path)) out.well()
      }),
  }
}
