import { BackendError, hasKind } from '../errors.ts'

// Creates directories at a server whose disk may be unmounted.

/** Limit of cached directories, because a source may have millions. Evicted ones are queried again. */
const MOST_KNOWN = 10_000

/** The calls of a store that has directories. All throw BackendError. */
export interface DirectoryCalls {
  /** @throws BackendError `absent` if the directory above is missing. */
  make(directory: string): Promise<void>
  /** Returns null if nothing has this name. */
  type(path: string): Promise<'directory' | 'file' | null>
  /** Resolves when all current names of a directory survive a crash of the server, as far as the server can. */
  sync(directory: string): Promise<void>
}

export type Directories = ReturnType<typeof openDirectories>

/**
 * Creates the directories that files' names need at the server.
 * @param there existing directories, which are never created.
 * @param kept directories that stay cached: once they exist, they are never created again.
 */
export function openDirectories(
  calls: DirectoryCalls,
  { there, kept }: { there: readonly string[]; kept: readonly string[] },
) {
  const made = new Map(there.map((directory) => [directory, Promise.resolve()]))

  /**
   * Returns a handler for `catch`. If the directory has vanished, the handler throws the error `lost`, which ends the
   * session. The directory is not created again, since it could be on the wrong disk. The next session checks the
   * owner.
   */
  const endSessionIfVanished =
    (directory: string) =>
    async (error: unknown): Promise<never> => {
      if (hasKind(error, 'absent') && (await calls.type(directory)) === null)
        throw new BackendError('lost', `${directory} is not there any more`, { cause: error })
      throw error
    }

  const makeOne = async (directory: string): Promise<void> => {
    const attempt = () => calls.make(directory)
    try {
      await attempt().catch(async (error: unknown) => {
        if (!hasKind(error, 'absent')) throw error
        const above = getParent(directory)
        await make(above)
        await attempt().catch(endSessionIfVanished(above))
      })
    } catch (error) {
      // Usually it exists already.
      const found = await calls.type(directory)
      if (found === null) throw error
      if (found === 'file') throw new BackendError('exists', `${directory} is a file`)
      return
    }
    await calls.sync(getParent(directory))
  }

  /**
   * Creates a directory and those above it; each only once.
   * @throws BackendError `exists` if a file has its name.
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

  return { make, endSessionIfVanished }
}

/** Returns the directory of a path; "." for a name in the login's directory. */
export function getParent(path: string): string {
  const at = path.lastIndexOf('/')
  if (at === -1) return '.'
  return at === 0 ? '/' : path.slice(0, at)
}
