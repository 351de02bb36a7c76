import path from 'node:path'
import { Alerts } from '../../alerts/alerts.ts'
import { openIncidentFile } from '../../alerts/incident-file.ts'
import { isUrgent, type Notice } from '../../alerts/notice.ts'
import { Notifier } from '../../alerts/notifier.ts'
import type { NotifierConfig } from '../../alerts/notifier-messages.ts'
import { renderMessage } from '../../alerts/render.ts'
import { openAlertStore } from '../../alerts/store/alert-store.ts'
import { message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { Floor } from '../../store/quota/rules.ts'
import type { Receiver, ReceiverEvents } from '../receiver.ts'
import { senderConditions, storeCondition } from './conditions.ts'
import type { ReceiveAlerts } from './config.ts'
import { findProblems, type StoreProbe } from './health.ts'

/** Intervals of evaluating the senders and of testing the store, in milliseconds. */
const SENDERS_EVERY_MS = 1_000
const STORE_EVERY_MS = 60_000

interface AlertingOptions {
  receiver: Receiver
  layout: StoreLayout
  looks: StoreProbe
  floor: Floor
  /** The script of the alert store's thread. */
  alertStoreThread: URL
  log: ReceiverEvents['log']
}

/** Returns the database file of a receiver's alerts. */
export const getAlertsFile = (layout: StoreLayout): string => path.join(layout.own, 'alerts.db')

/** Creates incidents from the state of a receiver's store and senders, and sends notifications. */
export function startReceiverAlerting(
  { receiver, layout, looks, floor, alertStoreThread, log }: AlertingOptions,
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
    confirm: () => void lookAtStore(),
    changed: () => undefined,
    isMuted: () => false,
    file: openIncidentFile(layout.own),
  })
  const lookAtSenders = () => {
    const found = senderConditions(receiver.senderStates(), config, startedAt, Date.now())
    alerts.keepOnly(new Set(['store', ...found.map(({ id }) => id)]))
    alerts.observeChanges(found)
    alerts.look()
  }
  const lookAtStore = async () => {
    const found = await looks()
    alerts.observe(storeCondition(layout.root, findProblems(found, receiver, floor)))
  }
  const timers = [
    setInterval(lookAtSenders, SENDERS_EVERY_MS),
    setInterval(() => void lookAtStore(), STORE_EVERY_MS),
  ]
  void lookAtStore()

  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await alerts.stop()
      await notifier.stop()
    },
  }
}
