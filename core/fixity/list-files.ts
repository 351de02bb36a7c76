import type { DurableFile } from '../ledger/fixity.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { createHasher } from '../platform/digest.ts'
import { closeQuietly, READ_FILE, readFully, statFd } from '../platform/fd.ts'
import { toFileStat } from '../platform/file-metadata.ts'
import { createFixityHasher } from '../platform/fixity.ts'
import type { FixityKind } from '../platform/fixity-kinds.ts'
import { openBeneath } from '../platform/openat2.ts'
import { errorCode } from '../platform/system-error.ts'

const PAGE = 1000
const READ_BYTES = 1024 * 1024

/** A file of a manifest; digests are lower-case hexadecimal digits. */
export interface ListedFile {
  path: string
  size: number
  /** Milliseconds since 1970. */
  modifiedAt: number
  digests: Readonly<Partial<Record<FixityKind, string>>>
}

/**
 * Why a durable file is not in a manifest. damaged: its copy at this destination (an id) was found damaged or missing, and
 * has not been repaired. unrecorded: no digest was recorded when it was sent, and it was not to be read
 * now. changed: it has other content here now, or is gone. unreadable: reading failed with this error name.
 */
export type LeftOut = { path: string } & (
  | { why: 'unrecorded' | 'changed' }
  | { why: 'unreadable'; code: string }
  | { why: 'damaged'; destination: string }
)

interface ListOptions {
  ledger: Pick<Ledger, 'durableFiles'>
  /** The source's id, and the absolute path of its directory. */
  source: { id: string; path: string }
  /** The files are durable at each of these destinations. */
  destinations: readonly string[]
  /** The digest that every listed file has. */
  kind: FixityKind
  /** Reads files without a recorded digest now. */
  mayRead: boolean
}

/** Yields the durable files of a source in the order of their paths. @param leftOut is called for each of the others. */
export async function* listFiles(
  { ledger, source, destinations, kind, mayRead }: ListOptions,
  leftOut: (file: LeftOut) => void,
): AsyncGenerator<ListedFile> {
  for (let after = ''; ; ) {
    const page = ledger.durableFiles(destinations, source.id, after, PAGE)
    for (const file of page) {
      const { path, size, mtimeNs, sha256, md5, damagedAt } = file
      const known = { ...(sha256 && { sha256: toText(sha256) }), ...(md5 && { md5: toText(md5) }) }
      const modifiedAt = Number(mtimeNs / 1_000_000n)
      if (damagedAt !== null) leftOut({ path, why: 'damaged', destination: damagedAt })
      else if (known[kind] !== undefined) yield { path, size, modifiedAt, digests: known }
      else if (!mayRead) leftOut({ path, why: 'unrecorded' })
      else {
        const digest = await readDigest(source.path, file, kind)
        if ('why' in digest) leftOut({ path, ...digest })
        else yield { path, size, modifiedAt, digests: { ...known, [kind]: toText(digest) } }
      }
    }
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = last.path
  }
}

const toText = (digest: Buffer): string => digest.toString('hex')

/** Reads a file that should still have the sent content, and proves that by its recorded BLAKE3 digest, if there is one. */
async function readDigest(
  root: string,
  { path, size, mtimeNs, digest }: DurableFile,
  kind: FixityKind,
): Promise<Buffer | { why: 'changed' } | { why: 'unreadable'; code: string }> {
  let fd: number | null = null
  try {
    const open = await openBeneath(root, path, READ_FILE)
    fd = open
    const isSent = async () => {
      const stats = await statFd(open)
      const now = toFileStat(stats)
      return stats.isFile() && now.size === size && now.mtimeNs === mtimeNs
    }
    if (!(await isSent())) return { why: 'changed' }
    const [blake3, wanted] = [createHasher(), createFixityHasher([kind])]
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    for (let at = 0; at < size; ) {
      const length = await readFully(fd, buffer.subarray(0, Math.min(READ_BYTES, size - at)), at)
      if (length === 0) return { why: 'changed' }
      blake3.update(buffer.subarray(0, length))
      wanted.update(buffer.subarray(0, length))
      at += length
    }
    const isSame = (await isSent()) && (digest === null || blake3.digest().equals(digest))
    return (isSame ? wanted.digest()[kind] : undefined) ?? { why: 'changed' }
  } catch (error) {
    const code = errorCode(error) ?? String(error)
    return GONE.has(code) ? { why: 'changed' } : { why: 'unreadable', code }
  } finally {
    if (fd !== null) await closeQuietly(fd)
  }
}

/** Errors of a name that does not exist, is not a file, or is a link now. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'EXDEV'])
