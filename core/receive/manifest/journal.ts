import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, openFd, syncDirectory, syncFd, writeFully } from '../../files/fd.ts'
import type { Note } from './notes.ts'
import { formatNote } from './notes.ts'

/** A file of the journal is closed at this size, so that what is taken in can be removed. */
const FILE_BYTES = 8 * 1024 * 1024

/** Notes that are held while the disk refuses them; what is older only `holdfast verify --adopt` knows again. */
const MOST_UNWRITTEN = 20_000

/** How far the journal goes. */
export interface JournalEnd {
  name: string
  offset: number
}

/**
 * Whether what ends here is all before that. The numbers in their names order one process's files, no others: where
 * all files were taken in and removed, the next process begins with the first number again.
 */
export const isWithin = (end: JournalEnd, upTo: JournalEnd): boolean =>
  end.name < upTo.name || (end.name === upTo.name && end.offset <= upTo.offset)

/** Whether the process with this tag writes the file with this name. */
export const isWrittenBy = (tag: string, name: string): boolean => name.endsWith(`-${tag}.jsonl`)

/** The journal's files, oldest first. */
export async function journalFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((): string[] => [])
  return names.filter((name) => name.endsWith('.jsonl')).sort()
}

/** "00000007-9f3c2a.jsonl": the number orders them; no two files that ever were have the same name. */
async function nextName(directory: string, tag: string): Promise<string> {
  const last = Number.parseInt((await journalFiles(directory)).at(-1) ?? '0', 10)
  return `${String(last + 1).padStart(8, '0')}-${tag}.jsonl`
}

/**
 * The manifest's journal: a line for each change of the store, synced with the files that it tells of. It is the
 * queue of the thread that keeps the manifest, on disk and so of any length, and what a crash cannot take.
 */
export function openJournal(directory: string) {
  const tag = randomBytes(6).toString('hex')
  let current: { name: string; offset: number } | null = null
  let unwritten: readonly Note[] = []

  const begin = async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    current = { name: await nextName(directory, tag), offset: 0 }
    return current
  }

  const write = async (notes: readonly Note[]): Promise<JournalEnd> => {
    const file = current === null || current.offset >= FILE_BYTES ? await begin() : current
    const bytes = Buffer.from(notes.map((note) => `${formatNote(note)}\n`).join(''))
    const fd = await openFd(path.join(directory, file.name), constants.O_WRONLY | constants.O_CREAT, 0o600)
    try {
      await writeFully(fd, bytes, file.offset)
      await syncFd(fd)
    } finally {
      await closeFd(fd)
    }
    if (file.offset === 0) await syncDirectory(directory)
    file.offset += bytes.length
    return { name: file.name, offset: file.offset }
  }

  return {
    /** What the names of this process's files end with: the last of them is still written. */
    tag,
    /**
     * Calls must not overlap. What fails is written by the next call as well, into another file: what there is of the
     * first attempt may be taken in already, and that twice is the same as once. Nothing stays open in between: an
     * administrator can still make the file system read-only.
     * @throws what the system says.
     */
    async append(notes: readonly Note[]): Promise<JournalEnd> {
      const all = unwritten.length === 0 ? notes : [...unwritten, ...notes]
      try {
        const end = await write(all)
        unwritten = []
        return end
      } catch (thrown) {
        current = null
        unwritten = all.slice(-MOST_UNWRITTEN)
        throw thrown
      }
    },
  }
}
