import { closeSync, fchmodSync, futimesSync, openSync, writeSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import { isContentOf } from '../../files/digest.ts'
import { errorCode } from '../../files/system-error.ts'
import { batchBuffers, freeNow } from '../../wire/frame-buffers.ts'
import type { NumberedJob, NumberedResult, StoreJob, StoreJobResult, WriteFile } from './protocol.ts'
import { NO_DESCRIPTOR, WRONG_DIGEST } from './protocol.ts'
import { openSyncWhole } from './syncfs.ts'
import type { NameFile } from './unnamed.ts'
import { ANYWHERE, openNameFile, UNNAMED } from './unnamed.ts'
import type { Walker } from './walker.ts'
import { openWalker } from './walker.ts'

type Write = Extract<StoreJob, { kind: 'write' }>
type Commit = Extract<StoreJob, { kind: 'commit' }>
type ToName = Commit['files'][number]

const codeOf = (thrown: unknown): string => errorCode(thrown) ?? String(thrown)

/** @returns its descriptor, or why it is not written, and then nothing is left of it. */
function writeOne(
  directory: string,
  { mtime, mode }: WriteFile,
  bytes: Uint8Array,
  digest: Uint8Array,
): number | string {
  if (!isContentOf(digest, bytes)) return WRONG_DIGEST
  let fd = NO_DESCRIPTOR
  try {
    fd = openSync(directory, UNNAMED, 0o600)
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fchmodSync(fd, mode)
    futimesSync(fd, mtime, mtime)
    return fd
  } catch (thrown) {
    if (fd !== NO_DESCRIPTOR) closeQuietly(fd)
    return codeOf(thrown)
  }
}

function write({ directory, files, bytes, digests }: Write): StoreJobResult {
  const failures: [number, string][] = []
  let at = 0
  let digested = 0
  const descriptors = files.map((file, index) => {
    const digest = digests.subarray(digested, digested + file.digestBytes)
    const written = writeOne(directory, file, bytes.subarray(at, at + file.size), digest)
    at += file.size
    digested += file.digestBytes
    if (typeof written === 'number') return written
    failures.push([index, written])
    return NO_DESCRIPTOR
  })
  return { failures, lost: [], descriptors, unsynced: null }
}

/** What was written, if its memory is to be used again. */
function memoryOf(job: StoreJob): Uint8Array<ArrayBuffer> | null {
  if (job.kind !== 'write') return null
  if (batchBuffers.holds(job.bytes)) return job.bytes
  freeNow(job.bytes)
  return null
}

/** @returns why it has not got its place, or null. */
function place({ descriptor, to }: ToName, walker: Walker, name: NameFile): string | null {
  // Somebody else deals with what is in the way.
  if (to === null) return 'EEXIST'
  const end = to.lastIndexOf('/')
  try {
    return name(descriptor, walker.enter(to.slice(0, end)), to.slice(end + 1))
  } catch (thrown) {
    return codeOf(thrown)
  }
}

/** Whether its content is durable the sync says. */
function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch {
    // Closed all the same (close(2)).
  }
}

function nameAll({ files, root }: Commit, name: NameFile): Pick<StoreJobResult, 'failures' | 'lost'> {
  const failures: [number, string][] = []
  const lost: number[] = []
  const walker = openWalker(root)
  try {
    files.forEach((file, index) => {
      const failure = place(file, walker, name)
      const unnamed = failure === null ? null : name(file.descriptor, ANYWHERE, file.temporary)
      closeQuietly(file.descriptor)
      if (failure !== null) failures.push([index, unnamed ?? failure])
      if (unnamed !== null) lost.push(index)
    })
  } finally {
    walker.close()
  }
  return { failures, lost }
}

/**
 * A thread of the store: it does many files' calls one after the other, without the two changes of threads that
 * each costs from the event loop. A disk that hangs holds this thread, and nothing else.
 */
export function runStoreThread(port: MessagePort): void {
  let calls: { name: NameFile; syncWhole: (fd: number) => string | null } | null = null

  const commit = (job: Commit): StoreJobResult => {
    // Only the thread that commits needs the native library.
    calls ??= { name: openNameFile(), syncWhole: openSyncWhole() }
    const named = nameAll(job, calls.name)
    return { ...named, descriptors: [], unsynced: calls.syncWhole(job.root) }
  }

  port.on('message', ({ id, job }: NumberedJob) => {
    const result = job.kind === 'write' ? write(job) : commit(job)
    const memory = memoryOf(job)
    port.postMessage({ id, result, memory } satisfies NumberedResult, memory === null ? [] : [memory.buffer])
  })
}
