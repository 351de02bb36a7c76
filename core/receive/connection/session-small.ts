import { WireFault } from '../../wire/codec.ts'
import { releaseBatch } from '../../wire/frame-buffers.ts'
import type { SmallFile } from '../../wire/small-entries.ts'
import type { SmallIncoming } from '../store/store.ts'
import type { SessionParts } from './session-parts.ts'

/** Stores the small files of one batch. @throws WireFault */
export function receiveBatch(
  { store, folder, answers, arriving, answer }: SessionParts,
  files: readonly SmallFile[],
  payload: Buffer,
): void {
  const total = files.reduce((sum, file) => sum + file[3], 0)
  if (total !== payload.length) throw new WireFault('batch: sizes and payload differ')
  answers.spend(total, files.length)
  const arrival = arriving.next()
  const digests = Buffer.concat(files.map(([, , , , , , digest]) => digest))
  let digested = 0
  let at = 0
  const incoming = files.map(([, source, path, size, mtimeMs, mode, { length }]): SmallIncoming => {
    const bytes = payload.subarray(at, at + size)
    at += size
    const digest = digests.subarray(digested, digested + length)
    digested += length
    return { facts: { folder, source, path, size, mtimeMs, mode, arrival }, bytes, digest }
  })
  // Only these are kept until all are answered.
  const asked = files.map(([id, source, path, size]) => ({ id, source, path, size, isHeld: true }))
  let held = asked.length
  // Bytes come back once they are written, long before the file is durable: over a long line, or while the disk
  // syncs, the next ones are on their way already. How many files wait is bounded by their own credit.
  const letGo = (index: number) => {
    const file = asked[index]
    if (file?.isHeld !== true) return
    file.isHeld = false
    if (file.size > 0) answers.giveBack(file.size)
    held -= 1
    if (held === 0) releaseBatch(payload)
  }
  store.receiveAll(incoming, {
    // The frame's own (codec.ts), of which nothing else is used any more.
    memory: payload.buffer,
    onWritten: letGo,
    onStored(index, outcome) {
      letGo(index)
      const file = asked[index]
      if (file !== undefined) answer(file, outcome)
    },
  })
}
