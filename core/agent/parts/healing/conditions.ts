import { message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, shortened, unknown, well } from '../../state/condition.ts'
import type { AppState, DestinationState } from '../../state/schema.ts'

/** Returns the conditions of damaged files. */
export const damagedConditions = (state: AppState, now: number): FoundCondition[] =>
  state.destinations.flatMap((one) => damagedCondition(one, now))

/** Reports files that a destination has damaged or lost, once healing has failed for some. */
function damagedCondition(destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, damaged, healing, connection } = destination
  const subject = { id: `damaged:${id}`, name, source: null }
  if (damaged === undefined) return connection.state === 'connected' ? well(subject, now) : unknown(subject)
  if (healing === undefined || healing.isRunning || healing.failed === 0) return unknown(subject)
  const { failed: count, failures, at } = healing
  const file = shortened(String(failures[0]?.params.path ?? '…'))
  const sentence = message('condition.damaged', { name, count, file })
  const headline = { sentence: message('status.damaged', { name, count }), detail: failures[0] ?? sentence }
  return condition(subject, 'damaged', at, sentence, 0, headline)
}
