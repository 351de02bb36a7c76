// All computers that send to a receiver, at a glance: which need attention, the gravest first. Pure.

/** A computer that was connected within this time counts as present: it may be restarting. */
const AWAY_AFTER_MS = 10 * 60_000

/** The gravest first. away: not connected for a while; new: it has never connected. */
export const senderConditions = ['failing', 'away', 'attention', 'new', 'well'] as const
export type SenderCondition = (typeof senderConditions)[number]

interface Seen {
  name: string
  connected: boolean
  /** Milliseconds since 1970; null: it has never connected. */
  seenAt: number | null
  /** The level of its last report; null: there was none. */
  level: string | null
}

export function getSenderCondition(
  { connected, seenAt, level }: Omit<Seen, 'name'>,
  now: number,
): SenderCondition {
  if (!connected && seenAt === null) return 'new'
  if (level === 'failing') return 'failing'
  if (!connected && now - (seenAt ?? 0) > AWAY_AFTER_MS) return 'away'
  return level === 'attention' ? 'attention' : 'well'
}

/** Returns the computers with the gravest condition first, else by name. */
export function orderSenders<S extends Seen>(senders: readonly S[], now: number): S[] {
  const rank = (sender: S) => senderConditions.indexOf(getSenderCondition(sender, now))
  return senders
    .map((sender) => ({ sender, rank: rank(sender) }))
    .sort((a, b) => a.rank - b.rank || a.sender.name.localeCompare(b.sender.name, 'en'))
    .map(({ sender }) => sender)
}

/** Returns the number of computers in each condition that occurs, the gravest first. */
export function countConditions(senders: readonly Seen[], now: number): [SenderCondition, number][] {
  const conditions = senders.map((sender) => getSenderCondition(sender, now))
  return senderConditions
    .map((one): [SenderCondition, number] => [
      one,
      conditions.filter((condition) => condition === one).length,
    ])
    .filter(([, count]) => count > 0)
}
