import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { lstat, opendir, unlink } from './calls.ts'

/** Files of this prefix are Holdfast's own: the scanner never ships them. */
export const PROBE_FILE_PREFIX = '.holdfast-probe-'

const PATTERN = /^\.holdfast-probe-([0-9a-f]{8})-(\d{1,10})-([0-9a-f]{8})-\d+$/

/**
 * Names the processes among which a process id is unique: this computer, in this process namespace. Two
 * computers may watch one network file system, and two containers one disk.
 */
function processSpace(): string {
  const facts = [
    () => hostname(),
    () => readFileSync('/etc/machine-id', 'utf8'),
    () => readlinkSync('/proc/self/ns/pid'),
  ]
  const known = facts.map((fact) => {
    try {
      return fact()
    } catch {
      return ''
    }
  })
  return createHash('sha256').update(known.join('\n')).digest('hex').slice(0, 8)
}

const SPACE = processSpace()
const RUN = randomBytes(4).toString('hex')
let made = 0
/** Names of this run's files that a probe is working with. */
const inUse = new Set<string>()

/** A name that no other probe, process or computer uses; it is to be returned when the probe is over. */
export function takeProbeName(): string {
  made += 1
  const name = `${PROBE_FILE_PREFIX}${SPACE}-${process.pid}-${RUN}-${made}`
  inUse.add(name)
  return name
}

export function returnProbeName(name: string): void {
  inUse.delete(name)
}

/** How long the probe file of somebody whose life cannot be seen from here is left alone, in milliseconds. */
const STRANGERS_KEEP_MS = 60 * 60 * 1000

/**
 * Whether a file is a probe file that nobody will remove any more: its process is gone; or it is this run's own,
 * back from the dead after a file system lost its last moments; or it belongs to another computer and is an hour
 * old.
 */
export function isLeftOver(name: string, ageMs: number): boolean {
  const [, space, pid, run] = PATTERN.exec(name) ?? []
  if (space === undefined || pid === undefined) return false
  if (run === RUN) return !inUse.has(name)
  if (space !== SPACE) return ageMs > STRANGERS_KEEP_MS
  // The same process id in another run: this process got the number of one that is gone.
  if (Number(pid) === process.pid) return true
  return !isAlive(Number(pid)) || ageMs > STRANGERS_KEEP_MS
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    // EPERM: alive, but somebody else's.
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')
  }
}

/** Entries of a directory that are looked at; a probe file that is missed is found another time. */
const MOST_ENTRIES = 50_000

/**
 * Removes the probe files that killed runs left in a directory. Returns how many it removed; trouble is not its
 * business, the probes name it.
 */
export async function removeLeftOvers(directory: string): Promise<number> {
  let removed = 0
  try {
    const entries = await opendir(directory, { bufferSize: 512 })
    try {
      for (let looked = 0; looked < MOST_ENTRIES; looked += 1) {
        const entry = await entries.read()
        if (entry === null) break
        if (!entry.name.startsWith(PROBE_FILE_PREFIX) || !entry.isFile()) continue
        const file = path.join(directory, entry.name)
        const { mtimeMs } = await lstat(file)
        if (!isLeftOver(entry.name, Date.now() - mtimeMs)) continue
        await unlink(file)
        removed += 1
      }
    } finally {
      await entries.close().catch(() => undefined)
    }
  } catch {
    return removed
  }
  return removed
}
