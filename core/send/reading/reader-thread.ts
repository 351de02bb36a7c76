import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import type { FoundDirectory } from '../../backends/destination.ts'
import { dropError } from '../../dropped-errors.ts'
import { serveThread, WithTransfer } from '../../lib/workers/thread.ts'
import { computeDigest, DIGEST_BYTES } from '../../platform/digest.ts'
import { HOLD_DIRECTORY, READ_FILE } from '../../platform/fd.ts'
import { type FileStat, sameFile, toFileMetadata, toFileStat } from '../../platform/file-metadata.ts'
import { computeFixity } from '../../platform/fixity.ts'
import { readAttributes } from '../../platform/native.ts'
import { openBeneathSync } from '../../platform/openat2.ts'
import {
  NO_FILE,
  type ReaderCalls,
  type ReadJob,
  type ReadResult,
  type Unsent,
  unsentBecause,
  type WasRead,
} from './read-result.ts'

/** An open source directory. */
interface Base {
  fd: number
  root: string
}

/** Runs a thread that reads small files: the calls for a group cost one switch between threads. */
export function runReaderThread(port: MessagePort): void {
  serveThread<ReaderCalls>(port, {
    read(job) {
      const result = readAll(job)
      return new WithTransfer(result, [result.bytes.buffer, result.digests.buffer])
    },
  })
}

/** Reads a group of files in order, each into the memory behind the one before. */
function readAll({ root, files, fixity, memory: bytes }: ReadJob): ReadResult {
  // Allocated separately: the whole pool of a pooled buffer would be transferred with it.
  const digests = new Uint8Array(files.length * DIGEST_BYTES)
  let base: Base
  try {
    base = { root, fd: openSync(root, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0)) }
  } catch (thrown) {
    return { read: files.map(() => unsentBecause(thrown)), directories: [], bytes, digests }
  }
  try {
    const read: (WasRead | Unsent)[] = []
    let at = 0
    for (const { path, offered } of files) {
      const found = readOne(base, path, offered, bytes.subarray(at, at + offered.size + 1))
      if (found.kind !== 'content') {
        read.push(found)
        continue
      }
      const content = bytes.subarray(at, at + found.length)
      digests.set(computeDigest(content), read.length * DIGEST_BYTES)
      read.push(fixity.length === 0 ? found : { ...found, fixity: computeFixity(fixity, content) })
      at += found.length
    }
    const paths = files.map(({ path }) => path)
    return { read, directories: readDirectories(base, paths), bytes, digests }
  } finally {
    closeSync(base.fd)
  }
}

/**
 * Reads a small file once. The offered facts are the stat before the read. The stat after the last byte must agree with
 * them, which proves that the content is the offered one. `into` has room for one byte more than expected.
 */
function readOne(
  { fd: base, root }: Base,
  path: string,
  offered: FileStat,
  into: Uint8Array,
): WasRead | Unsent {
  try {
    const fd = openBeneathSync(base, root, path, READ_FILE)
    try {
      let length = 0
      // A read may return fewer bytes than requested. The total exceeds the offered size by at most one byte.
      while (length < into.length) {
        const bytes = readSync(fd, into, length, into.length - length, length)
        length += bytes
        if (bytes === 0 || length === offered.size) break
      }
      const stats = fstatSync(fd, { bigint: true })
      if (!stats.isFile()) return NO_FILE
      const stat = toFileStat(stats)
      if (length !== offered.size || !sameFile(stat, offered)) return { kind: 'changed', stat }
      return { kind: 'content', length, fixity: {}, facts: toFileMetadata(stats, readAttributes(fd)) }
    } finally {
      closeSync(fd)
    }
  } catch (thrown) {
    return unsentBecause(thrown)
  }
}

/** Returns a directory's facts; null: it cannot be read. Its files can be restored without them. */
function readDirectory({ fd: base, root }: Base, path: string): FoundDirectory | null {
  try {
    const fd = path === '' ? base : openBeneathSync(base, root, path, HOLD_DIRECTORY)
    try {
      const facts = toFileMetadata(fstatSync(fd, { bigint: true }), readAttributes(fd))
      return { path, facts, readAt: process.hrtime.bigint() }
    } finally {
      if (fd !== base) closeSync(fd)
    }
  } catch (error) {
    return dropError(error, 'a directory is sent without its mode and times; its files can be restored', null)
  }
}

/** Returns the directories of the files, and those above them. */
function readDirectories(base: Base, paths: readonly string[]): FoundDirectory[] {
  const above = new Set<string>([''])
  for (const path of paths)
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = path.slice(0, end)
      if (above.has(directory)) break
      above.add(directory)
    }
  return [...above].flatMap((path) => readDirectory(base, path) ?? [])
}
