import { randomUUID } from 'node:crypto'
import type { Stats } from 'ssh2'
import { settled } from '../../dropped-errors.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { createHasher, type Hasher } from '../../platform/digest.ts'
import { countUsed } from '../../protocol/frame-buffers.ts'
import { asBackendError, BackendError, orIf, unlessLost } from '../errors.ts'
import { type Directories, getParent } from '../objects/directories.ts'
import type { ObjectFacts, ObjectUpload, PutOptions } from '../objects/object-store.ts'
import {
  close,
  getStatus,
  OPEN,
  open,
  readFrom,
  type SftpChannel,
  STATUS,
  statAt,
  syncPath,
} from './channel.ts'

// Writes a file at an SFTP server: under a temporary name until it is complete and synced, then renamed. A partial file
// of an earlier attempt is read back and continued.

/** Interval of syncs during an upload, so that the sync at the end has little left to write. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024
/** Name prefix of partial files that a later session cannot resume. */
export const UNRESUMABLE_PREFIX = 'whole-'
/** Begins the reason of the error if a server sets no times of files. */
export const NO_SETSTAT = 'the server does not set the times of files: SETSTAT'
/** Bytes of one large file under way. */
const WINDOW_BYTES = 2 * 1024 * 1024
/** Limit of directories whose syncs are shared, because a source may have millions. */
const MOST_SYNCED = 10_000

/** The state of a store that its calls share. */
export interface SftpParts {
  /** Returns the channel with the fewest pending calls. */
  pick(): SftpChannel
  directories: Directories
  /** Resolves when all current names of a directory survive a crash of the server. */
  syncDirectory(directory: string): Promise<void>
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
  /** True if a file may get a second name. */
  canLink: boolean
  /** True if a plain rename fails when the name is taken. */
  isExclusive: boolean
}

/** The temporary file, new or left by an earlier attempt. */
interface OpenedFile {
  handle: Buffer
  /** Bytes that the file already has; writing continues there. */
  offset: number
  /**
   * Has hashed those bytes and is given the others, so that `finish` can compare the digest. null: the upload starts at
   * 0 and no digest is compared.
   */
  hasher: Hasher | null
}

/**
 * Begins the upload of a file, which has a temporary name until it is complete.
 * @param replace see PutOptions.
 */
export async function beginUpload(
  parts: SftpParts,
  name: string,
  facts: ObjectFacts,
  resume: string | null,
  replace: PutOptions['replace'] = true,
): Promise<ObjectUpload> {
  const { directories, partials, inUse } = parts
  const channel = parts.pick()
  const { pieceBytes } = channel
  const path = `${partials}/${resume ?? `${UNRESUMABLE_PREFIX}${randomUUID()}`}`
  inUse.add(path)
  let opened: OpenedFile
  try {
    await directories.make(partials)
    const opening = resume === null ? openNew(channel, path) : openPartial(channel, path, facts.size)
    opened = await opening.catch(directories.endSessionIfVanished(partials))
  } catch (error) {
    inUse.delete(path)
    throw error
  }
  const { handle, offset, hasher } = opened
  let at = offset
  let failed: unknown = null
  let syncedTo = offset
  /** Pieces under way, oldest first. */
  const underWay: Promise<void>[] = []
  const throwIfFailed = () => {
    if (failed !== null) throw failed
  }
  let isOpen = true
  /** Closes the handle once: the server may reuse its number for another file. */
  const closeFile = () => {
    if (isOpen) close(channel, handle)
    isOpen = false
  }

  return {
    offset,
    async write(bytes) {
      hasher?.update(bytes)
      for (let from = 0; from < bytes.length; from += pieceBytes) {
        const piece = asBuffer(bytes.subarray(from, from + pieceBytes))
        const written = writePiece(channel, handle, piece, at)
        written.catch((error: unknown) => {
          failed ??= error
        })
        underWay.push(written)
        at += piece.length
      }
      if (at - syncedTo >= SYNC_EVERY_BYTES) {
        syncedTo = at
        // Runs in another process of the server. A failure is ignored here: the final sync fails for the same reason.
        if (parts.canSync) void settled(syncPath(parts.pick(), path))
      }
      while (underWay.length * pieceBytes > WINDOW_BYTES) {
        const first = underWay.shift()
        if (first !== undefined) await settled(first)
      }
      throwIfFailed()
    },
    async finish(digest, freeName) {
      if (hasher !== null && !hasher.digest().equals(digest))
        throw new BackendError('damaged', 'what an interrupted upload has left is another content')
      // Requested right behind the last pieces: the server handles calls in order.
      const ending = settle(parts, channel, handle, facts)
      await Promise.allSettled([...underWay, ending])
      throwIfFailed()
      await ending
      closeFile()
      await freeName?.()
      await giveName(parts, channel, path, name, replace)
      inUse.delete(path)
    },
    async abort(keep) {
      await Promise.allSettled(underWay)
      closeFile()
      inUse.delete(path)
      if (!keep) await channel.tell((sftp, done) => sftp.unlink(path, done))
    },
  }
}

/** Opens a new file that belongs to this session alone. */
async function openNew(channel: SftpChannel, path: string): Promise<OpenedFile> {
  const handle = await open(channel, path, OPEN.write | OPEN.create | OPEN.exclusive)
  return { handle, offset: 0, hasher: null }
}

