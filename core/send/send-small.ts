import type { CopySource } from './copy.ts'
import type { Attempt } from './lane.ts'
import type { LaneParts } from './lane-parts.ts'
import { asAttempt } from './lane-parts.ts'
import type { Due } from './ledger.ts'
import type { Session } from './session.ts'

/** What a file costs in memory besides its bytes. */
const FILE_COST = 4096
/** A read that is out for longer than this holds nothing any more that other sources need. */
const STALLED_MS = 3_000

/** Sends files that travel whole. */
export interface SmallSender {
  /**
   * Waits for the source's own slot, then for memory: who waits for a disk that hangs must hold nothing that
   * others need. False: nothing may begin any more, and nothing is held.
   */
  admit(due: Due): Promise<boolean>
  /** To be called when it is admitted; it lets go of what it got by that. */
  send(due: Due, session: Session): Promise<Attempt>
}

export function createSmallSender(parts: LaneParts): SmallSender {
  const { slots, shared, mayGoOn } = parts
  const { memory } = shared

  const admit = async (due: Due): Promise<boolean> => {
    await slots.acquire(due.size + FILE_COST)
    await memory.acquire(due.size + FILE_COST)
    if (mayGoOn()) return true
    slots.release(due.size + FILE_COST)
    memory.release(due.size + FILE_COST)
    return false
  }

  const sendNow = async (due: Due, session: Session, from: CopySource | null): Promise<Attempt> => {
    const cost = due.size + FILE_COST
    let held = cost
    const letGo = () => {
      memory.release(held)
      held = 0
    }
    const stalled = setTimeout(letGo, STALLED_MS)
    try {
      const content = await shared.read(due.source, parts.fileOf(due), due).finally(() => {
        clearTimeout(stalled)
        slots.release(cost)
      })
      if (content.kind !== 'content') return await parts.judge(content, due)
      const { bytes, digest, mode } = content
      if (from !== null && digest.equals(from.digest)) {
        letGo()
        return (await parts.askForCopy(due, mode, from, session)) ?? (await sendAnew(due, session))
      }
      if (held === 0) {
        await memory.acquire(cost)
        held = cost
      }
      const answer = await session.sendSmall(parts.outgoing(due, mode), bytes, digest, () => {
        letGo()
        shared.onBytes(due, bytes.length)
      })
      return asAttempt(answer, digest)
    } finally {
      letGo()
    }
  }

  /** The receiver has no copy of it any more. */
  const sendAnew = async (due: Due, session: Session): Promise<Attempt> =>
    (await admit(due)) ? sendNow(due, session, null) : { kind: 'halted' }

  return { admit, send: (due, session) => sendNow(due, session, parts.copySource(due, session)) }
}
