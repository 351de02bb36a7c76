import type { ProbeKind } from '../../../core/check/checker-messages.ts'
import type { CheckProgress, Failure, Findings, PathMemory } from '../../../core/check/probes/findings.ts'
import type { Disk } from '../../../core/check/probes/probe-runner.ts'

/** A check that is out on the fake disk, until the test ends it. */
export interface OutCheck {
  path: string
  atMs: number
  progress: CheckProgress
  /** It writes nothing, as another path of its file system is written to. */
  sharesWrite: boolean
  well(memory?: Partial<PathMemory>): void
  fail(probe: ProbeKind, failure: Failure): void
}

export interface FakeDisk extends Disk {
  /** Every check that was begun, oldest first. */
  begun: OutCheck[]
  /** Checks of these paths do not come back by themselves. */
  slow: Set<string>
  /** Write probes of these paths do not come back by themselves. */
  slowWrites: Set<string>
  /** How long a write probe takes, in milliseconds; 0 by default. */
  writeMs: number
  /** How write probes of these paths fail. */
  failedWrites: Map<string, Failure>
  /** Which file system a path is on; the path itself by default. */
  fileSystems: Map<string, string>
  /** How it is mounted; all are mounted alike by default. */
  mounts: Map<string, string>
}

/** Answers "well" at once, except for paths that are slow. */
export function createFakeDisk(now: () => number): FakeDisk {
  const begun: OutCheck[] = []
  const slow = new Set<string>()
  const slowWrites = new Set<string>()
  const failedWrites = new Map<string, Failure>()
  const fileSystems = new Map<string, string>()
  const mounts = new Map<string, string>()
  const disk: FakeDisk = {
    begun,
    slow,
    slowWrites,
    writeMs: 0,
    failedWrites,
    fileSystems,
    mounts,
    getFileSystem: (path) => fileSystems.get(path) ?? path,
    mountedAs: (path) => mounts.get(path) ?? '',
    sharesWrites: () => true,
    check: ({ path, probes: wanted, sharesWrite = false }, memory, progress) =>
      new Promise<Findings>((resolve) => {
        const out: OutCheck = {
          path,
          atMs: now(),
          progress,
          sharesWrite,
          well: (changed = {}) => {
            const probes = Object.fromEntries(wanted.map((probe) => [probe, { failures: [], elapsedMs: 1 }]))
            resolve({ probes, delayMs: 1, memory: { ...memory, ...changed } })
          },
          fail: (probe, failure) =>
            resolve({ probes: { [probe]: { failures: [failure], elapsedMs: 1 } }, delayMs: null, memory }),
        }
        begun.push(out)
        const isWriting = wanted.includes('write') && !sharesWrite
        const failure = isWriting ? failedWrites.get(path) : undefined
        if (failure !== undefined) out.fail('write', failure)
        else if (isWriting && disk.writeMs > 0) setTimeout(out.well, disk.writeMs)
        else if (!slow.has(path) && !(isWriting && slowWrites.has(path))) out.well()
      }),
  }
  return disk
}
