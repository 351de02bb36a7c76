import path from 'node:path'
import { openAlerts } from '../../alerts/alerts.ts'
import type { NotifierConfig } from '../../alerts/notifier.ts'
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
  const { language, labels, quietHours, channels } = config
  const { alerts, stop } = openAlerts({
    database: { file: getAlertsFile(layout), thread: alertStoreThread },
    config: {
      language,
      computer,
      names: {},
      labels,
      quietHours,
      native: false,
      channels,
      secrets,
      failing: null,
    },
    show: () => undefined,
    channels: () => undefined,
    log,
    setAside: (sentence) => log('warn', englishWords(sentence)),
    withdraw: () => undefined,
    // A second test confirms the failure before it becomes an incident, because it may be temporary.
    confirm: () => void checkStore(),
    changed: () => undefined,
    isMuted: () => false,
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
      await stop()
    },
  }
}
