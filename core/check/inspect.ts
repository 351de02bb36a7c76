import { constants, type Dirent } from 'node:fs'
import { access, opendir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { ignoreError } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode, isGone, toReason } from '../platform/system-error.ts'
import { findStoreAround } from '../store/layout.ts'

/** Facts about a path that a person wants to add. */
export const pathFactsSchema = z.object({
  /** The path with its symbolic links resolved; null if it does not exist. */
  real: z.string().nullable(),
  kind: z.enum(['directory', 'file', 'device', 'other']).nullable(),
  readable: z.boolean(),
  /**
   * False if this user has no permission to write; true on a read-only file system, which is not a matter of
   * permission.
   */
  mayWrite: z.boolean(),
  /** The store that this directory is or is in, of any owner; null: none. */
  store: z.string().nullable(),
  /** The system's error if the path could not be examined for another reason than that it does not exist. */
  code: z.string().nullable(),
})
export type PathFacts = z.infer<typeof pathFactsSchema>

/**
 * Examines a path that a person wants to add. The call may hang with the disk: it runs in the checker, whose
 * supervisor stops waiting.
 */
export async function inspectPath(wanted: string): Promise<PathFacts> {
  try {
    const real = await realpath(wanted)
    const facts = await stat(real)
    const isDirectory = facts.isDirectory()
    const needed = isDirectory ? constants.R_OK | constants.X_OK : constants.R_OK
    const [readable, mayWrite, store] = await Promise.all([
      access(real, needed).then(
        () => true,
        () => false,
      ),
      access(real, constants.W_OK).then(
        () => true,
        (error) => errorCode(error) !== 'EACCES',
      ),
      isDirectory ? findStoreAround(real) : null,
    ])
    const isDevice = facts.isBlockDevice() || facts.isCharacterDevice()
    const kind = isDirectory ? 'directory' : facts.isFile() ? 'file' : isDevice ? 'device' : 'other'
    return { real, kind, readable, mayWrite, store, code: null }
  } catch (error) {
    const code = errorCode(error) ?? String(error)
    const nothing = { kind: null, readable: false, mayWrite: false, store: null }
    if (code === 'EACCES') return { ...nothing, real: wanted, code: null }
    return { ...nothing, real: null, code: isGone(code) ? null : code }
  }
}

/** Limit of the directories in a list that a person chooses from. */
const MOST_LISTED = 2_000

/**
 * Lists the directories in a directory, by name, without hidden ones. A link counts if it leads to a directory.
 * @throws UserError web.notListed, if the directory cannot be read
 */
export async function listDirectories(directory: string): Promise<{ names: string[]; isCut: boolean }> {
  const names: string[] = []
  const entries = await opendir(directory).catch((error) => {
    throw new UserError('web.notListed', { path: directory, reason: toReason(error) }, { cause: error })
  })
  for await (const entry of entries) {
    if (entry.name.startsWith('.') || !(await isDirectory(entry, directory))) continue
    if (names.length === MOST_LISTED) return { names: names.sort(), isCut: true }
    names.push(entry.name)
  }
  return { names: names.sort(), isCut: false }
}

async function isDirectory(entry: Dirent, directory: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  const facts = await stat(path.join(directory, entry.name)).catch(
    ignoreError('a broken link is no directory', null),
  )
  return facts?.isDirectory() ?? false
}
