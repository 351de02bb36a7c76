import { posix } from 'node:path'
import type { FileEntryWithStats, Stats } from 'ssh2'
import { defer } from '../../defer.ts'
import { ignoreError } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { DestinationOf } from '../../settings/destination-schema.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import { BackendError, hasKind, orIf, unlessLost } from '../errors.ts'
import { type DirectoryCalls, getParent, openDirectories } from '../objects/directories.ts'
import type { ObjectFacts, ObjectInfo, ObjectStore, PutOptions } from '../objects/object-store.ts'
import { createLister, type ListedEntry, limitNames } from '../objects/tree-listing.ts'
import {
  close,
  diskAt,
  explainWriteError,
  getReason,
  getStatus,
  openChannel,
  readFrom,
  type SftpChannel,
  STATUS,
  statAt,
  syncPath,
} from './channel.ts'
import type { SftpConnection } from './connect.ts'
import {
  attributesFor,
  beginUpload,
  createDirectorySync,
  keptMode,
  orRefused,
  requireTime,
  type SftpParts,
  seconds,
  UNRESUMABLE_PREFIX,
} from './upload.ts'

/** Each channel is a process at the server: while one waits for its disk, the others continue. */
const CHANNELS = 4
const PARALLEL = 64

/** All names are in the directory `path` at the server, partial files in this computer's folder there. */
type Place = Pick<DestinationOf<'sftp'>, 'name' | 'path' | 'folder'>

/**
 * Opens the files of an SFTP server as an object store.
 * @throws BackendError; UserError if only a person can help.
 */
export async function openSftpStore(connection: SftpConnection, place: Place): Promise<ObjectStore> {
  const channels = await openChannels(connection)
  const parts = await openParts(channels, place)
  const { pick, toPath, root } = parts

  const writing = <T>(work: Promise<T>): Promise<T> =>
    work.catch(async (error: unknown) => {
      throw await explainWriteError(pick(), root, error)
    })
  const begin = async (
    name: string,
    facts: ObjectFacts,
    resume: string | null,
    replace?: PutOptions['replace'],
  ) => {
    const upload = await writing(beginUpload(parts, name, facts, resume, replace))
    return {
      ...upload,
      write: (bytes: Uint8Array) => writing(upload.write(bytes)),
      finish: (digest: Uint8Array, freeName?: () => Promise<void>) =>
        writing(upload.finish(digest, freeName)),
    }
  }
  const space = async () => {
    const disk = await diskAt(pick(), root)
    return disk && { free: disk.f_bavail * disk.f_frsize, total: disk.f_blocks * disk.f_frsize }
  }
  const put: ObjectStore['put'] = async (name, bytes, facts, { replace }) => {
    const upload = await begin(name, facts, null, replace)
    try {
      await upload.write(bytes)
      // The upload did not resume a part, so no digest is compared.
      await upload.finish(new Uint8Array())
    } catch (error) {
      await upload.abort(false).catch(ignoreError('the sweep removes the partial file'))
      throw error
    }
  }

  return {
    can: { parallel: PARALLEL, durable: parts.canSync, dates: false, vanish: true },
    put,
    begin,
    kept: (facts) => ({
      ...facts,
      mtimeNs: BigInt(seconds(facts.mtimeNs)) * 1_000_000_000n,
      mode: keptMode(facts.mode),
      digest: null,
    }),
    setFacts: (name, facts) => writing(setFacts(parts, toPath(name), facts)),
    async info(name) {
      const stats = await statAt(pick(), toPath(name), 'lstat')
      return stats?.isFile() ? toObjectInfo(name, stats) : null
    },
    read: (name, from, signal) => readFrom(pick(), toPath(name), from, signal),
    setAside: (name, to, isReplaced) =>
      writing(setAside(parts, toPath(name), toPath(to), isReplaced)).then(() => true),
    versions: async () => [],
    list: createLister((directory) => readDirectory(parts, directory)),
    remove: (name) => writing(pick().tell((sftp, done) => sftp.unlink(toPath(name), done))),
    lastChange: async (directory) => {
      const stats = await statAt(pick(), toPath(directory), 'lstat')
      return (stats?.mtime ?? 0) * 1000
    },
    above: (name) => above(parts, name),
    space,
    sweep: (olderThan) => sweep(parts, olderThan),
    ended: Promise.race([connection.ended, ...channels.map(({ ended }) => ended)]),
    close: () => connection.client.destroy(),
  }
}

