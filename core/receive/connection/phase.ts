import type { Sender } from '../../store/senders/senders.ts'
import type { StoreSession } from '../../store/session/session.ts'
import type { FrameType } from '../../wire/frames.ts'
import type { Restoring } from './restoring.ts'

/** How far a connection has come. */
export type Phase =
  | { at: 'hello' }
  | { at: 'entering' }
  | { at: 'sending'; sender: Sender; sending: StoreSession }
  | { at: 'restoring'; restoring: Restoring }
  | { at: 'over' }

/** The frames that may come in a phase; of one in which it is over any. */
const EXPECTED: Record<Exclude<Phase['at'], 'over'>, readonly FrameType[]> = {
  hello: ['hello'],
  entering: ['alive'],
  sending: ['source', 'batch', 'begin', 'chunk', 'end', 'abort', 'copy', 'prove', 'status', 'alive'],
  restoring: ['ask', 'fetch', 'alive'],
}

/** Whether a frame may come now. */
export function expected(phase: Phase, type: FrameType): boolean {
  // What was on its way is let pass, so that the refusal is read and not lost in a reset (RFC 9293, 3.10.4).
  if (phase.at === 'over') return true
  return EXPECTED[phase.at].includes(type)
}
