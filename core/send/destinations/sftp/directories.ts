import { Rerun } from '../../../pacing/rerun.ts'
import { isFault } from '../objects/faults.ts'
import { StoreFault } from '../objects/object-store.ts'
import type { Channel } from './channel.ts'
import { statAt, syncPath } from './channel.ts'

/** Directories of an SFTP server, as far as files' names need them. */
export type Directories = ReturnType<typeof openDirectories>

/** The directory that a path is in: "." for one that is relative to the login's. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/')
  if (at === -1) return '.'
  return at === 0 ? '/' : path.slice(0, at)
}

/** So many directories are remembered: a source may have millions. One that is forgotten is asked for again. */
const MOST_KNOWN = 10_000

function remember<T>(known: Map<string, T>, directory: string, what: T): void {
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(directory, what)
}

const rethrow = (thrown: unknown) => {
  throw thrown
}

/** @param root the directory that has to be there. */
export function openDirectories(pick: () => Channel, root: string, canSync: boolean) {
  const made = new Map<string, Promise<void>>()
  const syncs = new Map<string, Rerun>()

  /** Resolves when all names that it has now outlive a crash of the server; those who wait share the next call. */
  const sync = async (directory: string): Promise<void> => {
    if (!canSync) return
    const syncing = syncs.get(directory) ?? new Rerun(() => syncPath(pick(), directory), rethrow)
    remember(syncs, directory, syncing)
    await syncing.request()
  }

  const makeOne = async (directory: string): Promise<void> => {
    const channel = pick()
    const attempt = () => channel.tell((sftp, done) => sftp.mkdir(directory, done))
    try {
      await attempt().catch(async (thrown: unknown) => {
        if (!isFault(thrown, 'absent')) throw thrown
        await make(parentOf(directory))
        await attempt()
      })
    } catch (thrown) {
      // Mostly it is there.
      const found = await statAt(channel, directory, 'stat')
      if (found === null) throw thrown
      if (!found.isDirectory()) throw new StoreFault('exists', `${directory} is a file`)
      return
    }
    await sync(parentOf(directory))
  }

  /**
   * Makes a directory and those above it; each is asked for once.
   * @throws StoreFault `exists` where a file is in its place.
   */
  const make = (directory: string): Promise<void> => {
    const known = directory === root ? Promise.resolve() : made.get(directory)
    if (known !== undefined) return known
    const making = makeOne(directory)
    remember(made, directory, making)
    making.catch(() => made.delete(directory))
    return making
  }

  return {
    make,
    /** It is not there after all. */
    forget(directory: string): void {
      for (let at = directory; at !== root && at !== parentOf(at); at = parentOf(at)) made.delete(at)
    },
    sync,
  }
}