/** Opens a partial file and reads its content back, because it may have changed since. */
async function openPartial(channel: SftpChannel, path: string, size: number): Promise<OpenedFile> {
  const handle = await open(channel, path, OPEN.read | OPEN.write | OPEN.create)
  try {
    const there = await channel.call<{ size: number }>((sftp, done) => sftp.fstat(handle, done))
    if (there.size === 0) return { handle, offset: 0, hasher: null }
    // A part that cannot be read would make every attempt fail, so it is discarded.
    const kept = there.size > size ? null : await readBack(channel, path).catch(unlessLost)
    if (kept !== null) return { handle, ...kept }
    await channel.tell((sftp, done) => sftp.fsetstat(handle, { size: 0 }, done))
    return { handle, offset: 0, hasher: null }
  } catch (error) {
    close(channel, handle)
    throw error
  }
}

async function readBack(channel: SftpChannel, path: string): Promise<Pick<OpenedFile, 'offset' | 'hasher'>> {
  const hasher = createHasher()
  let offset = 0
  for await (const piece of readFrom(channel, path, 0, new AbortController().signal)) {
    offset += piece.length
    hasher.update(piece)
  }
  return { offset, hasher }
}

/** Writes one piece. ssh2 copies it three times: into the call, into packets, and during encryption. */
async function writePiece(channel: SftpChannel, handle: Buffer, bytes: Buffer, at: number): Promise<void> {
  const { length } = bytes
  await channel.tell((sftp, done) => sftp.write(handle, bytes, 0, length, at, done))
  countUsed(3 * length)
}

/**
 * Sets the facts of a fully written open file, syncs it to the disk, and checks its length. Sends the calls together:
 * the server handles them in order.
 */
async function settle(
  { canSync }: SftpParts,
  channel: SftpChannel,
  handle: Buffer,
  wanted: ObjectFacts,
): Promise<void> {
  const facts = orRefused(channel.tell((sftp, done) => sftp.fsetstat(handle, attributesFor(wanted), done)))
  const stats = channel.call<Stats>((sftp, done) => sftp.fstat(handle, done))
  const synced = canSync
    ? channel.tell((sftp, done) => sftp.ext_openssh_fsync(handle, done))
    : Promise.resolve()
  const [there, refused] = await Promise.all([stats, facts, synced])
  if (there.size !== wanted.size)
    throw new BackendError('damaged', `${there.size} of ${wanted.size} bytes arrived`)
  requireTime(refused, there, wanted)
}

/** Returns the refusal of a call; null: it was done. @throws BackendError `lost`. */
export const orRefused = (call: Promise<void>): Promise<BackendError | null> =>
  call.then(
    () => null,
    (error: unknown) => {
      unlessLost(error)
      return asBackendError(error)
    },
  )

/**
 * A refused SETSTAT may have set the time alone: some disks have no modes, such as exFAT. Without times a restore would
 * give files wrong ones.
 * @throws BackendError with NO_SETSTAT.
 */
export function requireTime(
  refused: BackendError | null,
  there: Pick<Stats, 'mtime'> | null,
  { mtimeNs }: Pick<ObjectFacts, 'mtimeNs'>,
): void {
  if (refused === null || there?.mtime === seconds(mtimeNs)) return
  throw new BackendError('failed', `${NO_SETSTAT} (${refused.reason})`, { cause: refused })
}

/**
 * Gives a complete file its name, or removes it if `replace` returns false.
 * @throws BackendError `exists`.
 */
async function giveName(
  parts: SftpParts,
  channel: SftpChannel,
  partial: string,
  name: string,
  replace: PutOptions['replace'],
): Promise<void> {
  const path = parts.toPath(name)
  if (typeof replace === 'boolean') return rename(parts, channel, partial, path, replace)
  const isTaken = await rename(parts, channel, partial, path, false).then(() => false, orIf('exists', true))
  if (!isTaken) return
  if (await replace()) await rename(parts, channel, partial, path, true)
  else await channel.tell((sftp, done) => sftp.unlink(partial, done))
}

/** @throws BackendError `exists`, unless it may replace a file. */
async function rename(
  parts: SftpParts,
  channel: SftpChannel,
  partial: string,
  path: string,
  replaces: boolean,
): Promise<void> {
  const { directories, canReplace, isExclusive } = parts
  const move = () =>
    channel.tell((sftp, done) =>
      replaces && canReplace
        ? sftp.ext_openssh_rename(partial, path, done)
        : sftp.rename(partial, path, done),
    )
  const attempt = async () => {
    await directories.make(getParent(path))
    // Some servers' plain rename replaces an existing file. The check has no race: only this computer writes here.
    if (!replaces && !isExclusive && (await statAt(channel, path, 'lstat')) !== null)
      throw new BackendError('exists', path)
    await move()
  }
  await attempt()
    .catch(directories.endSessionIfVanished(getParent(path)))
    .catch(async (error: unknown) => {
      const status = getStatus(error)
      if (status !== STATUS.failure && status !== STATUS.exists) throw error
      const there = await statAt(channel, path, 'lstat')
      if (there === null) throw error
      if (there.isDirectory()) throw new BackendError('impossible', 'a directory has this name')
      if (!replaces) throw new BackendError('exists', path)
      // The server cannot replace a file. Removing it is safe: a copy is kept elsewhere, or it is Holdfast's own.
      await channel.tell((sftp, done) => sftp.unlink(path, done))
      await move()
    })
  await parts.syncDirectory(getParent(path))
}

/** See SftpParts.syncDirectory; concurrent callers share a call. */
export function createDirectorySync(pick: () => SftpChannel): SftpParts['syncDirectory'] {
  const syncs = new Map<string, Rerun>()
  return (directory) => {
    const syncing = syncs.get(directory) ?? new Rerun(() => syncPath(pick(), directory), rethrow)
    if (syncs.size >= MOST_SYNCED) syncs.clear()
    syncs.set(directory, syncing)
    return syncing.request()
  }
}

const rethrow = (error: unknown) => {
  throw error
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

/** Returns a Buffer on the same memory, as ssh2 requires. */
const asBuffer = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, length)
