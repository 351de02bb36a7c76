import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Library } from '../backends/library.ts'
import { ignoreError } from '../dropped-errors.ts'
import { LATE, withTimeout } from '../lib/async/timing.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { ownKeys } from '../lib/own-keys.ts'
import type { RequestInput, RequestOutput } from '../lib/workers/definition.ts'
import { lstatOrNull } from '../platform/files.ts'
import type { RestoreEntry } from '../protocol/frames.ts'
import { findNameFault } from '../protocol/names.ts'
import type { EntriesPage } from '../store/query/query.ts'
import { readPages } from './choose.ts'
import { restoreFrom } from './restore.ts'
import type { LocalState, restorerDefinition } from './restore-messages.ts'
import { describeEvent, type RestoreEvent } from './write/events.ts'

// Answers the questions of somebody who looks for a file at a destination: lists, searches, versions, and its content.

type Definition = typeof restorerDefinition
type Asked<N extends keyof Definition['requests']> = RequestInput<Definition, N>
type Answered<N extends keyof Definition['requests']> = Promise<RequestOutput<Definition, N>>

/** A search, or the list of a past state, ends with a part after this time, because the user is waiting. */
const SEARCH_MS = 8_000

/** Lists a directory of the destination, and what is at the same place on this computer. */
export async function listEntries(
  library: Library,
  { from: _, sources, at, ...asked }: Asked<'list'>,
): Answered<'list'> {
  const page =
    at === null
      ? { ...(await library.entries(asked)), files: null, isPart: false }
      : await listThen(library, asked, at)
  const compare = await createComparison(library, sources, asked.folder)
  const below = asked.directory === '' ? '' : `${asked.directory}/`
  const entries = page.entries.map(async (entry) => ({
    ...entry,
    local: await compare({ ...entry, folder: asked.folder, path: below + entry.name }),
  }))
  return { ...page, entries: await Promise.all(entries) }
}

/**
 * Lists a directory as it was at a time. Destinations can only list files at a time, not directories, so all files below
 * are read: of very many, only a part is listed.
 */
async function listThen(
  library: Library,
  { folder, directory }: Pick<Asked<'list'>, 'folder' | 'directory'>,
  at: number,
): Promise<EntriesPage & { files: number | null; isPart: boolean }> {
  const until = performance.now() + SEARCH_MS
  const path = directory === '' ? null : directory
  const entries = new Map<string, RestoreEntry>()
  let files = 0
  const question = { folder, path, at, version: null, text: null, isList: false }
  for await (const { contents, next } of readPages(library, question)) {
    files += contents.length
    for (const { path: file, facts } of contents) {
      const [name = '', ...rest] = (path === null ? file : file.slice(path.length + 1)).split('/')
      const { size, mtimeNs } = facts
      if (rest.length > 0) entries.set(name, { name, kind: 'directory', size: 0, mtimeMs: 0 })
      else if (name !== '') entries.set(name, { name, kind: 'file', size, mtimeMs: Number(mtimeNs) / 1e6 })
    }
    if (next !== null && performance.now() > until)
      return { entries: [...entries.values()], next: null, files: null, isPart: true }
  }
  return { entries: [...entries.values()], next: null, files, isPart: false }
}

/** Time limit of a comparison. A disk that exceeds it is not read again for the same answer. */
const COMPARE_MS = 2_000

/** Times of the same file may differ by this much: SFTP keeps whole seconds, FAT every second one. */
const SAME_TIME_MS = 2_000

/**
 * Returns a function that compares a stored file or directory with its place in its source on this computer.
 * @param folder the only folder concerned; null: any.
 */
async function createComparison(library: Library, sources: Asked<'list'>['sources'], folder: string | null) {
  const folders = Object.keys(sources).length === 0 ? [] : await library.folders()
  const places = ownKeys(sources)
  const roots = new Map(
    folders.flatMap(({ name, source }) => {
      const root = source === null ? undefined : places[source]
      return root === undefined || (folder !== null && name !== folder) ? [] : [[name, root] as const]
    }),
  )
  const hanging = new Set<string>()
  return async (stored: {
    folder: string
    path: string
    kind: 'file' | 'directory'
    size: number
    mtimeMs: number
  }): Promise<LocalState> => {
    const root = roots.get(stored.folder)
    if (root === undefined || hanging.has(root) || findNameFault(stored.path) !== null) return 'unknown'
    const there = await withTimeout(
      COMPARE_MS,
      lstatOrNull(`${root}/${stored.path}`).catch(
        ignoreError('its state on this computer is unknown', undefined),
      ),
    )
    if (there === LATE) hanging.add(root)
    if (there === LATE || there === undefined) return 'unknown'
    if (there === null) return 'missing'
    if (stored.kind === 'directory') return there.isDirectory() ? 'same' : 'changed'
    const isSame =
      there.isFile() && there.size === stored.size && Math.abs(there.mtimeMs - stored.mtimeMs) < SAME_TIME_MS
    return isSame ? 'same' : 'changed'
  }
}

