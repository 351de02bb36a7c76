import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { removeUnfinished } from '../store/restore/batch.ts'
import { makeDestination } from '../store/restore/destination.ts'
import { loadDressing } from '../store/restore/dress.ts'
import type { RestoreEvent, RestoreSummary } from '../store/restore/events.ts'
import { emptySummary, eventOf } from '../store/restore/events.ts'
import type { Incoming } from '../store/restore/incoming.ts'
import { NotReadable } from '../store/restore/incoming.ts'
import type { Put, Putting } from '../store/restore/put.ts'
import { openPutting } from '../store/restore/put.ts'
import { Problem } from '../words/problem.ts'
import type { Library } from './library.ts'
import type { Choice, Opened } from './walk.ts'
import { openAhead, pagesOf, questionOf, walk } from './walk.ts'

/** How far a restore is. Totals are null until they are known. */
export interface RestoreProgress {
  files: number
  bytes: number
  totalFiles: number | null
  totalBytes: number | null
}

export interface RestoringHost {
  /** What it says is waited for. */
  event(event: RestoreEvent): Promise<void>
  progress(progress: RestoreProgress): void
}

export interface ToRestore {
  choice: Choice
  /** A directory, which is made. */
  destination: string
  /** Files there with other content are replaced. */
  overwrite: boolean
  /** Of what is chosen, these paths of their folder alone. */
  only?: readonly string[] | undefined
}

/** Nobody waits for the totals of more files. */
const MOST_COUNTED = 1_000_000
/** A content that is not as it was listed may have been replaced: it is looked up anew so often. */
const MOST_LOOKS = 3
/** It follows soon, where somebody stores it just now; only so often is it waited for. */
const FOLLOWS_MS = 1000
const MOST_WAITS = 20

type Wanted = (content: { path: string }) => boolean

function wantedOf(only: readonly string[] | undefined): Wanted {
  const paths = only === undefined ? null : new Set(only)
  return ({ path: of }) => paths === null || paths.has(of)
}

/** @param signal what is not begun yet is left. */
async function count(
  library: Library,
  choice: Choice,
  isWanted: Wanted,
  progress: RestoreProgress,
  signal: AbortSignal,
): Promise<void> {
  const sum = { files: 0, bytes: 0 }
  for await (const { contents } of pagesOf(library, questionOf(choice))) {
    if (signal.aborted || sum.files > MOST_COUNTED) return
    for (const { facts } of contents.filter(isWanted)) {
      sum.files += 1
      sum.bytes += facts.size
    }
  }
  progress.totalFiles = sum.files
  progress.totalBytes = sum.bytes
}

const placeOf = ({ content: { folder, path: file, version } }: Opened): string =>
  [folder, file, version].filter((part) => part !== '').join('/')

/** What one restore has in hand. */
interface Parts {
  library: Library
  choice: Choice
  putting: Putting
  signal: AbortSignal
  waits: number
}

/**
 * Has an opened content put; one that was replaced since it was listed is looked up anew.
 * @returns null: `later` hears what became of it.
 */
async function bring(
  parts: Parts,
  first: Opened,
  later: (put: Put, opened: Opened) => void,
): Promise<{ put: Put; opened: Opened } | { fault: string }> {
  const { library, choice } = parts
  let opened = first
  for (let look = 1; ; look += 1) {
    const now = opened
    const done = await putOne(parts, now, (put) => later(put, now))
    if (done === null) return { fault: '' }
    const isOdd = 'fault' in done || done.put.did === 'damaged'
    if (!isOdd || look === MOST_LOOKS || parts.signal.aborted) return done
    let again = await lookAgain(library, choice, now, true)
    if (again === null && look === 1 && parts.waits < MOST_WAITS) {
      parts.waits += 1
      await delay(FOLLOWS_MS)
      again = await lookAgain(library, choice, now, false)
    }
    if (again === null) return done
    opened = again
  }
}

async function putOne(
  { putting, signal }: Parts,
  opened: Opened,
  later: (put: Put) => void,
): Promise<{ put: Put; opened: Opened } | { fault: string } | null> {
  if ('fault' in opened) return { fault: opened.fault }
  const { incoming, to, directories } = opened
  const read: Incoming['read'] = (take) =>
    incoming.read((piece, position) => {
      if (signal.aborted) throw new NotReadable('stopped')
      return take(piece, position)
    })
  try {
    const put = await putting.put({ ...incoming, read }, to, directories, later)
    return put === null ? null : { put, opened }
  } catch (thrown) {
    if (thrown instanceof NotReadable) return { fault: thrown.message }
    throw thrown
  }
}

