import { Rerun } from '../../../lib/async/rerun.ts'
import { isFault } from '../objects/faults.ts'
import { StoreFault } from '../objects/object-store.ts'
import { type SftpChannel, statAt, syncPath } from './channel.ts'

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

const rethrow = (error: unknown) => {
  throw error
}

/**
 * @param there those that are there: none of them is made.
 * @param kept those that are remembered for ever: once they are there, none of them is made again.
 */
export function openDirectories(
  pick: () => SftpChannel,
  { there, kept }: { there: readonly string[]; kept: readonly string[] },
  canSync: boolean,
) {
  const made = new Map(there.map((directory) => [directory, Promise.resolve()]))
  const syncs = new Map<string, Rerun>()

  /** Resolves when all names that it has now outlive a crash of the server; those who wait share the next call. */
  const sync = async (directory: string): Promise<void> => {
    if (!canSync) return
    const syncing = syncs.get(directory) ?? new Rerun(() => syncPath(pick(), directory), rethrow)
    if (syncs.size >= MOST_KNOWN) syncs.clear()
    syncs.set(directory, syncing)
    await syncing.request()
  }

  /**
   * For a catch: a directory that is known to be there and is not has gone with its disk, or was removed. It is not made
   * again: what is in its place now is nobody's, and the next session looks whose it is.
   */
  const gone =
    (directory: string) =>
    async (error: unknown): Promise<never> => {
      if (isFault(error, 'absent') && (await statAt(pick(), directory, 'stat')) === null)
        throw new StoreFault('lost', `${directory} is not there any more`, { cause: error })
      throw error
    }

  const makeOne = async (directory: string): Promise<void> => {
    const channel = pick()
    const attempt = () => channel.tell((sftp, done) => sftp.mkdir(directory, done))
    try {
      await attempt().catch(async (error: unknown) => {
        if (!isFault(error, 'absent')) throw error
        const above = parentOf(directory)
        await make(above)
        await attempt().catch(gone(above))
      })
    } catch (error) {
      // Mostly it is there.
      const found = await statAt(channel, directory, 'stat')
      if (found === null) throw error
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
    const known = made.get(directory)
    if (known !== undefined) return known
    const making = makeOne(directory)
    if (made.size >= MOST_KNOWN) for (const one of made.keys()) if (!kept.includes(one)) made.delete(one)
    made.set(directory, making)
    making.catch(() => made.delete(directory))
    return making
  }

  return { make, gone, sync }
}
