import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { defer } from '../defer.ts'
import { emptyLedger, readLedger } from '../ledger/ledger.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { getFormKind, type ManifestForm } from '../platform/fixity-kinds.ts'
import { type ListedFile, listFiles } from './list-files.ts'
import { type Written, writeManifest } from './write-manifest.ts'

// Manifests for the views: made in a thread of the main process (report/report-thread.ts), because listing a million
// files takes seconds, and the disk of the chosen place may hang.

/** Limit of a manifest that is returned as text. */
const MOST_TEXT_BYTES = 32 * 1024 * 1024

export interface ManifestRequest {
  ledger: string
  source: { id: string; path: string; name: string }
  /** The files are durable at each of these destinations. */
  destinations: readonly string[]
  form: ManifestForm
  /** Address of the licence of the files; null: not stated. */
  license: string | null
  /** "Holdfast 0.1.0" */
  agent: string
}

export interface ManifestResult extends Written {
  /** Durable files that are not listed: without a recorded digest, or damaged. */
  leftOut: number
  /** The left out files whose copy at a destination was found damaged or missing, and has not been repaired. */
  damaged: number
  /** Files that are not durable yet, which are not listed. */
  notDurable: number
}

export interface ManifestTexts extends ManifestResult {
  /** The files of the manifest; a bag has several. */
  texts: { name: string; text: string }[]
}

/**
 * Writes a manifest to a file, or into a directory (bagit, ro-crate).
 * @param limit of its bytes. @throws UserError fixity.notWritten, fixity.tooLong
 */
export async function saveManifest(
  request: ManifestRequest,
  to: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<ManifestResult> {
  const { source, destinations, form, license, agent } = request
  const ledger = readLedger(request.ledger) ?? emptyLedger
  using _ = defer(() => ledger.close())
  const without = { leftOut: 0, damaged: 0 }
  const options = { ledger, source, destinations, kind: getFormKind(form), mayRead: false }
  const files = listFiles(options, ({ why }) => {
    without.leftOut += 1
    if (why === 'damaged') without.damaged += 1
  })
  const written = await writeManifest(limitLines(files, request, limit), form, to, {
    name: source.name,
    agent,
    license,
    now: new Date(),
  })
  return { ...written, ...without, notDurable: ledger.notDurable(destinations, source.id) }
}

const createTooLong = ({ source: { name, path } }: ManifestRequest, limit: number): UserError =>
  new UserError('fixity.tooLong', { name, path, limit })

/** Ends a list whose names alone exceed the limit. @throws UserError fixity.tooLong */
async function* limitLines(
  files: AsyncIterable<ListedFile>,
  request: ManifestRequest,
  limit: number,
): AsyncIterable<ListedFile> {
  let bytes = 0
  for await (const file of files) {
    bytes += Buffer.byteLength(file.path)
    if (bytes > limit) throw createTooLong(request, limit)
    yield file
  }
}

/** Returns a manifest of at most `limit` bytes as text. @throws UserError fixity.tooLong, fixity.notWritten */
export async function readAsText(request: ManifestRequest, limit = MOST_TEXT_BYTES): Promise<ManifestTexts> {
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-manifest-'))
  try {
    const { form } = request
    const isTree = form === 'bagit' || form === 'ro-crate'
    const result = await saveManifest(
      request,
      isTree ? directory : path.join(directory, `${getFormKind(form)}sums.txt`),
      limit,
    )
    const names = (await readdir(directory)).sort()
    const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(directory, name))).size))
    if (sizes.reduce((sum, size) => sum + size, 0) > limit) throw createTooLong(request, limit)
    const texts = await Promise.all(
      names.map(async (name) => ({ name, text: await readFile(path.join(directory, name), 'utf8') })),
    )
    return { ...result, texts }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
