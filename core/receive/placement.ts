import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, openFd, readFully, setTimesFd, statFd, syncFd } from '../wire/fd.ts'
import { errorCode } from '../words/problem.ts'
import type { Directories, Round } from './directories.ts'
import { FileRefused } from './file-refused.ts'

/** A file that is written and synced under a temporary name. */
export interface Written {
  temporary: string
  /** Below the store's root: sender, source, and the path's parts. */
  components: readonly string[]
  size: number
  /** Seconds since 1970. */
  mtime: number
  digest: Uint8Array
}

const READ_BYTES = 1024 * 1024

async function statOrNull(file: string) {
  try {
    return await lstat(file)
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return null
    throw thrown
  }
}

/** Whether the file holds exactly this content; if so its data are synced, and its time is set. */
async function holds(file: string, written: Written): Promise<boolean> {
  const fd = await openFd(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = await statFd(fd)
    if (!stats.isFile() || stats.size !== BigInt(written.size)) return false
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, written.size + 1))
    for (let position = 0; position < written.size; ) {
      const bytes = await readFully(fd, buffer, position)
      if (bytes === 0) return false
      hash.update(buffer.subarray(0, bytes))
      position += bytes
    }
    if (!hash.digest().equals(written.digest)) return false
    await setTimesFd(fd, written.mtime, written.mtime)
    await syncFd(fd)
    return true
  } finally {
    await closeFd(fd)
  }
}

/** "20261120T065300.123Z": sorts by time and is a name everywhere. */
export function versionName(now: Date): string {
  return now.toISOString().replace(/[-:]/g, '')
}

export interface Placement {
  /** Puts the file in its place; true if this very content was there already. */
  place(written: Written, round: Round): Promise<boolean>
}

/**
 * Placing never loses what was there: other content under the same name is kept as a version first. Two
 * files for one place go one after the other.
 */
export function openPlacement(directories: Directories, versions: readonly string[]): Placement {
  const busy = new Map<string, Promise<unknown>>()

  const versionPath = async (components: readonly string[], round: Round, attempt: number) => {
    const directory = await directories.ensure([...versions, ...components], round, displace)
    round.toSync.add(directory)
    return path.join(directory, versionName(new Date()) + (attempt === 0 ? '' : `-${attempt}`))
  }

  /** Runs `keep` with a version's path that is free. */
  const toVersion = async (
    components: readonly string[],
    round: Round,
    keep: (version: string) => Promise<void>,
  ) => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await keep(await versionPath(components, round, attempt))
        return
      } catch (thrown) {
        if (errorCode(thrown) !== 'EEXIST' || attempt >= 100) throw thrown
      }
    }
  }

  /** Moves what is in the way (a directory where a file has to be, or the reverse) to the versions. */
  const moveAway = (target: string, components: readonly string[], round: Round) =>
    toVersion(components, round, async (version) => {
      if ((await statOrNull(version)) !== null) throw Object.assign(new Error('taken'), { code: 'EEXIST' })
      round.toSync.add(path.dirname(target))
      await rename(target, version)
    })

  /** Below the versions nothing is ever in the way but a version itself. */
  const displace = async () => {
    throw new FileRefused('failed', 'EEXIST')
  }

  /** A hard link keeps the old content while the new one replaces it atomically. */
  const keepVersion = (target: string, components: readonly string[], round: Round) =>
    toVersion(components, round, async (version) => {
      try {
        await link(target, version)
      } catch (thrown) {
        // File systems without hard links (FAT): the name is missing for a moment instead.
        if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(errorCode(thrown) ?? '')) throw thrown
        if ((await statOrNull(version)) !== null) throw Object.assign(new Error('taken'), { code: 'EEXIST' })
        await rename(target, version)
      }
    })

  const placeNow = async (written: Written, round: Round): Promise<boolean> => {
    const { components, temporary } = written
    const directory = await directories.ensure(components.slice(0, -1), round, (way, parts) =>
      moveAway(way, parts, round),
    )
    const target = path.join(directory, components.at(-1) ?? '')
    round.toSync.add(directory)
    const stats = await statOrNull(target)
    if (stats?.isSymbolicLink()) throw new FileRefused('name', 'symlink')
    if (stats?.isFile()) {
      if (stats.size === written.size && (await holds(target, written).catch(() => false))) {
        await unlink(temporary)
        return true
      }
      await keepVersion(target, components, round)
    } else if (stats !== null) await moveAway(target, components, round)
    await rename(temporary, target)
    return false
  }

  return {
    async place(written, round) {
      const key = written.components.join('/')
      const before = busy.get(key)
      const placing = (before ?? Promise.resolve()).then(() => placeNow(written, round))
      const settled = placing.catch(() => undefined)
      busy.set(key, settled)
      try {
        return await placing
      } finally {
        if (busy.get(key) === settled) busy.delete(key)
      }
    },
  }
}
