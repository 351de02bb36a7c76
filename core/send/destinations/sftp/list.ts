import type { FileEntryWithStats, Stats } from 'ssh2'
import { orIf } from '../objects/faults.ts'
import { type ObjectInfo, type ObjectPage, StoreFault } from '../objects/object-store.ts'
import { close, type SftpChannel } from './channel.ts'
import { getStatus, STATUS } from './faults.ts'
import type { SftpParts } from './parts.ts'

const PAGE = 1_000
/** Limit of names in one directory, which has to be read completely for sorting. */
const MOST_NAMES = 1_000_000
/** Listings kept open for the next page; any other one starts again and skips the pages before. */
const MOST_STANDING = 16

export const toObjectInfo = (name: string, { size, mtime, mode }: Stats): ObjectInfo => ({
  name,
  size,
  mtimeNs: BigInt(mtime) * 1_000_000_000n,
  mode: mode & 0o7777,
  digest: null,
  // The server reports no other time.
  storedAt: mtime * 1_000,
  version: null,
})

/** A file, or a directory with "/" at its end. */
interface Entry {
  key: string
  stats: Stats
}

const byBytes = (a: Entry, b: Entry): number => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))

/** Returns the files and directories of a directory, sorted; other types are left out. */
async function readEntries({ pick }: SftpParts, path: string): Promise<Entry[]> {
  const channel = pick()
  const entries: Entry[] = []
  const handle = await channel
    .call<Buffer>((sftp, done) => sftp.opendir(path, done))
    .catch(orIf('absent', null))
  if (handle === null) return entries
  try {
    // Reads the directory in pieces, up to a limit: a faulty server may never end.
    for (
      let some = await readNextNames(channel, handle);
      some !== null;
      some = await readNextNames(channel, handle)
    ) {
      for (const { filename, attrs } of some) {
        // A valid name has no path separator, so that no name leads out of its directory.
        if (['', '.', '..'].includes(filename) || filename.includes('/')) continue
        if (attrs.isDirectory()) entries.push({ key: `${filename}/`, stats: attrs })
        else if (attrs.isFile()) entries.push({ key: filename, stats: attrs })
      }
      if (entries.length > MOST_NAMES)
        throw new StoreFault('impossible', `${path} has more than ${MOST_NAMES} names`)
    }
  } finally {
    close(channel, handle)
  }
  return entries.sort(byBytes)
}

/** Returns the next piece; null at the end. */
function readNextNames(channel: SftpChannel, handle: Buffer): Promise<FileEntryWithStats[] | null> {
  const piece = channel.call<FileEntryWithStats[]>((sftp, done) => sftp.readdir(handle, done))
  return piece.catch((error: unknown) => {
    if (getStatus(error) === STATUS.eof) return null
    throw error
  })
}

/** Yields all objects below a prefix, in byte order of the names; if not `deep`, yields directories as names. */
async function* walk(
  parts: SftpParts,
  directory: string,
  prefix: string,
  deep: boolean,
): AsyncGenerator<ObjectInfo | string> {
  for (const { key, stats } of await readEntries(parts, parts.toPath(directory.slice(0, -1)))) {
    const name = `${directory}${key}`
    const isOnTheWay = key.endsWith('/') && prefix.startsWith(name)
    if (!name.startsWith(prefix) && !isOnTheWay) continue
    if (!key.endsWith('/')) yield toObjectInfo(name, stats)
    else if (deep || isOnTheWay) yield* walk(parts, name, prefix, deep)
    else yield name
  }
}

/** @param after skips names up to this one. */
async function* toPages(
  found: AsyncGenerator<ObjectInfo | string>,
  after: string | null,
): AsyncGenerator<ObjectPage, ObjectPage> {
  const from = Buffer.from(after ?? '')
  let page: ObjectPage = { objects: [], directories: [], next: null }
  let last: string | null = null
  for await (const one of found) {
    const name = typeof one === 'string' ? one : one.name
    if (after !== null && Buffer.compare(Buffer.from(name), from) <= 0) continue
    if (page.objects.length + page.directories.length === PAGE) {
      yield { ...page, next: last }
      page = { objects: [], directories: [], next: null }
    }
    if (typeof one === 'string') page.directories.push(one)
    else page.objects.push(one)
    last = name
  }
  return page
}

/** Lists in pages; the next page continues where the last one ended. */
export function createLister(parts: SftpParts) {
  /** Open listings by the end of their last page, oldest first. */
  const standing = new Map<string, ReturnType<typeof toPages>>()
  const toKey = (prefix: string, deep: boolean, at: string) => JSON.stringify([prefix, deep, at])

  return async (prefix: string, after: string | null, deep: boolean): Promise<ObjectPage> => {
    const key = after === null ? null : toKey(prefix, deep, after)
    const goesOn = key === null ? undefined : standing.get(key)
    if (key !== null) standing.delete(key)
    const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const pages = goesOn ?? toPages(walk(parts, directory, prefix, deep), after)
    const { value: page } = await pages.next()
    if (page.next !== null) standing.set(toKey(prefix, deep, page.next), pages)
    for (const [oldest] of standing) if (standing.size > MOST_STANDING) standing.delete(oldest)
    return page
  }
}