/** Opens the first channel, and as many more as the server allows. */
async function openChannels({
  client,
  gather,
}: SftpConnection): Promise<readonly [SftpChannel, ...SftpChannel[]]> {
  const [first, ...more] = Array.from({ length: CHANNELS }, () => openChannel(client, gather))
  if (first === undefined) throw new BackendError('failed', 'no channel')
  const opening = Promise.allSettled(more)
  const channel = await first.catch((error: unknown) => {
    const reason = getReason(error)
    const isLost = reason === 'ECONNRESET'
    throw new BackendError('failed', isLost ? reason : `it offers no SFTP: ${reason}`, { cause: error })
  })
  const opened = await opening
  return [channel, ...opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))]
}

/** Finds out what the server can do, and where the files are there. @throws UserError if the directory is missing. */
async function openParts(
  channels: readonly [SftpChannel, ...SftpChannel[]],
  { name, path, folder }: Place,
): Promise<SftpParts> {
  const [first] = channels
  const root = path === '' ? '.' : path.replace(/(?<=.)\/+$/, '')
  const base = root === '.' ? '' : root.endsWith('/') ? root : `${root}/`
  if ((await statAt(first, root, 'stat')) === null) throw await noDirectory(first, name, root)
  const own = `${base}${folder}`
  const kept = [root, own, `${own}/${OWN_DIRECTORY}`]
  const isBegun = (await statAt(first, `${own}/${OWN_DIRECTORY}`, 'stat')) !== null
  const canSync = await canSyncAt(first, root)
  const pick = () => channels.reduce((best, one) => (one.busy < best.busy ? one : best))
  const sync = canSync ? createDirectorySync(pick) : async () => undefined
  const calls: DirectoryCalls = {
    make: (directory) => pick().tell((sftp, done) => sftp.mkdir(directory, done)),
    async type(path) {
      const found = await statAt(pick(), path, 'stat')
      return found && (found.isDirectory() ? 'directory' : 'file')
    },
    sync,
  }
  return {
    pick,
    directories: openDirectories(calls, { there: isBegun ? kept : [root], kept }),
    syncDirectory: sync,
    root,
    toPath: (name) => (name === '' ? root : `${base}${name}`),
    partials: `${own}/${OWN_DIRECTORY}/partial`,
    inUse: new Set(),
    canSync,
    canReplace: first.offers('posix-rename@openssh.com'),
    canLink: first.offers('hardlink@openssh.com'),
    // OpenSSH's rename is exclusive, and no other server allows opening a directory.
    isExclusive: canSync,
  }
}

/** Returns the error for a missing directory. The path of an address is often meant to be absolute. */
async function noDirectory(channel: SftpChannel, name: string, path: string): Promise<UserError> {
  const login = path.startsWith('/')
    ? null
    : await channel.call<string>((sftp, done) => sftp.realpath('.', done)).catch(unlessLost)
  return login === null
    ? new UserError('transfer.sftp.noDirectory', { name, path })
    : new UserError('transfer.sftp.noRelativeDirectory', { name, path, whole: posix.join(login, path) })
}

/** True if names in a directory can be made to survive a crash: the server has to open the directory for that. */
async function canSyncAt(channel: SftpChannel, directory: string): Promise<boolean> {
  if (!channel.offers('fsync@openssh.com')) return false
  try {
    await syncPath(channel, directory)
    return true
  } catch (error) {
    if (hasKind(error, 'lost')) throw error
    return false
  }
}

/** Removes what earlier sessions left: unresumable files at once, resumable ones if older than `olderThan`. */
async function sweep({ pick, partials, inUse }: SftpParts, olderThan: number): Promise<void> {
  const channel = pick()
  const leftovers: string[] = []
  for await (const { filename, attrs } of readNames(channel, partials)) {
    const path = `${partials}/${filename}`
    const isUseless = filename.startsWith(UNRESUMABLE_PREFIX) || attrs.mtime * 1_000 < olderThan
    if (attrs.isFile() && !filename.includes('/') && isUseless && !inUse.has(path)) leftovers.push(path)
  }
  for (let at = 0; at < leftovers.length; at += PARALLEL)
    await Promise.all(
      leftovers
        .slice(at, at + PARALLEL)
        .map((path) =>
          channel
            .tell((sftp, done) => sftp.unlink(path, done))
            .catch(ignoreError('the next sweep removes the partial file')),
        ),
    )
}

