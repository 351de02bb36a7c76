import { Rerun } from '../../../lib/async/rerun.ts'
import { isFault } from '../objects/faults.ts'
import { StoreFault } from '../objects/object-store.ts'
import { type SftpChannel, statAt, syncPath } from './channel.ts'

/** Creates the directories that files' names need at an SFTP server. */
export type Directories = ReturnType<typeof openDirectories>

/** Returns the directory of a path; "." for a name in the login's directory. */
export function getParent(path: string): string {
  const at = path.lastIndexOf('/')
  if (at === -1) return '.'
  return at === 0 ? '/' : path.slice(0, at)
}

/** Limit of cached directories, because a source may have millions. Removed ones are queried again. */
const MOST_KNOWN = 10_000

const rethrow = (error: unknown) => {
  throw error
}

/**
 * @param there existing directories, which are never created.
 * @param kept directories that stay cached: once they exist, they are never created again.
 */
export function openDirectories(
  pick: () => SftpChannel,
  { there, kept }: { there: readonly string[]; kept: readonly string[] },
  canSync: boolean,
) {
  const made = new Map(there.map((directory) => [directory, Promise.resolve()]))
  const syncs = new Map<string, Rerun>()

  /** Resolves when all current names of a directory survive a crash of the server; concurrent callers share a call. */
  const sync = async (directory: string): Promise<void> => {
    if (!canSync) return
    const syncing = syncs.get(directory) ?? new Rerun(() => syncPath(pick(), directory), rethrow)
    if (syncs.size >= MOST_KNOWN) syncs.clear()
    syncs.set(directory, syncing)
    await syncing.request()
  }

  /**
   * For `catch`: ends the session if a directory that existed has vanished, removed or with its disk. It is not
   * created again: the disk below its path may not be the destination's. The next session checks the owner.
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
        const above = getParent(directory)
        await make(above)
        await attempt().catch(gone(above))
      })
    } catch (error) {
      // Usually it exists already.
      const found = await statAt(channel, directory, 'stat')
      if (found === null) throw error
      if (!found.isDirectory()) throw new StoreFault('exists', `${directory} is a file`)
      return
    }
    await sync(getParent(directory))
  }

  /**
   * Creates a directory and those above it; each only once.
   * @throws StoreFault `exists` if a file has its name.
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