/** Finds files by a part of their path, or those that are missing on this computer. */
export async function searchFiles(
  library: Library,
  { folder, directory, text, at, missingOnly, most, sources }: Asked<'search'>,
): Answered<'search'> {
  const until = performance.now() + SEARCH_MS
  const files: Awaited<Answered<'search'>>['files'] = []
  const path = directory === '' ? null : directory
  const question = { folder, path, at, version: null, text: text === '' ? null : text, isList: false }
  const compare = await createComparison(library, sources, folder)
  for await (const { contents, next } of readPages(library, question)) {
    const found = await Promise.all(
      contents.map(async ({ folder: of, path: file, facts: { size, mtimeNs } }) => {
        const one = { folder: of, path: file, size, mtimeMs: Number(mtimeNs) / 1e6 }
        return { ...one, local: await compare({ ...one, kind: 'file' }) }
      }),
    )
    files.push(...found.filter(({ local }) => !missingOnly || local === 'missing'))
    if (files.length >= most || (next !== null && performance.now() > until))
      return { files: files.slice(0, most), isPart: files.length > most || next !== null }
  }
  return { files, isPart: false }
}

/** Prefix of the directories with files to view, in the system's temporary directory. */
const VIEW_PREFIX = 'holdfast-view-'
/** Limit of a file to view, in bytes: the temporary directory may be in memory. */
const LARGEST_VIEW = 100 * 1024 * 1024
/** Files to view are removed at the next view after this time: a viewer may still have them open. */
const VIEW_KEPT_MS = 24 * 3_600_000

/** Restores one content to a read-only temporary file. */
export async function viewContent(
  library: Library,
  { folder, path: file, version }: Asked<'view'>,
  signal: AbortSignal,
): Answered<'view'> {
  const question = { folder, path: file, at: null, version, text: null, isList: false, after: null }
  const { contents } = await library.contents(question)
  const size = contents.find((one) => one.path === file)?.facts.size ?? 0
  if (size > LARGEST_VIEW) throw new UserError('restore.tooLargeToView', { path: file, most: LARGEST_VIEW })
  await removeOldViews()
  const directory = await mkdtemp(path.join(tmpdir(), VIEW_PREFIX))
  let written = ''
  let failure: UserError | null = null
  const event = async (one: RestoreEvent) => {
    const sentence = describeEvent('', one)
    if (one.kind === 'restored') written = one.to
    else if (sentence !== null) failure = new UserError(sentence.key, sentence.params)
  }
  const choice = { folder, path: file, version, at: null }
  const wanted = { choice, destination: directory, conflict: 'leave' as const }
  await restoreFrom(library, [wanted], { event, progress: () => undefined }, signal)
  if (written === '') throw failure ?? new UserError('store.restoreNothing', { path: `${folder}/${file}` })
  await chmod(written, 0o400)
  return { path: written }
}

/** Removes this user's old files to view. */
async function removeOldViews(): Promise<void> {
  const all = (await readdir(tmpdir())).filter((name) => name.startsWith(VIEW_PREFIX))
  for (const name of all) {
    const directory = path.join(tmpdir(), name)
    const stats = await lstatOrNull(directory)
    const isOld = stats !== null && stats.mtimeMs < Date.now() - VIEW_KEPT_MS
    if (isOld && stats.isDirectory() && stats.uid === (process.getuid?.() ?? stats.uid))
      await rm(directory, { recursive: true, force: true })
  }
}

/** Lists the versions of one file, newest first. */
export async function listVersions(
  library: Library,
  { folder, path: file }: Asked<'versions'>,
): Answered<'versions'> {
  const question = { folder, path: file, at: null, version: null, text: null, isList: true }
  const found: Awaited<Answered<'versions'>>['versions'] = []
  for await (const { contents } of readPages(library, question))
    for (const { path: of, version, storedAt, facts } of contents)
      if (of === file)
        found.push({ version, storedAt, size: facts.size, mtimeMs: Number(facts.mtimeNs) / 1e6 })
  return {
    versions: found.sort(
      (a, b) => Number(b.version === '') - Number(a.version === '') || b.storedAt - a.storedAt,
    ),
  }
}
