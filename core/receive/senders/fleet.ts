// All computers that send to a receiver, at a glance: which need attention, the gravest first. Pure.

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** A sender that is away for less is not silent. */
const LEAST_SILENT_MS = 15 * MINUTE_MS
/** A sender is silent after so many times its longest absence. */
const SILENT_FACTOR = 3
/** The absences of so many days are too few to shorten the limit: a weekend may be missing among them. */
const TOO_FEW_DAYS = 7
/** Grace period after a receiver's start for senders that are reconnecting. */
const RECONNECT_MS = 10 * MINUTE_MS

/** The gravest first. away: it is silent; new: it has never connected. */
export const senderConditions = ['failing', 'away', 'attention', 'new', 'well'] as const
export type SenderCondition = (typeof senderConditions)[number]

interface Seen {
  name: string
  folder: string
  /** Times in milliseconds since 1970. null: accepted without pairing. */
  pairedAt: number | null
  connected: boolean
  /** null: it has never connected. */
  seenAt: number | null
  /** The longest absence of each of the last days on which it was connected, in milliseconds. */
  absences?: readonly number[] | undefined
  /** The level of its last report, and its time; null: there was none. */
  level: string | null
  statusAt: number | null
}

/** How senders are judged. */
export interface Judging {
  alerts: { silentHours: number; silentHoursOf: Readonly<Record<string, number>> }
  /** When the receiver started, or this computer woke, in milliseconds since 1970. */
  startedAt: number
  now: number
}

/** Judges senders outside the receiver's agent, whose settings may be unknown. */
export const judgeAlone = (now: number, alerts: Partial<Judging['alerts']> = {}): Judging => ({
  alerts: { silentHours: 24, silentHoursOf: {}, ...alerts },
  startedAt: 0,
  now,
})

/** Returns the condition of a sender, for its row, the order, the header and its incidents. */
export function getSenderCondition(sender: Seen, judging: Judging): SenderCondition {
  const { connected, seenAt, pairedAt, level, statusAt } = sender
  if (isSilent(sender, judging) === true) return 'away'
  if (!connected && seenAt === null) return 'new'
  // A status from before the pairing belongs to the folder's former sender.
  if (level === null || (statusAt ?? 0) < (pairedAt ?? 0)) return 'well'
  return level === 'failing' || level === 'attention' ? level : 'well'
}

/** True if a sender was not connected for too long; null: it is too early to decide. */
export function isSilent(sender: Seen, { alerts, startedAt, now }: Judging): boolean | null {
  const afterMs = getSilentAfterMs(sender, alerts)
  const last = lastContact(sender)
  if (sender.connected || afterMs === null || last === 0 || now - last < afterMs) return false
  return now - startedAt < Math.min(RECONNECT_MS, afterMs) ? null : true
}

/** Returns when a sender was last connected, or else was paired; 0: neither. */
export const lastContact = ({ pairedAt, seenAt }: Pick<Seen, 'pairedAt' | 'seenAt'>): number =>
  Math.max(pairedAt ?? 0, seenAt ?? 0)

/**
 * Returns the absence after which a sender is silent, in milliseconds; null: never. A shorter one than the setting needs
 * more than a week of proof that the sender stays connected.
 */
function getSilentAfterMs(
  { name, folder, absences = [], level }: Seen,
  { silentHours, silentHoursOf }: Judging['alerts'],
): number | null {
  const own = Object.entries(silentHoursOf).find(([who]) => who === folder || who === name)?.[1]
  const hours = own ?? silentHours
  if (hours === 0) return null
  if (own !== undefined || level === null || absences.length <= TOO_FEW_DAYS) return hours * HOUR_MS
  return Math.min(hours * HOUR_MS, Math.max(LEAST_SILENT_MS, SILENT_FACTOR * Math.max(...absences)))
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
  judging: Judging,
  order: SenderOrder = 'condition',
): S[] {
  const ranks: Record<SenderOrder, (sender: S) => number> = {
    condition: (one) => senderConditions.indexOf(getSenderCondition(one, judging)),
    name: () => 0,
    seen: ({ connected, seenAt }) => (connected ? judging.now : (seenAt ?? 0)),
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
export function countConditions(senders: readonly Seen[], judging: Judging): [SenderCondition, number][] {
  const conditions = senders.map((sender) => getSenderCondition(sender, judging))
  return senderConditions
    .map((one): [SenderCondition, number] => [
      one,
      conditions.filter((condition) => condition === one).length,
    ])
    .filter(([, count]) => count > 0)
}
