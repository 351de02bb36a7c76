import type { Disk } from '../probes/disk.ts'
import type { Findings, PathMemory, Progress } from '../probes/findings.ts'
import type { ProberPool } from './prober-pool.ts'

/** Checks that may be out in this process at once; its libuv pool has some threads more. */
export const OWN_ROOM = 900
/** Where no check has come back for this long, in milliseconds, all that are out hang. */
const PATIENCE_MS = 500

/** Runs a check that has waited, in this process or in a further one. */
type Waiting = (where: 'own' | 'further') => void

/**
 * A disk with room for any number of checks that hang: as many as this process has threads are done here, the
 * others in further processes, which the pool starts.
 */
export function createRoomyDisk(
  own: Disk,
  pool: Pick<ProberPool, 'run'>,
  room: number = OWN_ROOM,
): Disk & { close(): void } {
  const waiting: Waiting[] = []
  let out = 0
  let lastBackMs = performance.now()
  let timer: NodeJS.Timeout | null = null

  const drain = () => {
    while (out < room) {
      const next = waiting.shift()
      if (next === undefined) return
      next('own')
    }
    const isStuck = performance.now() - lastBackMs >= PATIENCE_MS
    if (isStuck) for (const next of waiting.splice(0)) next('further')
    if (waiting.length > 0) {
      timer ??= setTimeout(() => {
        timer = null
        drain()
      }, PATIENCE_MS / 4)
    }
  }

  const checkHere: Disk['check'] = async (path, wanted, memory, progress) => {
    out += 1
    try {
      return await own.check(path, wanted, memory, progress)
    } finally {
      out -= 1
      lastBackMs = performance.now()
      drain()
    }
  }

  const check: Disk['check'] = (path, wanted, memory, progress) => {
    if (out < room && waiting.length === 0) return checkHere(path, wanted, memory, progress)
    progress.begunMs = null
    return new Promise((resolve) => {
      const run: Waiting = (where) => {
        if (where === 'further') return resolve(checkElsewhere(pool, path, wanted, memory, progress))
        progress.begunMs = performance.now()
        resolve(checkHere(path, wanted, memory, progress))
      }
      waiting.push(run)
      drain()
    })
  }

  return {
    fileSystemOf: own.fileSystemOf,
    mountedAs: own.mountedAs,
    isReadEnough: own.isReadEnough,
    isMountedAsBefore: own.isMountedAsBefore,
    kindAt: own.kindAt,
    check,
    close: () => {
      if (timer !== null) clearTimeout(timer)
      waiting.length = 0
    },
  }
}

function checkElsewhere(
  pool: Pick<ProberPool, 'run'>,
  path: string,
  wanted: Parameters<Disk['check']>[1],
  memory: PathMemory,
  progress: Progress,
): Promise<Findings> {
  return new Promise((resolve) => {
    const bytes = Buffer.from(path).toString('latin1')
    pool.run({ does: 'check', path: bytes, probes: [...wanted], memory }, (answer) => {
      if (answer.did === 'progress') {
        const { probe, step, done, delayMs, kind } = answer.progress
        const begunMs = progress.begunMs ?? performance.now()
        Object.assign(progress, { probe, step, delayMs, kind, begunMs })
        Object.assign(progress.done, done)
        if (answer.hasLeft) progress.leaveFileSystem()
      }
      if (answer.did === 'check')
        resolve({ ...answer.findings, memory: inOwnTime(answer.findings.memory, memory) })
    })
  })
}

/** Another process has another clock, and another count of the mount table's changes. */
function inOwnTime(found: PathMemory, before: PathMemory): PathMemory {
  const wasTidied = found.tidiedMs !== null && found.tidiedMs !== before.tidiedMs
  const tidiedMs = wasTidied ? performance.now() : found.tidiedMs
  return { ...found, tidiedMs, readSuffices: null }
}
