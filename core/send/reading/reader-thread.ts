import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import { DIGEST_BYTES, digestOf } from '../../files/digest.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import type { Facts } from './facts.ts'
import type { Unsent } from './judge-read.ts'
import { judgeRead, unsentBecause } from './judge-read.ts'
import type { ReadJob, ReadResult, WasRead } from './protocol.ts'

/** As `readSmall`, without giving the thread away in between; `into` has room for a byte more than is expected. */
function readOne(file: string, offered: Facts, into: Uint8Array): WasRead | Unsent {
  try {
    const fd = openSync(file, READ_FILE)
    try {
      let length = 0
      // Fewer bytes than asked for may come before the end, but never more than were offered and one.
      while (length < into.length) {
        const bytes = readSync(fd, into, length, into.length - length, length)
        length += bytes
        if (bytes === 0 || length === offered.size) break
      }
      const judged = judgeRead(fstatSync(fd, { bigint: true }), length, offered)
      return 'kind' in judged ? judged : { kind: 'content', length, mode: judged.mode }
    } finally {
      closeSync(fd)
    }
  } catch (thrown) {
    return unsentBecause(thrown)
  }
}

type Owned = Uint8Array<ArrayBuffer>

function readAll({
  id,
  digests: kind,
  files,
  memory: bytes,
}: ReadJob): ReadResult & { bytes: Owned; digests: Owned } {
  // Memory of its own: a view of a pool would bring the whole pool along.
  const digests = new Uint8Array(files.length * DIGEST_BYTES[kind])
  const read: (WasRead | Unsent)[] = []
  let at = 0
  for (const { file, offered } of files) {
    const found = readOne(file, offered, bytes.subarray(at, at + offered.size + 1))
    if (found.kind === 'content') {
      const content = bytes.subarray(at, at + found.length)
      digests.set(digestOf(kind, content), read.length * DIGEST_BYTES[kind])
      at += found.length
    }
    read.push(found)
  }
  return { id, read, bytes, digests }
}

/** A thread that reads small files: the calls of many cost one change of threads. */
export function runReaderThread(port: MessagePort): void {
  port.on('message', (job: ReadJob) => {
    const result = readAll(job)
    port.postMessage(result, [result.bytes.buffer, result.digests.buffer])
  })
}
