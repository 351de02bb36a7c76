import { setTimeout as delay } from 'node:timers/promises'
import { notMountedWords } from '../backends/folder/mounted.ts'
import { type Checked, checkerDefinition } from '../check/checker-messages.ts'
import { lowerAccepted } from '../check/health/disk-health.ts'
import { ignoreError } from '../dropped-errors.ts'
import type { Message } from '../lib/i18n/message.ts'
import { createWords, englishWords } from '../lib/i18n/words.ts'
import type { ProxyRoute } from '../lib/network/proxy.ts'
import { setProxy } from '../lib/network/tunnel.ts'
import type { WorkerDefinition, WorkerReport } from '../lib/workers/definition.ts'
import { isGone } from '../platform/system-error.ts'
import { receiverDefinition } from '../receive/receiver-messages.ts'
import { scannerDefinition } from '../scan/scanner-messages.ts'
import { readAllowance } from '../send/rate-limit/schedule.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import { getProxyRoute, hasProxyPassword } from '../settings/proxy.ts'
import type { Settings } from '../settings/schema.ts'
import { type EnteredSecrets, openSecrets, type SecretStore, saveSettings } from '../settings/secrets.ts'
import { type SettingsStore, settingsInForce } from '../settings/settings-store.ts'
import { getStorePaths, refusedSources } from './accept-path.ts'
import type { Log } from './log.ts'
import { Alerting } from './parts/alerts/alerting.ts'
import type { Actor } from './parts/changes/contract.ts'
import { openKnownMounts } from './parts/checks/known-mounts.ts'
import { Comparing } from './parts/comparing/comparing.ts'
import { computerStates, WatchedComputers } from './parts/computers/computers.ts'
import { EjectedDisks } from './parts/destinations/ejecting.ts'
import { localCopies } from './parts/destinations/local-copies.ts'
import { SenderWorkers } from './parts/destinations/senders.ts'
import { AgentEvents } from './parts/events/events.ts'
import { Healing } from './parts/healing/healing.ts'
import { Manifests } from './parts/manifests/manifests.ts'
import { createNotices, type Notices, UNUSED_SETTINGS } from './parts/notices/notices.ts'
import { SurroundingsWatch } from './parts/pause/power-network.ts'
import { Proposals } from './parts/proposals/proposals.ts'
import { receiverConfig, receivingState, withReceived } from './parts/receiving/receiving.ts'
import { Reports } from './parts/report/reports.ts'
import { SentHours } from './parts/report/sent-hours.ts'
import { Restores } from './parts/restore/restores.ts'
import { noteSettings, type Recorder, toRow } from './recording.ts'
import { type AgentHost, type AgentServices, isBrief, type Part } from './services.ts'
import {
  destinationStates,
  findRecovered,
  initialState,
  pathIds,
  withChecked,
  withoutScanned,
  withScanned,
  withSettings,
} from './state/next-state.ts'
import type { WorkerName, WorkerState } from './state/schema.ts'
import { createStateStore, type StateStore } from './state/state-store.ts'
import { summarize } from './state/status.ts'
import { checkerConfig, scannerConfig } from './workers/configs.ts'
import { SupervisedWorker, type SupervisionEvents } from './workers/supervisor.ts'

/** How often the state is checked for changes that only the passing of time causes. */
const REFRESH_MS = 1_000
/** A longer gap between two refreshes means that the computer was asleep. */
const ASLEEP_MS = 10_000
/** How long stopping waits for pending writes. */
const KEEP_MS = 2_000

/**
 * Owns the workers, the state and the alerts. Its host shows the state and passes commands on.
 *
 * `start` and `change` apply the settings: to the state, and to each worker's configuration. The workers' reports then
 * update the state, and the alerts follow the state. An agent for a command is not started: it only shows the settings.
 */
export class Agent implements AgentServices {
  readonly layout: DataLayout
  readonly settings: SettingsStore
  readonly host: AgentHost
  readonly log: Log['write']
  readonly store: StateStore
  readonly notices: Notices
  readonly secrets: SecretStore
  readonly alerting: Alerting
  readonly events: AgentEvents
  readonly checker: SupervisedWorker<typeof checkerDefinition>
  readonly scanner: SupervisedWorker<typeof scannerDefinition>
  readonly senders: SenderWorkers
  readonly receiver: SupervisedWorker<typeof receiverDefinition>
  readonly restores: Restores
  readonly proposals: Proposals
  readonly healing: Healing
  readonly comparing: Comparing
  readonly sentHours: SentHours
  readonly reports: Reports
  readonly manifests: Manifests
  readonly #parts: readonly Part[]
  readonly #knownMounts: ReturnType<typeof openKnownMounts>
  readonly #surroundings: SurroundingsWatch
  /** Sources of the settings that must not run, and why. */
  #refused = new Map<string, Message>()
  readonly #listeners = new Set<() => void>()
  #refresh: NodeJS.Timeout | null = null
  #tickedAt = Date.now()
  #isStopped = false

