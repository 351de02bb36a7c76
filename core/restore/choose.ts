import { NotReadable } from '../backends/errors.ts'
import { type Incoming, type Library, type OpenContent, SMALL_BYTES } from '../backends/library.ts'
import { settled } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { ownKeys } from '../lib/own-keys.ts'
import type { FileMetadata } from '../platform/file-metadata.ts'
import type { Folder } from '../protocol/frames.ts'
import { findNameFault, toLocalName } from '../protocol/names.ts'
import type { StoreContentsQuestion, StoredContent } from '../store/query/query.ts'

/** Selects which files of a destination to restore. */
export interface Choice {
  /** A source's directory, or a directory that contains it; null: all of them, each under its own name. */
  folder: string | null
  /** A file or a directory in the folder; null: the whole folder. */
  path: string | null
  /** The name of one older version of the file; null: the current one. */
  version: string | null
  /** The state at this time, in milliseconds since 1970; null: the current state. */
  at: number | null
  /** Only files whose path contains this text, ignoring case; left out: all. */
  text?: string | undefined
  /** See ContentsQuestion. */
  oldNames?: boolean
  /** Id of this computer's source of the folder's name: its folder there may have the name of before a renaming. */
  source?: string
}

/**
 * Placement of the chosen files below the target directory. bare: the names of the choice are left out, so that a
 * chosen directory's files lie directly in the target. named: the last name of the choice is kept. inPlace: the target
 * is a source, and each file gets its path in the source.
 */
export type Placement = 'bare' | 'named' | 'inPlace'

/** A content, and its path below the target directory. */
export interface FoundContent {
  content: StoredContent
  to: readonly string[]
  /** Metadata of the directory that the target directory stands for; null: unknown, or none. */
  base: FileMetadata | null
  /** Metadata of the directories in `to`; null: unknown. */
  directories: readonly (FileMetadata | null)[]
}

/** An opened content, or the reason why opening failed. */
type Opening = { incoming: Incoming } | { fault: string }
export type OpenedContent = FoundContent & Opening

/** Maximum number of contents, and of bytes of small contents, to open ahead. */
const FILES_AHEAD = 1024
const BYTES_AHEAD = 8 * 1024 * 1024

/**
 * Yields the contents to restore, sorted by path.
 * @param isWanted also gets the path below the target directory.
 * @param strange is called with the name of each unusable entry, for display, and is awaited; empty: unknown.
 */
export async function* chooseContents(
  library: Pick<Library, 'contents'>,
  choice: Choice,
  placement: Placement,
  isWanted: (content: StoredContent, to: readonly string[]) => boolean,
  strange: (place: string) => Promise<void>,
): AsyncGenerator<FoundContent> {
  for await (const page of readPages(library, toQuestion(choice))) {
    for (let count = 0; count < page.strange; count += 1) await strange(page.strangeNames?.[count] ?? '')
    const known = new Map(page.directories.map(({ folder, path, facts }) => [`${folder} ${path}`, facts]))
    for (const content of page.contents) {
      const { folder, path } = content
      if (!isSafe(content, choice)) {
        await strange(`${folder}/${path}`)
        continue
      }
      const to = buildTargetPath(content, choice, placement)
      if (!isWanted(content, to)) continue
      const parts = path.split('/')
      const beyond = to.length - parts.length
      const factsAt = (depth: number): FileMetadata | null =>
        depth < 0 ? null : (known.get(`${folder} ${parts.slice(0, depth).join('/')}`) ?? null)
      const directories = to.slice(0, -1).map((_, index) => factsAt(index - beyond + 1))
      yield { content, to, base: factsAt(-beyond), directories }
    }
  }
}

/**
 * Returns the chosen folders, each with the directory of its source on this computer.
 * @param sources directories of the sources, by id.
 * @throws UserError if there is no such folder, or a folder has no source here.
 */
