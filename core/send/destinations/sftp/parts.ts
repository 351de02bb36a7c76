import { countUsed } from '../../../protocol/young-buffers.ts'
import { type ObjectFacts, StoreFault } from '../objects/object-store.ts'
import { type SftpChannel, statAt } from './channel.ts'
import { type Directories, getParent } from './directories.ts'
import { getStatus, STATUS } from './faults.ts'

/** Prefix of partial files that cannot be resumed: they belong to one session. */
export const WHOLE = 'whole-'
/** Bytes of one large file under way. */
export const WINDOW_BYTES = 2 * 1024 * 1024

/** The shared parts of a store. */
export interface SftpParts {
  /** Returns the channel with the fewest pending calls. */
  pick(): SftpChannel
  directories: Directories
  /** The directory that contains all names. */
  root: string
  /** Returns an object's path at the server. */
  toPath(name: string): string
  /** The directory of files that have no name yet. */
  partials: string
  /** Paths of partial files in use. */
  inUse: Set<string>
  canSync: boolean
  canReplace: boolean
  /** True if a plain rename fails when the name is taken. */
  isExclusive: boolean
}

/** Converts a time to whole seconds in 32 bits. */
export const seconds = (ns: bigint): number => Math.max(0, Math.min(0xffff_ffff, Number(ns / 1_000_000_000n)))

/** Keeps the permissions without setuid and setgid, which run a program as the login (chmod(2)), and sticky. */
export const keptMode = (mode: number): number => mode & 0o777

/** Returns a file's attributes for an SFTP call. */
export function attributesFor({ mtimeNs, mode }: Pick<ObjectFacts, 'mtimeNs' | 'mode'>) {
  const mtime = seconds(mtimeNs)
  return { mode: keptMode(mode), atime: mtime, mtime }
}

/** Writes one piece. ssh2 copies it three times: into the call, into packets, and during encryption. */
export async function writePiece(
  channel: SftpChannel,
  handle: Buffer,
  bytes: Buffer,
  at: number,
): Promise<void> {
  const { length } = bytes
  await channel.tell((sftp, done) => sftp.write(handle, bytes, 0, length, at, done))
  countUsed(3 * length)
}

/** Returns a Buffer on the same memory, as ssh2 requires. */
export const asBuffer = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, length)

/**
 * Sets the facts of a fully written open file, syncs it to the disk, and checks its length. Sends the calls together:
 * the server handles them in order.
 */
export async function settle(
  { canSync }: SftpParts,
  channel: SftpChannel,
  handle: Buffer,
  wanted: ObjectFacts,
): Promise<void> {
  const facts = channel.tell((sftp, done) => sftp.fsetstat(handle, attributesFor(wanted), done))
  const stats = channel.call<{ size: number }>((sftp, done) => sftp.fstat(handle, done))
  const synced = canSync
    ? channel.tell((sftp, done) => sftp.ext_openssh_fsync(handle, done))
    : Promise.resolve()
  const [there] = await Promise.all([stats, facts, synced])
  if (there.size !== wanted.size)
    throw new StoreFault('damaged', `${there.size} of ${wanted.size} bytes arrived`)
}

/**
 * Gives a complete file its name.
 * @throws StoreFault `exists`.
 */
export async function giveName(
  parts: SftpParts,
  channel: SftpChannel,
  partial: string,
  name: string,
  replace: boolean,
): Promise<void> {
  const { directories, canReplace, isExclusive } = parts
  const path = parts.toPath(name)
  const rename = () =>
    channel.tell((sftp, done) =>
      replace && canReplace ? sftp.ext_openssh_rename(partial, path, done) : sftp.rename(partial, path, done),
    )
  const attempt = async () => {
    await directories.make(getParent(path))
    // Some servers' plain rename replaces an existing file. The check has no race: only this computer writes here.
    if (!replace && !isExclusive && (await statAt(channel, path, 'lstat')) !== null)
      throw new StoreFault('exists', path)
    await rename()
  }
  await attempt()
    .catch(directories.gone(getParent(path)))
    .catch(async (error: unknown) => {
      const status = getStatus(error)
      if (status !== STATUS.failure && status !== STATUS.exists) throw error
      const there = await statAt(channel, path, 'lstat')
      if (there === null) throw error
      if (there.isDirectory()) throw new StoreFault('impossible', 'a directory has this name')
      if (!replace) throw new StoreFault('exists', path)
      // The server cannot replace a file. Removing it is safe: a copy is kept elsewhere, or it is Holdfast's own.
      await channel.tell((sftp, done) => sftp.unlink(path, done))
      await rename()
    })
  await directories.sync(getParent(path))
}
