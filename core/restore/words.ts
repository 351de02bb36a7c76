import { type Message, message } from '../words/message.ts'
import type { RestoreEvent } from './put/events.ts'

/**
 * What a person is told of one file; null: nothing needs to be said.
 * @param from a store's directory, or a destination's name.
 */
export function sentenceOfEvent(from: string, event: RestoreEvent): Message | null {
  const place = 'place' in event ? [from, event.place].filter((part) => part !== '').join('/') : ''
  switch (event.kind) {
    case 'listed':
    case 'restored':
    case 'same':
      return null
    case 'exists':
      return message('store.exists', { path: event.to })
    case 'folded':
      return message('store.folded', { path: event.to })
    case 'inTheWay':
      return message('store.inTheWay', { path: event.to })
    case 'damaged':
      return message('store.restoreDamaged', { path: place })
    case 'unreadable':
      return message('store.unreadable', { path: place, reason: event.code })
    case 'strange':
      return message('store.strange', { path: place })
    case 'missing':
      return message('store.restoreMissing', { path: place })
    case 'failed':
      return message('store.restoreFailed', { path: event.to, reason: event.code })
    default:
      return event satisfies never
  }
}
