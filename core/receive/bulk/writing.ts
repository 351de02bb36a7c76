import { storedMode } from '../file-facts.ts'
import type { Pending } from './pending.ts'
import { NO_BYTES } from './pending.ts'
import type { StoreJob } from './protocol.ts'

/** Files that one job of a thread writes at most: as many as a frame brings. */
const JOB_FILES = 512
/** A group of fewer files shares its job with those behind it, up to so many bytes: what shares one is copied. */
const WORTH_A_JOB = 64
const SHARED_JOB_BYTES = 256 * 1024

/**
 * Takes the files of the next job out of those that wait, at most so many: a group, several small ones, or the beginning
 * of one.
 */
export function takeJob(coming: Pending[][], most: number): Pending[] {
  const files = coming.shift() ?? []
  if (files.length > most) {
    const apart = separate(files)
    coming.unshift(apart.splice(most))
    return apart
  }
  const room = Math.min(JOB_FILES, most)
  let bytes = bytesIn(files)
  while (
    files.length < WORTH_A_JOB &&
    bytes + bytesIn(coming[0] ?? []) < SHARED_JOB_BYTES &&
    (coming[0]?.length ?? room) <= room - files.length
  ) {
    const more = coming.shift() ?? []
    bytes += bytesIn(more)
    files.push(...more)
  }
  return files
}

const bytesIn = (files: readonly Pending[]): number =>
  files.reduce((total, { bytes }) => total + bytes.length, 0)

/** Their memory has to last until the last of them is written. */
function separate(group: readonly Pending[]): Pending[] {
  const events = group[0]?.events
  if (events === undefined) return []
  const apart = { ...events, memory: null }
  return group.map((file) => Object.assign(file, { events: apart }))
}

/** The job that writes these files, and the memory that goes with it: the files have no bytes any more. */
export function writeJobOf(files: readonly Pending[], directory: string) {
  const bytes = bytesOf(files)
  const digests = joinedDigests(files)
  // The frame that they came in is the thread's now, or can go.
  for (const file of files) file.bytes = NO_BYTES
  const job: StoreJob = {
    kind: 'write',
    directory,
    files: files.map(({ facts: { size, mtimeMs, mode }, digest }) => ({
      size,
      mtime: mtimeMs / 1000,
      mode: storedMode(mode),
      digestBytes: digest.length,
    })),
    bytes,
    digests,
  }
  return { job, transfer: [bytes.buffer, digests.buffer] }
}

/** In memory of their own: Buffer.concat takes it from a pool, all of which would be copied for the thread. */
function joinedDigests(files: readonly Pending[]): Uint8Array<ArrayBuffer> {
  const digests = new Uint8Array(files.reduce((bytes, { digest }) => bytes + digest.length, 0))
  let at = 0
  for (const { digest } of files) {
    digests.set(digest, at)
    at += digest.length
  }
  return digests
}

/** The files' contents one after the other, in memory that a thread can be given. */
function bytesOf(files: readonly Pending[]): Uint8Array<ArrayBuffer> {
  const total = bytesIn(files)
  const [first] = files
  const last = files.at(-1)
  // That of the frame in which they came, if all of it goes: what is between them would have been refused.
  if (first !== undefined && last !== undefined && first.events.memory instanceof ArrayBuffer) {
    const { byteOffset: begin } = first.bytes
    const isWhole = last.bytes.byteOffset + last.bytes.length === begin + total
    if (isWhole && files.every(({ events }) => events === first.events))
      return new Uint8Array(first.events.memory, begin, total)
  }
  const copied = new Uint8Array(total)
  let at = 0
  for (const { bytes } of files) {
    copied.set(bytes, at)
    at += bytes.length
  }
  return copied
}
