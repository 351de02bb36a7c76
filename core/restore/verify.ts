import type { Ledger } from '../ledger/ledger.ts'
import type { SentFile } from '../ledger/pages.ts'
import { digestText } from '../platform/digest.ts'
import {
  emptySummary,
  type Finding,
  type VerifyProgress,
  type VerifySummary,
} from '../store/verify/findings.ts'
import type { Library } from './archive-reader.ts'
import { type FoundContent, type OpenedContent, openAhead } from './walk.ts'
import { NotReadable, readAll } from './write/incoming.ts'

const PAGE = 1000

interface VerifyHost {
  /** What it says is waited for. */
  found(finding: Finding): Promise<void>
  progress(progress: VerifyProgress): void
}

/** What the ledger says of one file that is sent. */
interface Sent extends FoundContent {
  source: string
  file: SentFile
}

/** A destination, and what the ledger says that it has. */
interface ToVerify {
  library: Library
  ledger: Pick<Ledger, 'sentFiles' | 'sentFile' | 'sentSums' | 'isReplaced' | 'lookup' | 'offerAgain'>
  /** The destination's id. */
  destination: string
}

async function* sentFiles({ library, ledger, destination }: ToVerify): AsyncGenerator<Sent> {
  const folders = new Map((await library.folders()).map(({ name, source }) => [source, name]))
  for (const { source } of ledger.sentSums(destination)) {
    // One that the destination knows nothing of has no files there.
    const folder = folders.get(source) ?? source
    for (let after = ''; ; ) {
      const page = ledger.sentFiles(destination, source, after, PAGE)
      for (const file of page) {
        const { path, size, digest } = file
        const facts = { size, mtimeNs: 0n, mode: 0, user: 0, group: 0, more: null }
        const content = { folder, path, version: '', facts, digest, storedAt: 0 }
        yield { source, file, content, to: [], directories: [] }
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.path
    }
  }
}

/** What is wrong with a content as it is read now; null: nothing. */
async function judge(
  opened: OpenedContent,
  { size, digest }: SentFile,
  advance: (bytes: number) => void,
): Promise<
  { kind: 'missing' } | { kind: 'damaged'; found: string } | { kind: 'unreadable'; code: string } | null
> {
  if ('fault' in opened) return faultOf(opened.fault)
  let read: Awaited<ReturnType<typeof readAll>>
  try {
    read = await readAll(opened.incoming, (piece) => advance(piece.length))
  } catch (error) {
    if (error instanceof NotReadable) return faultOf(error.message)
    throw error
  }
  const expected = digest ?? opened.incoming.digest
  const isWell = read.size === size && (expected === null || Buffer.compare(read.digest, expected) === 0)
  return isWell ? null : { kind: 'damaged', found: digestText(read.digest) }
}

const faultOf = (fault: string) =>
  fault === 'ENOENT' ? ({ kind: 'missing' } as const) : ({ kind: 'unreadable', code: fault } as const)

/** Whether the ledger still says this of the file: it may have been sent anew while it was read. */
function isStill({ ledger, destination }: ToVerify, { source, file }: Sent): boolean {
  const now = ledger.sentFile(destination, source, file.path)
  return now?.sentAt === file.sentAt && now.size === file.size && String(now.digest) === String(file.digest)
}

/**
 * Reads back every file that the ledger says was sent, and compares it with what was sent. What is damaged, missing or
 * cannot be read is offered again: it is sent anew without anybody's doing, and found each time until then.
 * @throws UserError where the destination can be asked no more.
 */
export async function verifyLibrary(parts: ToVerify, host: VerifyHost): Promise<VerifySummary> {
  const { library, ledger, destination } = parts
  const summary = emptySummary()
  const sums = ledger.sentSums(destination)
  const progress: VerifyProgress = {
    ...{ files: 0, bytes: 0 },
    totalFiles: sums.reduce((sum, { files }) => sum + files, 0),
    totalBytes: sums.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    host.progress(progress)
  }
  for await (const one of openAhead(library, sentFiles(parts))) {
    const { file, source, content } = one
    const wrong = await judge(one, file, advance)
    progress.files += 1
    advance(0)
    // Its place has something else by now, as it has at the source.
    const isGone = wrong !== null && wrong.kind !== 'damaged'
    if (isGone && ledger.isReplaced(destination, source, file)) continue
    summary.files += 1
    summary.bytes += file.size
    if (wrong === null || !isStill(parts, one)) continue
    ledger.offerAgain(destination, [[source, file.path]])
    const isWanted = ledger.lookup(destination, source, file.path)?.state === 'waiting'
    summary[wrong.kind] += 1
    if (isWanted) summary.wanted += 1
    const place = `${content.folder}/${content.path}`
    const expected = file.digest === null ? '' : digestText(file.digest)
    if (wrong.kind === 'missing') await host.found({ place, kind: 'missing', isWanted, forgotten: false })
    else if (wrong.kind === 'damaged')
      await host.found({ place, kind: 'damaged', expected, found: wrong.found, isWanted })
    else await host.found({ place, kind: 'unreadable', code: wrong.code, isWanted })
  }
  return summary
}
