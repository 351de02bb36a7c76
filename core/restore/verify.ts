import { COLD, NotReadable } from '../backends/errors.ts'
import { type Library, readAll } from '../backends/library.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { SentFile } from '../ledger/pages.ts'
import { noProofs } from '../ledger/proofs.ts'
import { digestText } from '../platform/digest.ts'
import {
  emptySummary,
  type Finding,
  type VerifyProgress,
  type VerifySummary,
} from '../store/verify/findings.ts'
import { type FoundContent, type OpenedContent, openAhead } from './choose.ts'

const PAGE = 1000

interface VerifyEvents {
  /** Awaited for each finding. */
  found(finding: Finding): Promise<void>
  progress(progress: VerifyProgress): void
}

/** A destination, and the ledger that records which files it has. */
interface ToVerify {
  library: Library
  ledger: Pick<
    Ledger,
    | 'sentFiles'
    | 'sentFile'
    | 'sentSums'
    | 'isReplaced'
    | 'lookup'
    | 'offerDamaged'
    | 'isDamaged'
    | 'endDamaged'
    | 'recordProofs'
    | 'keepLostMetadata'
  >
  /** The destination's id. */
  destination: string
}

/** The ledger's record of one sent file. */
interface Sent extends FoundContent {
  source: string
  file: SentFile
}

/**
 * Reads back every file that the ledger records as sent, and compares it with the record. A file that is damaged,
 * missing or unreadable is queued to be sent again; it is reported each time until then.
 * @throws UserError if the destination is no longer reachable.
 */
export async function verifyLibrary(parts: ToVerify, events: VerifyEvents): Promise<VerifySummary> {
  const { library, ledger, destination } = parts
  const startedAt = Date.now()
  const summary = emptySummary()
  let coldBytes = 0
  const sums = ledger.sentSums(destination)
  const progress: VerifyProgress = {
    ...{ files: 0, bytes: 0 },
    totalFiles: sums.reduce((sum, { files }) => sum + files, 0),
    totalBytes: sums.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    events.progress(progress)
  }
  for await (const one of openAhead(library, sentFiles(parts), { toEnd: true })) {
    const { file, source } = one
    const wrong = await readBack(one, file, advance)
    progress.files += 1
    advance(0)
    if (wrong?.kind === 'cold') {
      summary.files += 1
      summary.cold += 1
      summary.bytes += file.size
      coldBytes += file.size
      continue
    }
    // Its path belongs to another file by now, at the source and therefore at the destination.
    const isGone = wrong !== null && wrong.kind !== 'damaged'
    if (isGone && ledger.isReplaced(destination, source, file)) continue
    summary.files += 1
    summary.bytes += file.size
    const { path, size, digest } = file
    const sent = { source, path, size, digest: digest === null ? null : digestText(digest) }
    // Somebody else may have repaired what an earlier verification found. A newer finding is kept.
    if (wrong === null && ledger.isDamaged(destination, sent))
      ledger.endDamaged(destination, [{ ...sent, at: startedAt }])
    if (!isStill(parts, one)) continue
    if (wrong === null) {
      noteLostMetadata(parts, one, summary)
      continue
    }
    const at = Date.now()
    // Counted at once: this run may not come to its end, and the next one finds it known.
    if (ledger.offerDamaged(destination, { ...sent, finding: wrong.kind, at }))
      ledger.recordProofs(destination, 'verify', at, { ...noProofs(), [wrong.kind]: 1 })
    const isWanted = ledger.lookup(destination, source, file.path)?.state === 'waiting'
    summary[wrong.kind] += 1
    if (isWanted) summary.wanted += 1
    await events.found(toFinding(one, wrong, isWanted))
  }
  const read = { files: summary.files - summary.cold, bytes: summary.bytes - coldBytes }
  ledger.recordProofs(destination, 'verify', Date.now(), { ...noProofs(), ...read })
  return summary
}

/** Records an intact content whose time, mode and digest the destination has lost, which the sender then sets again. */
function noteLostMetadata(
  { library, ledger, destination }: ToVerify,
  { source, file: { path, sentNs }, ...opened }: Sent & OpenedContent,
  summary: VerifySummary,
): void {
  // A digest alone is no sign: objects that were sent in parts have none.
  if ('fault' in opened || sentNs === null || library.mayLoseFacts !== true) return
  const { mtimeNs, mode } = opened.incoming.facts
  if (mtimeNs === BigInt(sentNs)) return
  ledger.keepLostMetadata(destination, { source, path, mtimeNs: String(mtimeNs), mode })
  summary.lostFacts += 1
}

type Wrong = { kind: 'missing' } | { kind: 'damaged'; found: string } | { kind: 'unreadable'; code: string }

function toFinding({ content, file }: Sent, wrong: Wrong, isWanted: boolean): Finding {
  const place = `${content.folder}/${content.path}`
  if (wrong.kind === 'missing') return { place, kind: 'missing', isWanted, forgotten: false }
  if (wrong.kind === 'unreadable') return { place, kind: 'unreadable', code: wrong.code, isWanted }
  const expected = file.digest === null ? '' : digestText(file.digest)
  return { place, kind: 'damaged', expected, found: wrong.found, isWanted }
}

async function* sentFiles({ library, ledger, destination }: ToVerify): AsyncGenerator<Sent> {
  const folders = new Map((await library.folders()).map(({ name, source }) => [source, name]))
  for (const { source } of ledger.sentSums(destination)) {
    // A source that is unknown at the destination has no files there.
    const folder = folders.get(source) ?? source
    for (let after = ''; ; ) {
      const page = ledger.sentFiles(destination, source, after, PAGE)
      for (const file of page) {
        const { path, size, digest } = file
        const facts = { size, mtimeNs: 0n, mode: 0, user: 0, group: 0, more: null }
        const content = { folder, path, version: '', facts, digest, storedAt: 0 }
        yield { source, file, content, to: [], base: null, directories: [] }
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.path
    }
  }
}

/** Reads a content. Returns its damage, or that it could not be read now; null: it is intact. */
async function readBack(
  opened: OpenedContent,
  { size, digest }: SentFile,
  advance: (bytes: number) => void,
): Promise<Wrong | { kind: 'cold' } | null> {
  if ('fault' in opened) return toFault(opened.fault)
  let read: Awaited<ReturnType<typeof readAll>>
  try {
    read = await readAll(opened.incoming, (piece) => advance(piece.length))
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    const { facts, digest: recorded } = opened.incoming
    const isOther =
      facts.size !== size || (digest !== null && recorded !== null && Buffer.compare(digest, recorded) !== 0)
    if (error.message === COLD && isOther) return { kind: 'damaged', found: digestText(recorded ?? NOTHING) }
    return toFault(error.message)
  }
  const expected = digest ?? opened.incoming.digest
  const isWell = read.size === size && (expected === null || Buffer.compare(read.digest, expected) === 0)
  return isWell ? null : { kind: 'damaged', found: digestText(read.digest) }
}

const NOTHING = new Uint8Array(0)

function toFault(fault: string): Wrong | { kind: 'cold' } {
  if (fault === 'ENOENT') return { kind: 'missing' }
  return fault === COLD ? { kind: 'cold' } : { kind: 'unreadable', code: fault }
}

/** True if the ledger's record of the file is unchanged: the file may have been sent again while it was read. */
function isStill({ ledger, destination }: ToVerify, { source, file }: Sent): boolean {
  const now = ledger.sentFile(destination, source, file.path)
  return now?.sentAt === file.sentAt && now.size === file.size && String(now.digest) === String(file.digest)
}
