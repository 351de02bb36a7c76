import { DIGEST_BYTES } from '../../../files/digest.ts'
import { outcomeOf } from '../../../store/outcome.ts'
import type { SmallIncoming, Stored } from '../../../store/store.ts'
import { batchBuffers } from '../../../wire/frame-buffers.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { SmallEvents, SmallOutgoing } from '../destination.ts'
import { together } from '../together.ts'
import type { SessionParts } from './session.ts'

/** See Session.sendSmall. */
export async function sendSmallFiles(
  parts: SessionParts,
  files: readonly SmallOutgoing[],
  directories: readonly FoundDirectory[],
  events: SmallEvents,
): Promise<void> {
  const { filesOut, bytesOut, pace, signal } = parts
  const bytes = files.reduce((total, { facts }) => total + facts.size, 0)
  const hasRoom =
    (await filesOut.acquire(files.length)) && (await bytesOut.acquire(bytes)) && (await pace.take(bytes))
  if (!hasRoom || signal.aborted) for (const index of files.keys()) events.onAnswer(index, { kind: 'lost' })
  else if (events.onTurn()) await put(parts, files, directories, events)
  else {
    filesOut.release(files.length)
    bytesOut.release(bytes)
  }
}

/** Gives them to the store. */
async function put(
  { store, filesOut, bytesOut, signal, offer, told, answer }: SessionParts,
  files: readonly SmallOutgoing[],
  directories: readonly FoundDirectory[],
  { onUsed, onAnswer }: SmallEvents,
): Promise<void> {
  const [first] = files
  if (first === undefined) return
  const names = files.map(({ source, path, facts }) => ({ source, path, facts }))
  const held = new Set(names.keys())
  const unanswered = new Set(names.keys())
  /** Its bytes are in memory no longer. */
  const used = (index: number) => {
    if (!held.delete(index)) return
    bytesOut.release(names[index]?.facts.size ?? 0)
    if (held.size === 0) onUsed()
  }
  const stored = (index: number, said: Stored | null) => {
    const file = names[index]
    if (file === undefined || !unanswered.delete(index)) return
    filesOut.release()
    if (unanswered.size === 0) signal.removeEventListener('abort', lose)
    onAnswer(index, said === null ? { kind: 'lost' } : answer(said, file))
  }
  // Of files that are lost the store may still have the bytes in its hands.
  const lose = () => {
    for (const index of [...unanswered]) stored(index, null)
  }
  signal.addEventListener('abort', lose)
  try {
    const { source, session } = await offer(first)
    const incoming = incomingOf(files).map((file) => ({ ...file, source, session }))
    // What was read together is in memory of batchBuffers, which can be given away.
    const whole = together(files)
    const isGiven = whole !== null && batchBuffers.holds(whole)
    store.receiveAll(incoming, {
      directories: await told(first.source, directories),
      ...(isGiven ? { memory: whole.buffer } : {}),
      onWritten: used,
      onStored(index, outcome, position) {
        used(index)
        stored(index, { outcome, position })
      },
    })
  } catch (thrown) {
    for (const index of names.keys()) {
      used(index)
      stored(index, { outcome: outcomeOf(thrown), position: 0 })
    }
  }
}

/** Their digests are put together: of memory that others are in, too, a thread would be sent all. */
function incomingOf(
  files: readonly SmallOutgoing[],
): Pick<SmallIncoming, 'path' | 'facts' | 'bytes' | 'digest'>[] {
  const digests = new Uint8Array(files.length * DIGEST_BYTES)
  return files.map(({ path, facts, bytes, digest }, index) => {
    const at = index * DIGEST_BYTES
    digests.set(digest, at)
    return { path, facts, bytes, digest: digests.subarray(at, at + DIGEST_BYTES) }
  })
}
