import type { Looked, Observation } from '../../alerts/alerts.ts'
import type { IncidentKind } from '../../alerts/kinds.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { type Received, readReceived } from '../../lib/i18n/received.ts'
import type { SenderAlerts } from '../../settings/schema.ts'
import type { SenderState } from '../senders/last-seen.ts'

// Decides which states of a receiver's store and senders are incidents, for `holdfast receive` and for the agent. Pure.

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
/** Grace period after a receiver's start for senders that are reconnecting. */
const RECONNECT_MS = 10 * MINUTE_MS

const INCIDENT_KINDS: Partial<Record<Message['key'], IncidentKind>> = {
  'transfer.healthFull': 'full',
  'transfer.healthNearlyFull': 'low-space',
  'transfer.healthStalled': 'hung',
}

/** The facts of a sender that decide about its incidents. */
type EvaluatedSender = Omit<SenderState, 'fingerprint' | 'status' | 'proposal' | 'takesProposals'> & {
  status: Received | null
}

/** Returns the store's state for its problems; an empty list means healthy. */
export function evaluateStore(path: string, problems: readonly Message[]): Observation {
  const [problem] = problems
  const subject = { id: 'store', path, group: 'store', isOwn: false, source: null, step: null }
  if (problem === undefined)
    return { ...subject, kind: 'ok', sentence: message('check.ok', { path }), tellAfterMs: 0 }
  const kind = INCIDENT_KINDS[problem.key] ?? 'error'
  return { ...subject, kind, sentence: problem, tellAfterMs: kind === 'low-space' ? 5 * MINUTE_MS : 0 }
}

/**
 * Evaluates all senders. An incident about any other subject ends without a notification.
 * @param startedAt when the receiver started, in milliseconds since 1970.
 */
export function evaluateSenders(
  senders: readonly EvaluatedSender[],
  alerts: SenderAlerts,
  startedAt: number,
  now: number,
): Looked[] {
  return senders.flatMap((sender) => [
    ...evaluateSilence(sender, getSilentHours(sender, alerts), startedAt, now),
    ...evaluateFailure(sender, alerts.failingMinutes, now),
  ])
}

function getSilentHours(
  { name, folder }: EvaluatedSender,
  { silentHours, silentHoursOf }: SenderAlerts,
): number {
  const own = Object.entries(silentHoursOf).find(([who]) => who === folder || who === name)
  return own?.[1] ?? silentHours
}

function evaluateSilence(sender: EvaluatedSender, hours: number, startedAt: number, now: number): Looked[] {
  const { name, folder, pairedAt, seenAt, connected } = sender
  const id = `silent:${folder}`
  const subject = { id, path: name, group: id, isOwn: true, source: null, step: null, tellAfterMs: 0 }
  const last = Math.max(pairedAt ?? 0, seenAt ?? 0)
  const isHeard = connected || hours === 0 || now - last < hours * HOUR_MS
  const isTooSoon = now - startedAt < Math.min(RECONNECT_MS, hours * HOUR_MS)
  if (isHeard) return [{ ...subject, kind: 'ok', sentence: message('check.ok', { path: name }) }]
  // Too early after a restart: an incident from before it must not end because of the restart.
  if (isTooSoon) return [{ id, kind: 'unknown' }]
  const sentence = message('transfer.senderSilent', { name, since: last })
  return [{ ...subject, kind: 'sender-silent', since: last, sentence }]
}

/** Evaluates a sender's last status. It is unknown while the sender is disconnected; silence is a separate incident. */
function evaluateFailure(sender: EvaluatedSender, minutes: number, now: number): Looked[] {
  const { name, folder, connected, status, statusAt, pairedAt, failingSince } = sender
  const id = `failing:${folder}`
  // A status from before the pairing belongs to the folder's former sender.
  if (!connected || status === null || (statusAt ?? 0) < (pairedAt ?? 0)) return [{ id, kind: 'unknown' }]
  const subject = { id, path: name, group: id, isOwn: true, source: null, step: null, tellAfterMs: 0 }
  if (failingSince === null)
    return [{ ...subject, kind: 'ok', sentence: message('check.ok', { path: name }) }]
  if (now - failingSince < minutes * MINUTE_MS) return [{ id, kind: 'unknown' }]
  const { sentence: said, causes: cause } = readReceived(status)
  const sentence = message('transfer.senderReports', { ...said.params, sender: name, said: said.key })
  return [{ ...subject, kind: 'sender-failing', since: failingSince, sentence, cause }]
}