/** The content as the destination has it now; null: it is gone. @param another null also where it is the same one still. */
async function lookAgain(
  library: Library,
  choice: Choice,
  opened: Opened,
  another: boolean,
): Promise<Opened | null> {
  const { folder, path: file, version, digest } = opened.content
  const question = { ...questionOf(choice), folder, path: file, after: null }
  const { contents } = await library.contents(question)
  const now = contents.find((one) => one.folder === folder && one.path === file)
  const isSame = now?.version === version && String(now.digest) === String(digest)
  if (now === undefined || (another && isSame)) return null
  const { to, directories } = opened
  try {
    return { content: now, to, directories, incoming: await library.open(now) }
  } catch (thrown) {
    if (thrown instanceof NotReadable) return null
    throw thrown
  }
}

/**
 * Brings what is chosen to a directory: each file whole or not at all, with its times and modes. It is over when all is
 * there, or the signal says so.
 * @throws Problem where nothing is chosen, the destination can be asked no more, or nothing more can be written.
 */
export async function restoreFrom(
  library: Library,
  { choice, destination, overwrite, only }: ToRestore,
  host: RestoringHost,
  signal: AbortSignal,
): Promise<RestoreSummary> {
  const root = path.resolve(destination)
  const summary = emptySummary()
  const progress: RestoreProgress = { files: 0, bytes: 0, totalFiles: null, totalBytes: null }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    host.progress(progress)
  }
  const told: RestoreEvent[] = []
  const tellAll = async () => {
    for (const event of told.splice(0)) await host.event(event)
  }
  const fail = (event: RestoreEvent) => {
    summary.failed += 1
    told.push(event)
  }
  const isWanted = wantedOf(only)
  const all = walk(library, choice, isWanted, async (place) => {
    summary.files += 1
    summary.failed += 1
    await host.event({ kind: 'strange', place })
  })
  const tell = (put: Put, opened: Opened) => {
    const { facts, digest } = opened.content
    const of = { place: placeOf(opened), size: facts.size, digest }
    told.push(eventOf(put, of, path.join(root, ...opened.to), summary))
  }

  const first = await all.next()
  if (first.done === true) {
    if (summary.failed > 0) return summary
    throw nothingOf(choice)
  }
  await makeDestination(root)
  const putting = openPutting(root, overwrite, await loadDressing(), advance)
  const counting = count(library, choice, isWanted, progress, signal).catch(() => undefined)
  const parts: Parts = { library, choice, putting, signal, waits: 0 }
  let failure: unknown = null
  try {
    for await (const opened of openAhead(library, prepended(first.value, all))) {
      if (signal.aborted) break
      summary.files += 1
      progress.files += 1
      const done = await bring(parts, opened, tell)
      if (signal.aborted && 'fault' in done) break
      if ('put' in done) tell(done.put, done.opened)
      else if (done.fault !== '') fail(eventOfFault(done.fault, placeOf(opened)))
      if (told.length > 0) await tellAll()
      advance(0)
    }
  } catch (thrown) {
    // Whoever stops it may have ended the connection, too.
    if (!signal.aborted) failure = thrown
  }
  try {
    // What has come as a whole gets its name, whatever ended it.
    putting.end()
    await tellAll()
    summary.undressed = putting.undressed
    if (failure !== null) throw failure
    if (!signal.aborted) await counting
    return summary
  } finally {
    removeUnfinished()
  }
}

async function* prepended<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  yield first
  yield* rest
}

const eventOfFault = (fault: string, place: string): RestoreEvent =>
  fault === 'ENOENT' ? { kind: 'missing', place } : { kind: 'unreadable', place, code: fault }

function nothingOf({ folder, path: file, at }: Choice): Problem {
  const place = [folder, file].filter((part) => part !== null).join('/')
  if (at !== null) return new Problem('store.restoreNothingThen', { path: place, at })
  return new Problem('store.restoreNothing', { path: place })
}
