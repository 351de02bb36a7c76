import { WireFault } from '../../protocol/codec.ts'
import type { SmallFile } from '../../protocol/entries.ts'
import { decodeMetadata } from '../../protocol/facts.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import { type Outcome, toOutcome } from '../outcome.ts'
import type { SmallIncoming } from '../store.ts'
import type { SourceLookup } from './sources.ts'
import { type AskedFile, parseDirectories, type SessionParts } from './upload-session.ts'

/** Returns the files of a batch, with their parts of its payload. */
function splitBatch(
  files: readonly SmallFile[],
  payload: Buffer,
  session: string,
  found: SourceLookup,
): SmallIncoming[] {
  let at = 0
  return files.map(([, number, path, size, facts, digest]) => {
    const bytes = payload.subarray(at, at + size)
    at += size
    return { source: found(number), path, facts: decodeMetadata(facts, size), session, bytes, digest }
  })
}

/**
 * Stores the small files of one batch.
 * @param onUsed is called when the payload's memory may be reused.
 * @throws WireFault
 */
export function receiveBatch(
  { store, answers, sources, session, answer }: SessionParts,
  { files, directories }: FrameHeader<'batch'>,
  payload: Buffer,
  onUsed: () => void = () => undefined,
): void {
  const total = files.reduce((sum, file) => sum + file[3], 0)
  if (total !== payload.length) throw new WireFault('batch: sizes and payload differ')
  answers.spend(total, files.length)
  const used = [...files.map(([, source]) => source), ...directories.map(([source]) => source)]
  const finding = sources.find(used)
  const asked = files.map(([id, number, path, size]): AskedFile => {
    return { id, source: sources.getName(number), path, size }
  })
  // Credit for bytes is returned when they are written, long before the file is durable: with a high latency, or while
  // the disk syncs, the next files are in transfer already. A separate credit limits the number of waiting files.
  const held = new Set(asked)
  const onWritten = (index: number) => {
    const file = asked[index]
    if (file === undefined || !held.delete(file)) return
    answers.giveBack(file.size)
    if (held.size === 0) onUsed()
  }
  const onStored = (index: number, outcome: Outcome, position: number) => {
    const file = asked[index]
    onWritten(index)
    if (file !== undefined) answer(file, { outcome, position })
  }
  const storeAll = (found: SourceLookup) =>
    store.receiveAll(splitBatch(files, payload, session, found), {
      directories: parseDirectories(directories, found),
      // The memory belongs to this frame (codec.ts); the rest of the frame is no longer used.
      memory: payload.buffer,
      onWritten,
      onStored,
    })
  void finding.then(storeAll, (error) => {
    for (const index of asked.keys()) onStored(index, toOutcome(error), 0)
  })
}
