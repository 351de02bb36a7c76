import { isDeepStrictEqual } from 'node:util'
import {
  Alerts,
  createHandoverQueue,
  type HandoverQueue,
  noIncidentFile,
  type Observation,
  openIncidentFile,
} from '../alerts/alerts.ts'
import { isUrgent, type Notice } from '../alerts/incident.ts'
import { getSeverity } from '../alerts/kinds.ts'
import { type ChannelState, type NotifierConfig, notifierDefinition } from '../alerts/notifier-messages.ts'
import { renderMessage, toShown } from '../alerts/render.ts'
import type { Checked } from '../check/checker-messages.ts'
import { getShellStep } from '../check/verdict.ts'
import { ignoreError } from '../dropped-errors.ts'
import { createWords, englishWords, type Words } from '../lib/i18n/words.ts'
import type { RequestInput, RequestName, RequestOutput, WorkerReport } from '../lib/workers/definition.ts'
import type { Settings } from '../settings/schema.ts'
import type { Agent } from './agent.ts'
import { type Condition, findConditions } from './state/conditions.ts'
import { pathIds } from './state/reports.ts'
import type { WorkerStarter } from './workers/starter.ts'
import { SupervisedWorker, type SupervisionEvents } from './workers/supervisor.ts'

type Definition = typeof notifierDefinition

/** Id of the notice that alerts could not be stored completely. */
const STORE = 'alert-store'
/**
 * Delay in milliseconds before an idle notifier stops. A person browsing the alerts sends the next request sooner.
 */
const RESTS_AFTER_MS = 60_000

/**
 * Creates incidents from check results and from the state, and has them delivered by the notifier's process. A one-shot
 * run has no such process, and shows its notifications itself.
 */
export class Alerting {
  readonly notifier: RestingNotifier
  readonly alerts: Alerts
  readonly #agent: Agent
  readonly #handover: HandoverQueue

  constructor(agent: Agent) {
    const { host, store, layout, log } = agent
    this.#agent = agent
    this.notifier = new RestingNotifier(host.starter, {
      report: (report) => this.#reported(report),
      nudge: () => undefined,
      log,
      condition: (state) => agent.showWorker('notifier', state),
    })
    const showAlone = (notice: Notice) => this.#showAlone(notice)
    const isOnce = host.kind === 'once'
    this.#handover = isOnce
      ? { tell: (notices) => notices.forEach(showAlone), record: () => undefined }
      : createHandoverQueue(
          {
            tell: (notices) => this.notifier.ask('tell', { notices }),
            record: (incidents) => this.notifier.ask('record', { incidents }),
          },
          showAlone,
        )
    this.alerts = new Alerts({
      tell: (notices) => {
        for (const notice of notices) this.#logNotice(notice)
        this.#handover.tell(notices)
      },
      record: (incidents) => this.#handover.record(incidents),
      withdraw: (about) => host.withdraw(about),
      confirm: (ids) =>
        void agent.checker
          .request('checkNow', { ids })
          .catch(ignoreError('a checker that starts again checks all')),
      changed: () => store.update({ incidents: this.alerts.incidents() }),
      isMuted: (source) => this.#isMuted(source),
      file: isOnce ? noIncidentFile : openIncidentFile(layout.directory),
    })
    const storage = host.vault()?.storage ?? 'file'
    store.update({ incidents: this.alerts.incidents(), secretStorage: storage })
  }

  /** Passes the check result of one path to the incident policy. */
  checked({ id, path, mount, overall }: Checked): void {
    const { kind, sentence, step } = overall
    this.alerts.observe({
      id,
      path,
      group: mount?.point ?? path,
      isOwn: isOwnFault(overall),
      kind,
      sentence,
      source: id,
      step: getShellStep(kind, step),
      tellAfterMs: 0,
    })
  }

