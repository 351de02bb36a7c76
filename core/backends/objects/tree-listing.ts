import { ANSWER_MS } from '../../lib/network/answers.ts'
import { BackendError } from '../errors.ts'
import type { ObjectInfo, ObjectPage, ObjectStore } from './object-store.ts'

// Lists the objects of a store that has directories, such as an SFTP server.

/** Names in one page of a listing. */
const PAGE = 1_000
/** Limit of nested directories: no path that Holdfast sends has as many (protocol/names.ts), nor its older versions. */
const MOST_DEPTH = 300
/** Limit of names in one directory, which has to be read completely for sorting. */
const MOST_NAMES = 1_000_000
/** A longer name counts as several. */
const NAME_CHARACTERS = 1_024
/** Listings kept open for the next page; any other one starts again and skips the pages before. */
const MOST_STANDING = 16

/** A file, or the name of a directory with "/" at its end. */
export type ListedEntry = ObjectInfo | string

const nameOf = (entry: ListedEntry): string => (typeof entry === 'string' ? entry : entry.name)

/**
 * Returns a function that counts the names of each piece of a listing: a faulty server may never end, or send a name
 * from time to time. It throws BackendError `impossible` beyond the limits. That of names is one of memory: a long name
 * counts as several, and a piece without names as a page of them.
 */
export function limitNames(path: string): (names: readonly (string | undefined)[]) => void {
  let count = 0
  const began = performance.now()
  return (names) => {
    if (performance.now() - began > ANSWER_MS)
      throw new BackendError('impossible', `the list of names in ${path} does not end`)
    for (const name of names) count += Math.ceil((name?.length ?? 0) / NAME_CHARACTERS) || 1
    if (names.length === 0) count += PAGE
    if (count > MOST_NAMES) throw new BackendError('impossible', `${path} has more than ${MOST_NAMES} names`)
  }
}

/**
 * Lists in pages; the next page continues where the last one ended.
 * @param read returns the files and directories of a directory, whose name is '' or ends with "/", in any order.
 */
export function createLister(read: (directory: string) => Promise<ListedEntry[]>): ObjectStore['list'] {
  /** Open listings by the end of their last page, oldest first. */
  const standing = new Map<string, ReturnType<typeof toPages>>()
  const toKey = (prefix: string, deep: boolean, at: string) => JSON.stringify([prefix, deep, at])

  return async (prefix: string, after: string | null, deep: boolean): Promise<ObjectPage> => {
    const key = after === null ? null : toKey(prefix, deep, after)
    const goesOn = key === null ? undefined : standing.get(key)
    if (key !== null) standing.delete(key)
    const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const pages = goesOn ?? toPages(walk(read, directory, prefix, deep), after)
    // The last page is what the generator returns.
    const { value: page } = await pages.next()
    if (page.next !== null) standing.set(toKey(prefix, deep, page.next), pages)
    for (const [oldest] of standing) if (standing.size > MOST_STANDING) standing.delete(oldest)
    return page
  }
}

/** Collects names in pages. @param after skips names up to this one. */
async function* toPages(
  found: AsyncGenerator<ListedEntry>,
  after: string | null,
): AsyncGenerator<ObjectPage, ObjectPage> {
  const from = Buffer.from(after ?? '')
  let page: ObjectPage = { objects: [], directories: [], next: null }
  let last: string | null = null
  for await (const one of found) {
    const name = nameOf(one)
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

/** Yields all objects below a prefix, in byte order of the names; if not `deep`, yields directories as names. */
async function* walk(
  read: (directory: string) => Promise<ListedEntry[]>,
  directory: string,
  prefix: string,
  deep: boolean,
): AsyncGenerator<ListedEntry> {
  if (directory.split('/').length > MOST_DEPTH)
    throw new BackendError('impossible', `more than ${MOST_DEPTH} directories inside each other`)
  const entries = await read(directory)
  const byBytes = (a: ListedEntry, b: ListedEntry) =>
    Buffer.compare(Buffer.from(nameOf(a)), Buffer.from(nameOf(b)))
  for (const entry of entries.sort(byBytes)) {
    const name = nameOf(entry)
    const isOnTheWay = name.endsWith('/') && prefix.startsWith(name)
    if (!name.startsWith(prefix) && !isOnTheWay) continue
    if (typeof entry !== 'string') yield entry
    else if (deep || isOnTheWay) yield* walk(read, name, prefix, deep)
    else yield name
  }
}