export function findPlaces(
  folders: readonly Folder[],
  chosen: string | null,
  sources: Readonly<Record<string, string>>,
): { folder: string; source: string; directory: string }[] {
  const all = folders.filter(({ name }) => chosen === null || name === chosen)
  if (all.length === 0) {
    const names = folders.map(({ name }) => name).join(', ')
    throw chosen === null || names === ''
      ? new UserError('restore.emptyThere')
      : new UserError('restore.notThere', { name: chosen, names })
  }
  const places = ownKeys(sources)
  return all.map(({ name, source }) => {
    const directory = source === null ? undefined : places[source]
    if (source === null || directory === undefined) throw new UserError('restore.noPlace', { name })
    return { folder: name, source, directory }
  })
}

export const toQuestion = ({ source: _, ...choice }: Choice): Omit<StoreContentsQuestion, 'after'> => ({
  ...choice,
  text: choice.text ?? null,
  isList: false,
})

/** Returns the choice with the name that the source's folder has at the destination. */
export async function asThere<C extends Pick<Choice, 'folder' | 'source'>>(
  library: Pick<Library, 'folders'>,
  choice: C,
): Promise<C> {
  if (choice.source === undefined) return choice
  const found = (await library.folders()).find(({ source }) => source === choice.source)
  return found === undefined ? choice : { ...choice, folder: found.name }
}

/**
 * Yields all pages of an answer. The next page is requested while the current one is processed.
 * @throws UserError if the pages form a cycle.
 */
export async function* readPages(
  library: Pick<Library, 'contents'>,
  question: Omit<StoreContentsQuestion, 'after'>,
) {
  let asked = library.contents({ ...question, after: null })
  let before: string | null = null
  for (;;) {
    const page = await asked
    const { next } = page
    if (next !== null) {
      if (next === before) throw new UserError('restore.circle')
      before = next
      asked = library.contents({ ...question, after: next })
      void settled(asked)
    }
    yield page
    if (next === null) return
  }
}

/**
 * True if a content matches the choice, and its name cannot lead out of it. The computer that sent it may have names that
 * this one cannot have (toLocalName).
 */
const isSafe = ({ folder, path }: StoredContent, choice: Choice): boolean =>
  findNameFault(folder, 'linux') === null &&
  findNameFault(path, 'linux') === null &&
  isIn(folder, choice.folder) &&
  isIn(path, choice.path)

const isIn = (name: string, wanted: string | null): boolean =>
  wanted === null || `${name}/`.startsWith(`${wanted}/`)

/** Returns the path below the target directory. */
function buildTargetPath(
  content: Pick<StoredContent, 'folder' | 'path'>,
  choice: Pick<Choice, 'folder' | 'path'>,
  placement: Placement,
): string[] {
  const names = splitNames(content)
  const chosen = splitNames(placement === 'inPlace' ? { folder: choice.folder, path: null } : choice).length
  const below = names.slice(placement === 'named' ? Math.max(0, chosen - 1) : chosen)
  return (below.length > 0 ? below : names.slice(-1)).map((name) => toLocalName(name))
}

const splitNames = ({ folder, path }: { folder: string | null; path: string | null }): string[] =>
  [folder, path].flatMap((part) => part?.split('/') ?? [])

/** Opens many contents concurrently, ahead of their turn, and yields them in order. */
export async function* openAhead<F extends FoundContent>(
  library: Pick<Library, 'open'>,
  all: AsyncGenerator<F>,
  options?: OpenContent,
): AsyncGenerator<F & Opening> {
  const queue: { opened: Promise<F & Opening>; bytes: number }[] = []
  let bytes = 0
  let isEnd = false
  for (;;) {
    while (!isEnd && queue.length < FILES_AHEAD && bytes < BYTES_AHEAD) {
      const next = await all.next()
      if (next.done === true) {
        isEnd = true
        break
      }
      const { size } = next.value.content.facts
      const own = size > SMALL_BYTES ? 0 : size
      const opened = openOne(library, next.value, options)
      void settled(opened)
      queue.push({ opened, bytes: own })
      bytes += own
    }
    const first = queue.shift()
    if (first === undefined) return
    yield await first.opened
    bytes -= first.bytes
  }
}

async function openOne<F extends FoundContent>(
  library: Pick<Library, 'open'>,
  found: F,
  options: OpenContent | undefined,
): Promise<F & Opening> {
  try {
    return { ...found, incoming: await library.open(found.content, options) }
  } catch (error) {
    if (error instanceof NotReadable) return { ...found, fault: error.message }
    throw error
  }
}
