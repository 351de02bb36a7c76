import { settled } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { FileFacts } from '../platform/facts.ts'
import { nameFault } from '../protocol/names.ts'
import type { StoreContentsQuestion, StoredContent } from '../store/query/contents.ts'
import { type Library, SMALL_BYTES } from './archive-reader.ts'
import { type Incoming, NotReadable } from './write/incoming.ts'

/** What of a destination is to be restored. */
export interface Choice {
  /** A source's directory, or one that it is in; null: all, each under its own name. */
  folder: string | null
  /** A file or a directory of it; null: all of it. */
  path: string | null
  /** The name of one older content of the file; null: the current one. */
  version: string | null
  /** As it was then, in milliseconds since 1970; null: as it is now. */
  at: number | null
  /** See ContentsQuestion. */
  oldNames?: boolean
}

/** A content, and where below the chosen directory it goes. */
export interface FoundContent {
  content: StoredContent
  to: readonly string[]
  /** Of the directories on that way; null: nobody knows. */
  directories: readonly (FileFacts | null)[]
}

export const questionOf = (choice: Choice): Omit<StoreContentsQuestion, 'after'> => ({
  ...choice,
  text: null,
  isList: false,
})

/**
 * All contents of an answer, page by page; the next one is asked for while this one is used.
 * @param strange hears how many rows of a page no Holdfast has written.
 * @throws UserError where pages go round in a circle.
 */
export async function* pagesOf(
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

const namesOf = ({ folder, path }: { folder: string | null; path: string | null }): string[] =>
  [folder, path].flatMap((part) => part?.split('/') ?? [])

/** Below the chosen directory: what is chosen by name is not repeated there. */
function targetOf(content: StoredContent, choice: Choice): string[] {
  const names = namesOf(content)
  const below = names.slice(namesOf(choice).length)
  return below.length > 0 ? below : names.slice(-1)
}

const isIn = (name: string, wanted: string | null): boolean =>
  wanted === null || `${name}/`.startsWith(`${wanted}/`)

/** Whether it is what was asked for, under a name that leads nowhere else. */
const isSafe = ({ folder, path }: StoredContent, choice: Choice): boolean =>
  nameFault(folder) === null &&
  nameFault(path) === null &&
  isIn(folder, choice.folder) &&
  isIn(path, choice.path)

/** What is to be restored, in the order of the paths. @param strange hears of a name that cannot be used, as people are told, and is waited for. */
export async function* walk(
  library: Pick<Library, 'contents'>,
  choice: Choice,
  isWanted: (content: StoredContent) => boolean,
  strange: (place: string) => Promise<void>,
): AsyncGenerator<FoundContent> {
  for await (const page of pagesOf(library, questionOf(choice))) {
    for (let count = 0; count < page.strange; count += 1) await strange(choice.folder ?? '')
    const known = new Map(page.directories.map(({ folder, path, facts }) => [`${folder} ${path}`, facts]))
    for (const content of page.contents.filter(isWanted)) {
      const { folder, path } = content
      if (!isSafe(content, choice)) {
        await strange(`${folder}/${path}`)
        continue
      }
      const to = targetOf(content, choice)
      const parts = path.split('/')
      const beyond = to.length - parts.length
      const directories = to.slice(0, -1).map((_, index) => {
        const depth = index - beyond + 1
        return depth < 0 ? null : (known.get(`${folder} ${parts.slice(0, depth).join('/')}`) ?? null)
      })
      yield { content, to, directories }
    }
  }
}

/** A content that is open, or why it is not. */
type Opening = { incoming: Incoming } | { fault: string }
export type OpenedContent = FoundContent & Opening

/** Contents that are opened before their turn: so many, and so many bytes of small ones. */
const FILES_AHEAD = 1024
const BYTES_AHEAD = 8 * 1024 * 1024

async function openOne<F extends FoundContent>(
  library: Pick<Library, 'open'>,
  found: F,
): Promise<F & Opening> {
  try {
    return { ...found, incoming: await library.open(found.content) }
  } catch (error) {
    if (error instanceof NotReadable) return { ...found, fault: error.message }
    throw error
  }
}

/** Opens contents ahead of their turn, many at a time, and gives them in their order. */
export async function* openAhead<F extends FoundContent>(
  library: Pick<Library, 'open'>,
  all: AsyncGenerator<F>,
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
      const opened = openOne(library, next.value)
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
