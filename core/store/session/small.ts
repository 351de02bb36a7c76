import { DIGEST_BYTES } from '../../files/digest.ts'
import { WireFault } from '../../wire/codec.ts'
import { factsOfWords } from '../../wire/facts.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import { outcomeOf } from '../outcome.ts'
import type { SmallIncoming } from '../store.ts'
import type { Asked, SessionParts } from './session.ts'
import { toldOf } from './session.ts'
import type { Found } from './sources.ts'

/**
 * Stores the small files of one batch.
 * @param onUsed its memory may be used again.
 * @throws WireFault
 */
export function receiveBatch(
  parts: SessionParts,
  header: FrameHeader<'batch'>,
  payload: Buffer,
  onUsed: () => void = () => undefined,
): void {
  const { answers, sources } = parts
  const { files } = header
  const total = files.reduce((sum, file) => sum + file[3], 0)
  if (total !== payload.length) throw new WireFault('batch: sizes and payload differ')
  answers.spend(total, files.length)
  const used = [...files.map(([, source]) => source), ...header.directories.map(([source]) => source)]
  void sources.find(used).then((found) => storeAll(parts, header, payload, found, onUsed))
}

function storeAll(
  { store, answers, sources, session, answer }: SessionParts,
  { files, directories }: FrameHeader<'batch'>,
  payload: Buffer,
  found: Found,
  onUsed: () => void,
): void {
  const asked: Asked[] = []
  const incoming: SmallIncoming[] = []
  // As they came they are parts of the whole frame, and would keep it. Not Buffer.concat: its memory is a part of a pool,
  // and a thread that is told a digest would be sent all 64 KiB of it.
  const digests = new Uint8Array(files.length * DIGEST_BYTES)
  let at = 0
  for (const [index, [id, number, path, size, facts, sent]] of files.entries()) {
    digests.set(sent, index * DIGEST_BYTES)
    const bytes = payload.subarray(at, at + size)
    at += size
    const source = found.of(number)
    const file = { id, source: sources.nameOf(number), path, size }
    if (source === null) {
      answers.giveBack(size)
      answer(file, { outcome: outcomeOf(found.failure), position: 0 })
      continue
    }
    const digest = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
    incoming.push({ source, path, facts: factsOfWords(facts, size), session, bytes, digest })
    asked.push(file)
  }
  // Bytes come back once they are written, long before the file is durable: over a long line, or while the disk
  // syncs, the next ones are on their way already. How many files wait is bounded by their own credit.
  const held = new Set(asked)
  const giveBack = (file: Asked) => {
    if (!held.delete(file)) return
    answers.giveBack(file.size)
    if (held.size === 0) onUsed()
  }
  if (held.size === 0) onUsed()
  store.receiveAll(incoming, {
    directories: toldOf(directories, found),
    // The frame's own (codec.ts), of which nothing else is used any more.
    ...(incoming.length === files.length ? { memory: payload.buffer } : {}),
    onWritten(index) {
      const file = asked[index]
      if (file !== undefined) giveBack(file)
    },
    onStored(index, outcome, position) {
      const file = asked[index]
      if (file === undefined) return
      giveBack(file)
      answer(file, { outcome, position })
    },
  })
}
