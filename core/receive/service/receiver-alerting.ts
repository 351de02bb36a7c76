import path from 'node:path'
import { Alerts, type Looked, type Observation, openIncidentFile } from '../../alerts/alerts.ts'
import { isUrgent, type Notice } from '../../alerts/incident.ts'
import type { IncidentKind } from '../../alerts/kinds.ts'
import { Notifier, openAlertStore } from '../../alerts/notifier.ts'
import type { NotifierConfig } from '../../alerts/notifier-messages.ts'
import { renderMessage } from '../../alerts/render.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { Floor } from '../../store/quota/admission.ts'
import type { Receiver, ReceiverEvents } from '../receiver.ts'
import type { SenderState } from '../senders/last-seen.ts'
import type { ReceiveAlerts } from './config.ts'
import { findProblems, type StoreProbe } from './health.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
/** Intervals of evaluating the senders and of testing the store, in milliseconds. */
const SENDERS_EVERY_MS = 1_000
const STORE_EVERY_MS = 60_000
/** Grace period after a receiver's start for senders that are reconnecting. */
const RECONNECT_MS = 10 * MINUTE_MS

const INCIDENT_KINDS: Partial<Record<Message['key'], IncidentKind>> = {
  'transfer.healthFull': 'full',
  'transfer.healthNearlyFull': 'low-space',
  'transfer.healthStalled': 'hung',
}

interface AlertingOptions {
  receiver: Receiver
  layout: StoreLayout
  probeStore: StoreProbe
  floor: Floor
  /** The script of the alert store's thread. */
  alertStoreThread: URL
  log: ReceiverEvents['log']
}

/** Returns the database file of a receiver's alerts. */
export const getAlertsFile = (layout: StoreLayout): string => path.join(layout.own, 'alerts.db')

/** Creates incidents from the state of a receiver's store and senders, and sends notifications. */
export function startReceiverAlerting(
  { receiver, layout, probeStore, floor, alertStoreThread, log }: AlertingOptions,
  computer: string,
  config: ReceiveAlerts,
  secrets: NotifierConfig['secrets'],
) {
  const startedAt = Date.now()
  const file = getAlertsFile(layout)
  const { language, labels, quietHours, channels } = config
  const notifierConfig: NotifierConfig = {
    file,
    language,
    computer,
    names: {},
    labels,
    quietHours,
    native: false,
    channels,
    secrets,
    failing: null,
  }
  const store = openAlertStore(alertStoreThread, file, ({ why, aside }) => {
    const key = why === 'newer' ? 'alert.storeNewer' : 'alert.storeBroken'
    log('warn', englishWords(message(key, { path: file, aside })))
  })
  const notifier = new Notifier(notifierConfig, store, {
    show: () => undefined,
    channels: () => undefined,
    log,
  })
  const logNotice = (notice: Notice) => {
    const writer = { words: englishWords, computer, labels }
    const { title, body } = renderMessage('', notice, writer, { type: null, template: null }, Date.now())
    log(isUrgent(notice) ? 'warn' : 'info', `${title}: ${body}`)
  }
  const alerts: Alerts = new Alerts({
    tell: (notices) => {
      notices.forEach(logNotice)
      void notifier.tell(notices)
    },
    record: (incidents) => void notifier.record(incidents),
    withdraw: () => undefined,
    // A second test confirms the failure before it becomes an incident, because it may be temporary.
    confirm: () => void checkStore(),
    changed: () => undefined,
    isMuted: () => false,
    file: openIncidentFile(layout.own),
  })
  const checkSenders = () => {
    const found = evaluateSenders(receiver.senderStates(), config, startedAt, Date.now())
    alerts.keepOnly(new Set(['store', ...found.map(({ id }) => id)]))
    alerts.observeChanges(found)
    alerts.look()
  }
  const checkStore = async () => {
    const found = await probeStore()
    alerts.observe(evaluateStore(layout.root, findProblems(found, receiver, floor)))
  }
  const timers = [
    setInterval(checkSenders, SENDERS_EVERY_MS),
    setInterval(() => void checkStore(), STORE_EVERY_MS),
  ]
  void checkStore()

  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await alerts.stop()
      await notifier.stop()
    },
  }
}

/** Returns the store's state for its problems; an empty list means healthy. Pure. */
function evaluateStore(path: string, problems: readonly Message[]): Observation {
  const [problem] = problems
  const subject = { id: 'store', path, group: 'store', isOwn: false, source: null, step: null }
  if (problem === undefined)
    return { ...subject, kind: 'ok', sentence: message('check.ok', { path }), tellAfterMs: 0 }
  const kind = INCIDENT_KINDS[problem.key] ?? 'error'
  return { ...subject, kind, sentence: problem, tellAfterMs: kind === 'low-space' ? 5 * MINUTE_MS : 0 }
}

/**
 * Evaluates all senders. An incident about any other subject ends without a notification. Pure.
 * @param startedAt when the receiver started, in milliseconds since 1970.
 */
function evaluateSenders(
  senders: readonly SenderState[],
  alerts: Pick<ReceiveAlerts, 'silentHours' | 'silentHoursOf' | 'failingMinutes'>,
  startedAt: number,
  now: number,
): Looked[] {
  return senders.flatMap((sender) => [
    ...evaluateSilence(sender, getSilentHours(sender, alerts), startedAt, now),
    ...evaluateFailure(sender, alerts.failingMinutes, now),
  ])
}

function getSilentHours(
  { name, folder }: SenderState,
  { silentHours, silentHoursOf }: Pick<ReceiveAlerts, 'silentHours' | 'silentHoursOf'>,
): number {
  const own = Object.entries(silentHoursOf).find(([who]) => who === folder || who === name)
  return own?.[1] ?? silentHours
}

function evaluateSilence(sender: SenderState, hours: number, startedAt: number, now: number): Looked[] {
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
function evaluateFailure(sender: SenderState, minutes: number, now: number): Looked[] {
  const { name, folder, connected, status, statusAt, pairedAt, failingSince } = sender
  const id = `failing:${folder}`
  // A status from before the pairing belongs to the folder's former sender.
  if (!connected || status === null || (statusAt ?? 0) < (pairedAt ?? 0)) return [{ id, kind: 'unknown' }]
  const subject = { id, path: name, group: id, isOwn: true, source: null, step: null, tellAfterMs: 0 }
  if (failingSince === null)
    return [{ ...subject, kind: 'ok', sentence: message('check.ok', { path: name }) }]
  if (now - failingSince < minutes * MINUTE_MS) return [{ id, kind: 'unknown' }]
  const sentence = message('transfer.senderFailing', { name, said: status.sentence })
  return [{ ...subject, kind: 'sender-failing', since: failingSince, sentence }]
}
