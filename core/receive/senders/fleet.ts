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

/**
 * condition: the gravest first; name; seen: away for the longest time first; used: the largest first; waiting: the one
 * with the oldest waiting file first.
 */
export const senderOrders = ['condition', 'name', 'seen', 'used', 'waiting'] as const
export type SenderOrder = (typeof senderOrders)[number]

interface Ordered extends Seen {
  bytes: number
  oldestWaitingAt: number | null
}

/** Returns the computers in an order, equal ones by name. */
export function orderSenders<S extends Ordered>(
  senders: readonly S[],
  now: number,
  order: SenderOrder = 'condition',
): S[] {
  const ranks: Record<SenderOrder, (sender: S) => number> = {
    condition: (one) => senderConditions.indexOf(getSenderCondition(one, now)),
    name: () => 0,
    seen: ({ connected, seenAt }) => (connected ? now : (seenAt ?? 0)),
    used: ({ bytes }) => -bytes,
    waiting: ({ oldestWaitingAt }) => oldestWaitingAt ?? Number.POSITIVE_INFINITY,
  }
  return senders
    .map((sender) => ({ sender, rank: ranks[order](sender) }))
    .sort((a, b) => compare(a.rank, b.rank) || a.sender.name.localeCompare(b.sender.name, 'en'))
    .map(({ sender }) => sender)
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

/** Groups computers by their label, in the order of the first one of each group. */
export function groupSenders<S extends { label: string }>(senders: readonly S[]): [label: string, S[]][] {
  const groups = new Map<string, S[]>()
  for (const sender of senders) groups.set(sender.label, [...(groups.get(sender.label) ?? []), sender])
  return [...groups]
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
