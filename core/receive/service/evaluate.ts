import type { Looked, Observation } from '../../alerts/alerts.ts'
import type { IncidentKind } from '../../alerts/kinds.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { type Received, readReceived } from '../../lib/i18n/received.ts'
import { getSenderCondition, isSilent, type Judging, lastContact } from '../senders/fleet.ts'

// Decides which states of a receiver's store and senders are incidents, for `holdfast receive` and for the agent. Pure.

const MINUTE_MS = 60_000

const INCIDENT_KINDS: Partial<Record<Message['key'], IncidentKind>> = {
  'transfer.healthFull': 'full',
  'transfer.healthNearlyFull': 'low-space',
  'transfer.healthStalled': 'hung',
}

/** The facts of a sender that decide about its incidents. */
type EvaluatedSender = Parameters<typeof getSenderCondition>[0] & {
  failingSince: number | null
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

/** Evaluates all senders. An incident about any other subject ends without a notification. */
export function evaluateSenders(
  senders: readonly EvaluatedSender[],
  failingMinutes: number,
  judging: Judging,
): Looked[] {
  return senders.flatMap((sender) => [
    ...evaluateSilence(sender, judging),
    ...evaluateFailure(sender, failingMinutes, judging),
  ])
}

const getSubject = ({ name: path, folder }: EvaluatedSender, id: string) => ({
  ...{ id: `${id}:${folder}`, path, group: `${id}:${folder}`, isOwn: true, source: null, step: null },
})

function evaluateSilence(sender: EvaluatedSender, judging: Judging): Looked[] {
  const { name } = sender
  const subject = { ...getSubject(sender, 'silent'), tellAfterMs: 0 }
  const silent = isSilent(sender, judging)
  if (silent === false) return [{ ...subject, kind: 'ok', sentence: message('check.ok', { path: name }) }]
  // Too early after a restart: an incident from before it must not end because of the restart.
  if (silent === null) return [{ id: subject.id, kind: 'unknown' }]
  const since = lastContact(sender)
  const sentence = message('transfer.senderSilent', { name, since })
  return [{ ...subject, kind: 'sender-silent', since, sentence }]
}

/** Evaluates a sender's last status, which is unknown after a long absence: silence is a separate incident. */
function evaluateFailure(sender: EvaluatedSender, minutes: number, judging: Judging): Looked[] {
  const { name, connected, status, failingSince } = sender
  const subject = { ...getSubject(sender, 'failing'), tellAfterMs: minutes * MINUTE_MS }
  const condition = getSenderCondition(sender, judging)
  if (condition === 'failing' && failingSince !== null && status !== null) {
    const { sentence: said, causes: cause } = readReceived(status)
    const sentence = message('transfer.senderReports', { ...said.params, sender: name, said: said.key })
    return [{ ...subject, kind: 'sender-failing', since: failingSince, sentence, cause }]
  }
  if (!connected || status === null) return [{ id: subject.id, kind: 'unknown' }]
  return [{ ...subject, kind: 'ok', sentence: message('check.ok', { path: name }) }]
}