  constructor(layout: DataLayout, settings: SettingsStore, host: AgentHost, log: Log['write']) {
    this.layout = layout
    this.settings = settingsInForce(settings)
    this.host = host
    this.log = log
    this.#knownMounts = openKnownMounts(layout.directory, isBrief(host))
    this.store = createStateStore(
      initialState(host.kind, host.version, settings.get(), layout.store),
      (state) => summarize(state, Date.now()),
    )
    this.notices = createNotices(this.store, log)
    this.secrets = openSecrets(layout.directory, host.vault(), isBrief(host) ? 'refuse' : 'set-aside')
    this.alerting = new Alerting(this)
    this.events = new AgentEvents(this)
    this.checker = this.#supervise(checkerDefinition, (report) => this.#checked(report))
    this.scanner = this.#supervise(
      scannerDefinition,
      ({ scanned, notices = [] }) => {
        for (const [index, notice] of notices.entries()) this.notices.add(`ledger ${index}`, notice)
        this.store.update(withScanned(this.store.state, scanned, Date.now()))
      },
      () => this.senders.nudge(),
    )
    this.senders = new SenderWorkers(this)
    this.receiver = this.#supervise(receiverDefinition, (report) => this.#received(report))
    this.restores = new Restores(this)
    this.proposals = new Proposals(this)
    this.reports = new Reports(this)
    this.manifests = new Manifests(this)
    this.healing = new Healing(this)
    this.comparing = new Comparing(this)
    this.sentHours = new SentHours(this)
    this.#parts = [
      this.alerting,
      this.events,
      this.senders,
      this.restores,
      this.proposals,
      this.reports,
      this.manifests,
      this.healing,
      this.comparing,
      this.sentHours,
      new WatchedComputers(this),
      new EjectedDisks(this),
    ]
    this.#surroundings = new SurroundingsWatch(host.onBattery, (surroundings) => {
      this.store.update({ surroundings })
      this.senders.apply()
    })
    if (settings.notice !== null) this.notices.add(UNUSED_SETTINGS, settings.notice)
    if (this.secrets.notice !== null) this.notices.add('secrets', this.secrets.notice)
  }

  get language() {
    const { language } = this.settings.get()
    return language === 'system' ? this.host.systemLanguage : language
  }

  start(): void {
    this.#apply()
    this.#refresh = setInterval(() => this.#tick(), REFRESH_MS)
  }

  /** Saves new settings and secrets, and applies them everywhere (saveSettings). */
  change(update: (settings: Settings) => Settings, entered?: EnteredSecrets): void {
    const { before, next } = saveSettings(this.settings, this.secrets, update, entered)
    noteSettings(before, next)
    if (this.host.kind === 'command') return
    this.#apply()
    for (const listener of this.#listeners) listener()
  }

  /** Calls the listener whenever settings were saved, also without a difference. Returns the function that ends this. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Returns what records the commands of a person. */
  createRecorder(by: Actor): Recorder {
    return {
      by,
      known: () => this.store.state,
      keep: (change) => {
        const { via, name } = change.by
        this.log('info', `${via} ${name}: ${englishWords(change.sentence)}`)
        void this.alerting.notifier.recordChange(toRow(change, createWords(this.language)))
      },
    }
  }

  /** Returns the proxy in force; null: none. */
  proxy(): ProxyRoute | null {
    return getProxyRoute(this.settings.get().proxy, this.secrets.get())
  }

  /** Returns the remembered mount point of a path or a destination, by its id; null: unknown. */
  knownPoint(id: string): string | null {
    return this.#knownMounts.knownMounts()[id]?.mount.point ?? null
  }

  /** Returns the settings with only the sources that may run. */
  permittedSettings(): Settings {
    const settings = this.settings.get()
    return { ...settings, sources: settings.sources.filter(({ id }) => !this.#refused.has(id)) }
  }

  /** Shows the state of a worker. A scanner that has ended watches nothing. */
  showWorker(name: WorkerName, condition: WorkerState): void {
    this.store.update({ workers: { ...this.store.state.workers, [name]: condition } })
    const isAway = condition.condition === 'restarting' || condition.condition === 'failed'
    if (name === 'scanner' && isAway) this.store.update(withoutScanned(this.store.state, this.#refused))
  }

  /**
   * Stops the workers. Resolves within some seconds, even if threads are stuck in the kernel: false if a hung disk
   * blocks the last writes.
   */
  async stop(): Promise<boolean> {
    this.#isStopped = true
    if (this.#refresh !== null) clearInterval(this.#refresh)
    this.#surroundings.stop()
    const written = Promise.all([this.#knownMounts.saved(), ...this.#parts.map((part) => part.close?.())])
    const isWritten = written.then((results) => !results.includes(false))
    const [isSaved] = await Promise.all([
      // These writes must not block the shutdown.
      Promise.race([isWritten, delay(KEEP_MS, false, { ref: false })]),
      ...this.#parts.map((part) => part.end?.()),
      ...[this.scanner, this.receiver, this.checker].map((worker) => worker.stop()),
    ])
    this.store.stop()
    return isSaved
  }

  /** Shows the settings in the state. */
  show(): void {
    const { state } = this.store
    const settings = this.settings.get()
    this.#refused = refusedSources(settings.sources, getStorePaths(settings, this.layout))
    const destinations = destinationStates(settings, this.layout.store, this.secrets.get())
    this.store.update({
      ...withSettings(state, settings, this.#refused, destinations),
      receiving: receivingState(settings, Date.now(), state.receiving),
      computers: computerStates(settings, state.computers, Date.now()),
      proxy: { address: this.proxy()?.address ?? null, hasPassword: hasProxyPassword(this.secrets.get()) },
      allowance: readAllowance(settings.send, Date.now()),
    })
  }

  #apply(): void {
    const settings = this.settings.get()
    const { sources, checkedPaths, destinations } = settings
    const kept = new Set([...sources, ...checkedPaths, ...destinations].map(({ id }) => id))
    this.#knownMounts.keepOnly(kept)
    this.store.update({ surroundings: this.#surroundings.configure(settings.send) })
    this.show()
    void localCopies(this.layout, settings).then((found) => this.store.update({ localCopies: found }))
    // A report that arrives during the shutdown must not restart a worker.
    if (!this.#isStopped) {
      this.#configureWorkers()
      for (const part of this.#parts) part.apply?.()
    }
    this.alerting.evaluate()
  }

  #configureWorkers(): void {
    const settings = this.permittedSettings()
    setProxy(this.proxy())
    const checks = this.#checkerConfig()
    this.checker.configure(checks, checks.paths.length > 0, checks.paths.length)
    this.scanner.configure(scannerConfig(settings, this.layout), settings.sources.length > 0)
    if (settings.receive === null) void this.receiver.stop()
    else
      this.receiver.configure(receiverConfig(settings, settings.receive, this.layout, this.host.computerName))
  }

  #checkerConfig() {
    const config = checkerConfig(this.permittedSettings(), this.layout, this.#knownMounts.knownMounts())
    // A one-shot run ends before a disk gets worse.
    return { ...config, diskHealth: config.diskHealth && this.host.kind !== 'once' }
  }

  /** Refreshes sentences that contain an age, and applies the end of a pause and the schedule of sending. */
  #tick(): void {
    const now = Date.now()
    if (now - this.#tickedAt > ASLEEP_MS) this.store.update({ awakeSince: now })
    this.#tickedAt = now
    const { allowance } = this.store.state
    this.store.update({ allowance: readAllowance(this.settings.get().send, now, allowance) })
    this.store.refresh()
    this.alerting.evaluate()
    for (const part of this.#parts) part.tick?.(now)
    if (this.store.state.settings.pause?.until !== this.settings.get().pause?.until) this.#apply()
  }

  #supervise<D extends WorkerDefinition & { name: WorkerName }>(
    definition: D,
    report: SupervisionEvents<D>['report'],
    nudge: () => void = () => undefined,
  ): SupervisedWorker<D> {
    return new SupervisedWorker(definition, this.host.starter, {
      report,
      nudge,
      log: this.log,
      condition: (condition) => this.showWorker(definition.name, condition),
    })
  }

  #checked({ checked, notice, disks }: WorkerReport<typeof checkerDefinition>): void {
    if (notice !== undefined) this.notices.reportHistory(notice)
    const { check, acceptedDisks } = this.settings.get()
    // A report may have been on its way when this was switched off.
    if (disks !== undefined && check.diskHealth) {
      this.store.update({ disks })
      this.alerting.disksRead(disks.at)
      const lowered = lowerAccepted(acceptedDisks, disks.all)
      if (lowered !== acceptedDisks) this.change((settings) => ({ ...settings, acceptedDisks: lowered }))
    }
    if (checked.length === 0) return
    const before = this.store.state
    this.store.update(withChecked(before, checked))
    const sources = findRecovered(before, this.store.state)
    // Retries what the fault made unreadable. Until then, the window still shows the scanner's message about it.
    if (sources.length > 0)
      this.scanner
        .request('reconcile', { sources })
        .catch(ignoreError('a scanner that starts again compares all'))
    const ids = new Set(pathIds(this.store.state))
    // Alerts come before the checker's configuration, because people wait for them.
    for (const one of checked) if (ids.has(one.id)) this.alerting.checked(this.#named(one))
    // Without these mounts, a restarted checker would take a current fault for the person's own choice.
    if (this.#knownMounts.remember(checked)) this.checker.prepare(this.#checkerConfig())
  }

  /** Names a destination's disk as people know it. If the disk is absent, uses the sender's message for it. */
  #named(checked: Checked): Checked {
    const destination = this.store.state.destinations.find(({ id }) => id === checked.id)
    if (destination === undefined) return checked
    const { name, address } = destination
    const { overall } = checked
    const { kind, code } = overall
    const isAway = kind === 'missing' && (code === null || isGone(code))
    const sentence = isAway ? notMountedWords({ name, path: address }) : overall.sentence
    return { ...checked, path: name, overall: { ...overall, sentence } }
  }

  #received(report: WorkerReport<typeof receiverDefinition>): void {
    const { receiving } = this.store.state
    if (receiving !== null) this.store.update({ receiving: withReceived(receiving, report, Date.now()) })
  }
}