/** See ObjectStore.setAside: a second name for the file leaves it its first one, which the next file replaces. */
async function setAside(
  { pick, directories, syncDirectory, canReplace, canLink }: SftpParts,
  from: string,
  to: string,
  isReplaced: boolean,
): Promise<void> {
  await directories.make(getParent(to))
  const channel = pick()
  const link = () => channel.tell((sftp, done) => sftp.ext_openssh_hardlink(from, to, done))
  // Some file systems have no second names, such as exFAT.
  const isLinked = isReplaced && canReplace && canLink && (await link().then(() => true, unlessLost))
  if (isLinked !== true) await channel.tell((sftp, done) => sftp.rename(from, to, done))
  await Promise.all([syncDirectory(getParent(to)), syncDirectory(getParent(from))])
}

async function setFacts({ pick, canSync }: SftpParts, path: string, facts: ObjectFacts): Promise<void> {
  const channel = pick()
  const refused = await orRefused(
    channel.tell((sftp, done) => sftp.setstat(path, attributesFor(facts), done)),
  )
  if (refused !== null) requireTime(refused, await statAt(channel, path, 'lstat'), facts)
  // If its own mode forbids opening the file, it becomes durable with the server's next sync.
  if (canSync) await syncPath(channel, path).catch(orIf('denied', undefined))
}

/** See ObjectStore.above. */
async function above({ pick, root }: SftpParts, name: string): Promise<string | null> {
  const real = await pick()
    .call<string>((sftp, done) => sftp.realpath(root, done))
    .catch(unlessLost)
  for (let at = real ?? root; ; at = getParent(at)) {
    const found = await statAt(pick(), posix.join(at, name), 'stat').catch(unlessLost)
    if (found !== null) return at
    if (at === getParent(at)) return null
  }
}

/** See createLister; other types than files and directories are left out. */
async function readDirectory({ pick, toPath }: SftpParts, directory: string): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = []
  for await (const { filename, attrs } of readNames(pick(), toPath(directory.slice(0, -1)))) {
    // A valid name has no path separator, so that no name leads out of its directory.
    if (['', '.', '..'].includes(filename) || filename.includes('/')) continue
    const name = `${directory}${filename}`
    if (attrs.isDirectory()) entries.push(`${name}/`)
    else if (attrs.isFile()) entries.push(toObjectInfo(name, attrs))
  }
  return entries
}

/** Yields the names of a directory, which may be missing, in pieces up to a limit. @throws BackendError. */
async function* readNames(channel: SftpChannel, path: string): AsyncGenerator<FileEntryWithStats> {
  const handle = await channel
    .call<Buffer>((sftp, done) => sftp.opendir(path, done))
    .catch(orIf('absent', null))
  if (handle === null) return
  const limit = limitNames(path)
  using _ = defer(() => close(channel, handle))
  for (
    let some = await readNextNames(channel, handle);
    some !== null;
    some = await readNextNames(channel, handle)
  ) {
    limit(some.map(({ filename }) => filename))
    yield* some
  }
}

/** Returns the next piece; null at the end. */
function readNextNames(channel: SftpChannel, handle: Buffer): Promise<FileEntryWithStats[] | null> {
  const piece = channel.call<FileEntryWithStats[]>((sftp, done) => sftp.readdir(handle, done))
  return piece.catch((error: unknown) => {
    if (getStatus(error) === STATUS.eof) return null
    throw error
  })
}

const toObjectInfo = (name: string, { size, mtime, mode }: Stats): ObjectInfo => ({
  name,
  size,
  mtimeNs: BigInt(mtime) * 1_000_000_000n,
  mode: mode & 0o7777,
  digest: null,
  // The server reports no other time.
  storedAt: mtime * 1_000,
  version: null,
})
