import path from 'node:path'
import { onTestFinished } from 'vitest'
import type {
  ChannelState,
  NoticeDelivery,
  TimelinePage,
  TimelineQuestion,
} from '../../../core/alerts/incident.ts'
import { Notifier } from '../../../core/alerts/notifier.ts'
import type { Shown } from '../../../core/alerts/render.ts'
import { openAlertStore } from '../../../core/alerts/store/store.ts'
import type { SetAside } from '../../../core/platform/sqlite.ts'
import type { Recorded } from '../servers/recording-server.ts'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'
import { STORE_THREAD, type StoredConfig } from './notifier-config.ts'

export interface RunningNotifier {
  notifier: Notifier
  /** What it has said to its host so far. */
  shown: Shown[]
  logs: string[]
  asides: SetAside[]
  states(): ChannelState[]
  /** Timeline, of everything unless asked otherwise. */
  page(question?: Partial<TimelineQuestion>): Promise<TimelinePage>
  /** What became of the notices of an incident, as `channel what state`. */
  deliveries(incident: string): Promise<string[]>
  /** Waits until that has become of a notice of an incident. */
  comesTo(incident: string, delivery: string, withinMs?: number): Promise<NoticeDelivery>
}

export const databaseFile = () => path.join(temporaryDirectory('notifier'), 'alerts.db')

/** A notifier with the real store, which ends with the test. */
export function startNotifier(config: StoredConfig): RunningNotifier {
  const [shown, logs, asides]: [Shown[], string[], SetAside[]] = [[], [], []]
  let states: ChannelState[] = []
  const file = config.file || databaseFile()
  const store = openAlertStore(STORE_THREAD, file, (aside) => asides.push(aside))
  const notifier = new Notifier(config, store, {
    show: (one) => shown.push(one),
    channels: (told) => {
      states = told
    },
    resumed: () => undefined,
    log: (level, text) => logs.push(`${level} ${text}`),
  })
  onTestFinished(async () => void (await notifier.stop()))
  const page = (question: Partial<TimelineQuestion> = {}) =>
    notifier.timeline({
      before: null,
      most: 200,
      severity: null,
      kinds: null,
      source: null,
      text: '',
      lasts: null,
      ...question,
    })
  const readDeliveries = async (id: string): Promise<NoticeDelivery[]> =>
    (await page()).entries.find(({ incident }) => incident.id === id)?.deliveries ?? []
  const said = ({ channel, what, state }: NoticeDelivery) => `${channel} ${what} ${state}`
  return {
    notifier,
    shown,
    logs,
    asides,
    states: () => states,
    page,
    deliveries: async (id) => (await readDeliveries(id)).map(said).sort(),
    comesTo: (id, delivery, withinMs = 60_000) =>
      until(
        `${id} to come to ${delivery}`,
        async () => (await readDeliveries(id)).find((one) => said(one) === delivery),
        withinMs,
      ),
  }
}

/** Which notices were posted to a webhook, or to all: `what about`, in their order. */
export function posted(requests: readonly Recorded[], id?: string): string[] {
  return requests
    .filter((one) => id === undefined || one.path === `/${id}`)
    .map(({ body }) => JSON.parse(body))
    .map(({ what, about }) => `${what} ${about}`)
}
