import { countUsed } from '../../../protocol/young-buffers.ts'
import { type ObjectFacts, StoreFault } from '../objects/object-store.ts'
import { type SftpChannel, statAt } from './channel.ts'
import { type Directories, parentOf } from './directories.ts'
import { STATUS, statusOf } from './faults.ts'

/** Begins the names of partial files that are not gone on with: they are of one session. */
export const WHOLE = 'whole-'
/** Bytes of one large file that are under way. */
export const WINDOW_BYTES = 2 * 1024 * 1024

/** What the calls of a store share. */
export interface SftpParts {
  /** The channel with the least to do. */
  pick(): SftpChannel
  directories: Directories
  /** The directory that all names are in. */
  root: string
  /** Where an object is at the server. */
  pathOf(name: string): string
  /** Of files that have no name yet. */
  partials: string
  /** Partial files that are used now, by their paths. */
  inUse: Set<string>
  canSync: boolean
  canReplace: boolean
  /** A plain rename fails where the name is taken. */
  isExclusive: boolean
}

/** Times have whole seconds, in 32 bits. */
export const seconds = (ns: bigint): number => Math.max(0, Math.min(0xffff_ffff, Number(ns / 1_000_000_000n)))

/** No bit that would make a program run as the login (chmod(2)); a sticky file is like any other. */
export const keptMode = (mode: number): number => mode & 0o777

/** A file's facts as a call has them. */
export function attributesFor({ mtimeNs, mode }: Pick<ObjectFacts, 'mtimeNs' | 'mode'>) {
  const mtime = seconds(mtimeNs)
  return { mode: keptMode(mode), atime: mtime, mtime }
}

/** One piece of a file; ssh2 copies it into a call, that into packets, and those as they are encrypted. */
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

/** The same memory as a Buffer, as ssh2 wants it. */
export const asBuffer = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, length)

/**
 * Gives an open file, to which all was written, its facts, and sees to it that it is on the disk, and whole.
 * The calls are asked for together: the server does them in order.
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
  const path = parts.pathOf(name)
  const rename = () =>
    channel.tell((sftp, done) =>
      replace && canReplace ? sftp.ext_openssh_rename(partial, path, done) : sftp.rename(partial, path, done),
    )
  const attempt = async () => {
    await directories.make(parentOf(path))
    // A plain rename replaces what is there at some servers; nobody else writes here.
    if (!replace && !isExclusive && (await statAt(channel, path, 'lstat')) !== null)
      throw new StoreFault('exists', path)
    await rename()
  }
  await attempt()
    .catch(directories.gone(parentOf(path)))
    .catch(async (error: unknown) => {
      const status = statusOf(error)
      if (status !== STATUS.failure && status !== STATUS.exists) throw error
      const there = await statAt(channel, path, 'lstat')
      if (there === null) throw error
      if (there.isDirectory()) throw new StoreFault('impossible', 'a directory has this name')
      if (!replace) throw new StoreFault('exists', path)
      // A server that cannot replace: what is there is another copy of what is kept elsewhere, or Holdfast's own.
      await channel.tell((sftp, done) => sftp.unlink(path, done))
      await rename()
    })
  await directories.sync(parentOf(path))
}
