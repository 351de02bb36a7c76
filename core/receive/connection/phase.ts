import type { Sender } from '../../store/senders/senders.ts'
import type { FrameType } from '../../wire/frames.ts'
import type { Restoring } from './restoring.ts'
import type { Sending } from './session.ts'

/** How far a connection has come. */
export type Phase =
  | { at: 'hello' }
  | { at: 'entering' }
  | { at: 'pairing'; judging: boolean }
  | { at: 'sending'; sender: Sender; sending: Sending }
  | { at: 'restoring'; sender: Sender; restoring: Restoring }
  | { at: 'over' }

const sendingTypes = new Set<FrameType>([
  'source',
  'batch',
  'begin',
  'chunk',
  'end',
  'abort',
  'copy',
  'prove',
  'status',
  'alive',
])

/** Whether a frame may come now. */
export function expected(phase: Phase, type: FrameType): boolean {
  switch (phase.at) {
    case 'hello':
      return type === 'hello'
    case 'entering':
      return type === 'alive'
    case 'pairing':
      return type === 'alive' || (type === 'pair' && !phase.judging)
    case 'sending':
      return sendingTypes.has(type)
    case 'restoring':
      return type === 'ask' || type === 'fetch' || type === 'alive'
    case 'over':
      // What was on its way is let pass, so that the refusal is read and not lost in a reset (RFC 9293, 3.10.4).
      return true
    default:
      return phase satisfies never
  }
}
