import type { Answer, SmallEvents, SmallOutgoing } from '../destination.ts'
import { isFault } from './faults.ts'
import { DURABLE, type ObjectSessionParts, objectFacts } from './parts.ts'

/** Stores a file. A different content of that name becomes an older version; an equal one is not sent again. */
async function put(
  { store, names, adopt, noteTime }: ObjectSessionParts,
  file: SmallOutgoing,
): Promise<Answer> {
  const { source, path, bytes, digest } = file
  const facts = objectFacts(file.facts, digest)
  noteTime(file)
  const name = await names.current(source, path)
  try {
    await store.put(name, bytes, facts, { replace: false })
  } catch (error) {
    if (!isFault(error, 'exists')) throw error
    if (await adopt(name, facts)) return DURABLE
    await names.makeRoom(source, path)
    await store.put(name, bytes, facts, { replace: true })
  }
  return DURABLE
}

/** See Session.sendSmall: each file is an object; sends as many at a time as the store takes best. */
export async function sendSmallFiles(
  parts: ObjectSessionParts,
  files: readonly SmallOutgoing[],
  { onTurn, onUsed, onAnswer }: SmallEvents,
): Promise<void> {
  const { slots, bytesOut, pace, smallTurn } = parts
  const underWay: Promise<void>[] = []
  const hasTurn = await smallTurn.acquire()
  if (hasTurn && !onTurn()) {
    smallTurn.release()
    return
  }
  for (const [index, file] of files.entries()) {
    const { length } = file.bytes
    const mayGo = (await slots.acquire()) && (await bytesOut.acquire(length)) && (await pace.take(length))
    if (!mayGo) {
      onAnswer(index, { kind: 'lost' })
      continue
    }
    const stored = put(parts, file)
      .catch((error) => parts.answerTo(error, file))
      .then((answer) => {
        slots.release()
        bytesOut.release(length)
        onAnswer(index, answer)
      })
    underWay.push(stored)
  }
  if (hasTurn) smallTurn.release()
  await Promise.all(underWay)
  onUsed()
}
