import { NotReadable } from '../backends/errors.ts'
import { type Incoming, type Library, readAll } from '../backends/library.ts'
import type { Manifest } from '../fixity/read-manifest.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { createFixityHasher } from '../platform/fixity.ts'
import {
  emptySummary,
  type Finding,
  type VerifyProgress,
  type VerifySummary,
} from '../store/verify/findings.ts'
import { chooseContents, type OpenedContent, openAhead } from './choose.ts'

// Compares contents with a manifest in the form of sha256sum or BagIt, whose paths are relative to their source.

/** A content that a manifest describes differently. Digests as text. */
interface Difference {
  expected: string
  found: string
}

/**
 * Returns a content that ends with NotReadable if it is not the listed one; `difference` then has the digests. A content
 * that is not listed is returned unchanged.
 */
export function withCheck(
  incoming: Incoming,
  file: string,
  manifest: Manifest | undefined,
): { incoming: Incoming; difference(): Difference | null } {
  const listed = manifest?.get(file)
  let difference: Difference | null = null
  if (listed === undefined) return { incoming, difference: () => null }
  async function* pieces() {
    if (listed === undefined) return
    const hasher = createFixityHasher([listed.kind])
    for await (const piece of incoming.pieces()) {
      hasher.update(piece)
      yield piece
    }
    const found = hasher.digest()[listed.kind]?.toString('hex') ?? ''
    if (found === listed.digest) return
    difference = { expected: listed.digest, found }
    throw new NotReadable('other content than listed')
  }
  return { incoming: { ...incoming, pieces }, difference: () => difference }
}

interface ToCheck {
  library: Library
  /** The folder of the source; null: the only one. */
  folder: string | null
  manifest: Manifest
}

interface CheckEvents {
  /** Awaited for each finding. */
  found(finding: Finding): Promise<void>
  progress(progress: VerifyProgress): void
}

/**
 * Reads back every file that a manifest lists, and compares it. Nothing is requested to be sent again, since a manifest
 * may come from anywhere.
 * @throws UserError if the destination is no longer reachable, has no such source, or has several and none was named.
 */
export async function verifyManifest(
  { library, folder: named, manifest }: ToCheck,
  { found, progress: show }: CheckEvents,
): Promise<VerifySummary> {
  const folder = await findFolder(library, named)
  const summary = emptySummary()
  const progress: VerifyProgress = { files: 0, bytes: 0, totalFiles: manifest.size, totalBytes: 0 }
  const choice = { folder, path: null, version: null, at: null }
  const left = new Set(manifest.keys())
  const isListed = ({ path }: { path: string }) => manifest.has(path)
  const contents = chooseContents(library, choice, 'bare', isListed, async () => undefined)
  for await (const opened of openAhead(library, contents, { toEnd: true })) {
    left.delete(opened.content.path)
    const finding = await check(opened, manifest, (bytes) => {
      progress.bytes += bytes
      show(progress)
    })
    progress.files += 1
    summary.files += 1
    summary.bytes += opened.content.facts.size
    if (finding === null) continue
    summary[finding.kind] += 1
    await found(finding)
  }
  for (const path of left) {
    summary.files += 1
    summary.missing += 1
    await found({ kind: 'missing', place: `${folder}/${path}`, isWanted: false, forgotten: false })
  }
  return summary
}

async function findFolder(library: Library, named: string | null): Promise<string> {
  const names = (await library.folders()).map(({ name }) => name)
  const [only, ...others] = names
  if (only === undefined) throw new UserError('restore.emptyThere')
  if (named !== null && !names.includes(named))
    throw new UserError('restore.notThere', { name: named, names: names.join(', ') })
  if (named !== null) return named
  if (others.length > 0) throw new UserError('fixity.whichSource', { names: names.join(', ') })
  return only
}

async function check(opened: OpenedContent, manifest: Manifest, advance: (bytes: number) => void) {
  const { folder, path } = opened.content
  const place = `${folder}/${path}`
  if ('fault' in opened) return { kind: 'unreadable', place, code: opened.fault, isWanted: false } as const
  const { incoming, difference } = withCheck(opened.incoming, path, manifest)
  try {
    await readAll(incoming, (piece) => advance(piece.length))
    return null
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    const other = difference()
    if (other !== null) return { kind: 'damaged', place, ...other, isWanted: false } as const
    return { kind: 'unreadable', place, code: error.message, isWanted: false } as const
  }
}