  /** Evaluates the rest of the state. Called when it has changed or time has passed. */
  evaluate(): void {
    const { state } = this.#agent.store
    const found = findConditions(state, Date.now())
    // Incidents of subjects that are no longer monitored end without a notification.
    this.alerts.keepOnly(new Set([...pathIds(state), ...found.map(({ id }) => id)]))
    this.alerts.observeChanges(
      found.map((one) => (one.kind === 'unknown' ? one : toObservation(one, this.#findGroup(one)))),
    )
    this.alerts.look()
    this.configure()
    this.notifier.stopIfIdle()
  }

  /** Passes the configuration to the notifier if it has changed. */
  configure(): void {
    const { host, layout, secrets } = this.#agent
    if (host.kind === 'once') return
    const settings = this.#agent.settings.get()
    const critical = this.alerts
      .incidents()
      .find(({ endedAt, kind }) => endedAt === null && getSeverity(kind) === 'critical')
    const { channels } = settings.alerts
    const known = secrets.get()
    const config: NotifierConfig = {
      file: layout.alerts,
      language: this.#agent.language,
      place: host.kind === 'desktop' ? 'window' : 'terminal',
      computer: host.computerName,
      names: sourceNames(settings),
      labels: settings.alerts.labels,
      quietHours: settings.alerts.quietHours,
      native: settings.notifications,
      channels,
      secrets: Object.fromEntries(channels.map(({ id }) => [id, known[id] ?? {}])),
      failing: critical?.sentence ?? null,
    }
    this.notifier.configure(config)
  }

  /** Resolves when the incidents are stored, or could not be. The notifier runs on. */
  stop(): Promise<void> {
    return this.alerts.stop()
  }

  #isMuted(source: string): boolean {
    const until = this.#agent.settings.get().alerts.muted[source]
    return until === null || (until !== undefined && until > Date.now())
  }

  /**
   * Returns the incident group of a condition. Sources that are unavailable because their disk is absent share one
   * incident, as their checked paths do. An ongoing incident keeps its group.
   */
  #findGroup({ id, kind, source }: Condition): string {
    if (kind !== 'unwatched') return id
    const lasting = this.alerts
      .incidents()
      .find((one) => one.endedAt === null && one.kind === kind && one.failing[id] !== undefined)
    const { sources } = this.#agent.store.state
    const { mount } = sources.find(({ settings }) => settings.id === source)?.checked ?? {}
    return lasting?.group ?? mount?.point ?? id
  }

  #reported({ channels, show, notice }: WorkerReport<Definition>): void {
    const { store, host, notices } = this.#agent
    if (channels !== undefined) {
      // A notifier that has just started does not have the earlier conditions of the channels.
      const known = new Map(store.state.channels.map((one) => [one.id, one]))
      const asKnown = (one: ChannelState) => {
        const { condition, at, sentence } = known.get(one.id) ?? one
        return one.at === null ? { ...one, condition, at, sentence } : one
      }
      store.update({ channels: channels.map(asKnown) })
    }
    if (notice !== undefined) notices.add(STORE, notice)
    if (show !== undefined) host.notify(show)
  }

  #showAlone(notice: Notice): void {
    const { host } = this.#agent
    if (!this.#agent.settings.get().notifications) return
    const words = createWords(this.#agent.language, host.kind === 'desktop' ? 'window' : 'terminal')
    host.notify(toShown(this.#renderNotice(notice, words, sourceNames(this.#agent.settings.get()))))
  }

  #logNotice(notice: Notice): void {
    const { title, body } = this.#renderNotice(notice, englishWords)
    this.#agent.log(isUrgent(notice) ? 'warn' : 'info', `${title}: ${body}`)
  }

  /** @param names of sources, for people; the log has paths. */
  #renderNotice(notice: Notice, words: Words, names: Record<string, string> = {}) {
    const { labels } = this.#agent.settings.get().alerts
    const writer = { words, computer: this.#agent.host.computerName, labels, names }
    return renderMessage(notice.id, notice, writer, { type: null, template: null }, Date.now())
  }
}

const sourceNames = ({ sources }: Settings) => Object.fromEntries(sources.map(({ id, name }) => [id, name]))

function toObservation(one: Condition, group: string): Observation {
  const { name: path, headline: _, ...rest } = one
  return { ...rest, path, group, isOwn: true, step: null }
}

/**
 * True if the failure concerns the path itself and not its disk. A name that does not exist, or that may not be used,
 * is no sign of a disk failure; a disk that is not mounted is one. An I/O error without a code comes from ext4's error
 * count, which stays until e2fsck runs; the disk may fail meanwhile.
 */
function isOwnFault({ kind, code }: Checked['overall']): boolean {
  if (kind === 'missing') return code === 'ENOENT' || code === 'ENOTDIR'
  if (kind === 'io-error') return code === null
  return kind === 'permission' || kind === 'error'
}

/**
 * Runs the notifier's process while there is a channel, and otherwise from a request until it has been idle for a
 * while: 33 MiB, and a sixth of the processor time of an agent's start.
 */
class RestingNotifier {
  readonly #worker: SupervisedWorker<Definition>
  #config: NotifierConfig | null = null
  #askedAt = performance.now()
  /** The notifier's last report about being idle. */
  #isIdle = false
  /** No process runs until the next request or the first channel. */
  #isResting = true

  constructor(starter: WorkerStarter, events: SupervisionEvents<Definition>) {
    this.#worker = new SupervisedWorker(notifierDefinition, starter, {
      ...events,
      report: (report: WorkerReport<Definition>) => {
        this.#isIdle = report.isIdle ?? this.#isIdle
        events.report(report)
      },
    })
  }

  configure(config: NotifierConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return
    this.#config = config
    if (!this.#isResting || config.channels.length > 0) this.#run(config)
  }

  ask<N extends RequestName<Definition>>(
    name: N,
    input: RequestInput<Definition, N>,
  ): Promise<RequestOutput<Definition, N>> {
    this.#askedAt = performance.now()
    if (this.#isResting && this.#config !== null) this.#run(this.#config)
    return this.#worker.request(name, input)
  }

  /** Called periodically. Stops an idle notifier a minute after its last request. */
  stopIfIdle(): void {
    if (!this.#isIdle || performance.now() - this.#askedAt < RESTS_AFTER_MS) return
    this.#isIdle = false
    this.#isResting = true
    void this.#worker.stop()
  }

  stop(): Promise<void> {
    this.#isResting = false
    return this.#worker.stop()
  }

  #run(config: NotifierConfig): void {
    // The last report was about another configuration.
    this.#isIdle = false
    this.#isResting = false
    this.#worker.configure(config)
  }
}
