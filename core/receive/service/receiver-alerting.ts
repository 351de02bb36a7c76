import path from 'node:path'
import { Alerts, openIncidentFile } from '../../alerts/alerts.ts'
import { isUrgent, type Notice } from '../../alerts/incident.ts'
import { Notifier, openAlertStore } from '../../alerts/notifier.ts'
import type { NotifierConfig } from '../../alerts/notifier-messages.ts'
import { renderMessage } from '../../alerts/render.ts'
import { message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { Floor } from '../../store/quota/admission.ts'
import type { Receiver, ReceiverEvents } from '../receiver.ts'
import type { ReceiveAlerts } from './config.ts'
import { evaluateSenders, evaluateStore } from './evaluate.ts'
import { findProblems, type StoreProbe } from './health.ts'

/** Intervals of evaluating the senders and of testing the store, in milliseconds. */
const SENDERS_EVERY_MS = 1_000
const STORE_EVERY_MS = 60_000

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
