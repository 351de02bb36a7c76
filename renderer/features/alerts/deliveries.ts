import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { TimelineEntry } from '../../state/timeline.ts'
import type { HealthLevel } from '../overview/describe.ts'
import type { Incident } from './incidents.ts'

export type Delivery = TimelineEntry['deliveries'][number]

/** A notification, and its delivery through each channel. */
export interface Told {
  notice: string
  what: Delivery['what']
  at: number
  deliveries: Delivery[]
}

/** Groups deliveries by notification, in chronological order. */
export function groupDeliveries(deliveries: readonly Delivery[]): Told[] {
  const byNotice = new Map<string, Told>()
  for (const delivery of deliveries.toSorted((one, other) => one.at - other.at)) {
    const { notice, what, at } = delivery
    const told = byNotice.get(notice) ?? { notice, what, at, deliveries: [] }
    told.deliveries.push(delivery)
    byNotice.set(notice, told)
  }
  return [...byNotice.values()]
}

/** Returns the sentence why no channel was given a notification of an incident. */
export function findWhyNone({ told, isSilent, endedAt }: Incident): WordKey {
  if (!told) return endedAt === null ? 'window.delivery.noneDue' : 'window.delivery.noneEnded'
  return isSilent ? 'window.delivery.noneUnstable' : 'window.delivery.noneOn'
}

export const deliveryMarks: Record<Delivery['state'], { level: HealthLevel; word: WordKey }> = {
  delivered: { level: 'ok', word: 'window.delivery.delivered' },
  waiting: { level: 'attention', word: 'window.delivery.waiting' },
  refused: { level: 'failing', word: 'window.delivery.refused' },
  merged: { level: 'unknown', word: 'window.delivery.merged' },
  untold: { level: 'unknown', word: 'window.delivery.untold' },
  expired: { level: 'failing', word: 'window.delivery.expired' },
}
