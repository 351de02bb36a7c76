import { hash } from 'node:crypto'
import { closeSync, constants, fchmodSync, futimesSync, openSync, unlinkSync, writeSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import type { PlaceFile } from './place-file.ts'
import { openPlaceFile } from './place-file.ts'
import type { NumberedJob, NumberedResult, StoreJob, StoreJobResult, WriteFile } from './protocol.ts'
import { SHA256_BYTES, WRONG_DIGEST } from './protocol.ts'
import { openSyncWhole } from './syncfs.ts'
import { openWalker } from './walker.ts'

type Commit = Extract<StoreJob, { kind: 'commit' }>

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

/** Not `errorCode`: a thread that loads the dictionaries takes longer to start, and more memory. */
function codeOf(thrown: unknown): string {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : null
  return typeof code === 'string' ? code : String(thrown)
}

function writeContent({ temporary, mtime, mode }: WriteFile, bytes: Uint8Array): void {
  const fd = openSync(temporary, NEW, 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fchmodSync(fd, mode)
    futimesSync(fd, mtime, mtime)
  } finally {
    closeSync(fd)
  }
}

/** @returns why it is not written, and then nothing is left of it; or null. */
function writeOne(file: WriteFile, bytes: Uint8Array, digest: Uint8Array): string | null {
  if (!hash('sha256', bytes, 'buffer').equals(digest)) return WRONG_DIGEST
  try {
    writeContent(file, bytes)
    return null
  } catch (thrown) {
    try {
      unlinkSync(file.temporary)
    } catch {
      // It was never made, or its disk is in trouble; what is left goes with the next start.
    }
    return codeOf(thrown)
  }
}

function write({ files, bytes, digests }: Extract<StoreJob, { kind: 'write' }>): StoreJobResult {
  const failures: [number, string][] = []
  let at = 0
  files.forEach((file, index) => {
    const digest = digests.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES)
    const failure = writeOne(file, bytes.subarray(at, at + file.size), digest)
    at += file.size
    if (failure !== null) failures.push([index, failure])
  })
  free(bytes)
  return { failures, unsynced: null }
}

/** Left to this thread's garbage collector, which sees a small object, megabytes would wait for it. */
function free({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && 'transfer' in buffer) buffer.transfer(0)
}

/** @returns the moves (by their index) that were not made, and why. */
function moveAll(moves: Commit['moves'], root: number, place: PlaceFile): [number, string][] {
  const failures: [number, string][] = []
  const walker = openWalker(root)
  try {
    moves.forEach(([from, to], index) => {
      const end = to.lastIndexOf('/')
      try {
        const failure = place(from, walker.enter(to.slice(0, end)), to.slice(end + 1))
        if (failure !== null) failures.push([index, failure])
      } catch (thrown) {
        failures.push([index, codeOf(thrown)])
      }
    })
  } finally {
    walker.close()
  }
  return failures
}

/**
 * A thread of the store: it does many files' calls one after the other, without the two changes of threads that
 * each costs from the event loop. A disk that hangs holds this thread, and nothing else.
 */
export function runStoreThread(port: MessagePort): void {
  let calls: { place: PlaceFile; syncWhole: (fd: number) => string | null } | null = null

  const commit = ({ moves, fd }: Commit): StoreJobResult => {
    // Only the thread that commits needs the native library.
    calls ??= { place: openPlaceFile(), syncWhole: openSyncWhole() }
    const failures = moveAll(moves, fd, calls.place)
    return { failures, unsynced: calls.syncWhole(fd) }
  }

  port.on('message', ({ id, job }: NumberedJob) => {
    const result = job.kind === 'write' ? write(job) : commit(job)
    port.postMessage({ id, result } satisfies NumberedResult)
  })
}
