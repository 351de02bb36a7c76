import { setTimeout as delay } from 'node:timers/promises'
import type { Shown } from '../alerts/render.ts'
import { notMountedWords } from '../backends/folder/place.ts'
import { type Checked, checkerDefinition } from '../check/checker-messages.ts'
import { lowerAccepted } from '../check/health/disk-health.ts'
import { ignoreError } from '../dropped-errors.ts'
import type { Message } from '../lib/i18n/message.ts'
import { createWords, englishWords, type Language } from '../lib/i18n/words.ts'
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
import {
  type EnteredSecrets,
  openSecrets,
  type Seal,
  type SecretStore,
  saveSettings,
} from '../settings/secrets.ts'
import { type SettingsStore, settingsInForce } from '../settings/settings-store.ts'
import { getStorePaths, refusedSources } from './accept-path.ts'
import { Alerting } from './alerting.ts'
import { Comparing } from './comparing.ts'
import { computerStates, WatchedComputers } from './computers/computers.ts'
import type { Actor } from './contract.ts'
import { EjectedDisks } from './ejecting.ts'
import { AgentEvents } from './events.ts'
import { Healing } from './healing.ts'
import { openKnownMounts } from './known-mounts.ts'
import { localCopies } from './local-copies.ts'
import type { Log } from './log.ts'
import { Manifests } from './manifests.ts'
import { SurroundingsWatch } from './power-network.ts'
import { Proposals } from './proposals.ts'
import { receiverConfig, receivingState, withReceived } from './receiving.ts'
import { noteSettings, type Recorder, toRow } from './recording.ts'
import { Reports } from './reports.ts'
import { Restores } from './restores.ts'
import { SenderWorkers } from './senders.ts'
import { SentHours } from './sent-hours.ts'
import { isQuietNotice } from './state/derived.ts'
import {
  destinationStates,
  findRecovered,
  initialState,
  pathIds,
  withChecked,
  withoutScanned,
  withScanned,
  withSettings,
} from './state/reports.ts'
import type { AppState, WorkerName, WorkerState } from './state/schema.ts'
import { createStateStore, type StateStore } from './state/state-store.ts'
import { overallStatus } from './state/status.ts'
import { checkerConfig, scannerConfig } from './workers/configs.ts'
import type { WorkerStarter } from './workers/starter.ts'
import { SupervisedWorker, type SupervisionEvents } from './workers/supervisor.ts'

/** How often the state is checked for changes that only the passing of time causes. */
const REFRESH_MS = 1_000
/** A longer gap between two refreshes means that the computer was asleep. */
const ASLEEP_MS = 10_000
/** How long stopping waits for pending writes. */
const KEEP_MS = 2_000

/** Id of the notice that a settings file was set aside, or is used in part. */
export const UNUSED_SETTINGS = 'settings'
/** Id of the notice that the check history cannot be kept. */
const HISTORY = 'history'

/** Encrypts secrets for the logged-in user. Only this vault can decrypt them. */
export interface Vault extends Seal {
  /** keyring: protected by the desktop's keyring; weak: not protected by a password (basic_text). */
  storage: 'keyring' | 'weak'
}

/** The host's services for the agent. The host is the desktop, the command line, or a test. */
export interface AgentHost {
  kind: AppState['host']
  version: string
  /** The language that the setting "system" stands for. */
  systemLanguage: Language
  computerName: string
  starter: WorkerStarter
  /** null: secrets are kept in a file that only this user can read. */
  vault(): Vault | null
  /** True if this computer runs on battery. Used on systems without a kernel file for it; omitted: unknown. */
  onBattery?(): boolean
  /** Script of the thread that stores alerts; null: they are not stored. */
  alertStoreThread: URL | null
  /** Script of the thread that reads events; null: there are none. */
  eventThread: URL | null
  /** Script of the threads that build reports and manifests; null: this host makes none. */
  reportThread: URL | null
  /** Returns the directory of the built page; null: this installation has none at present. */
  page(): string | null
  /** Shows a notification natively; must return at once. */
  notify(shown: Shown): void
  /** Removes notifications about this subject that are no longer true. */
  withdraw(about: string): void
}

/**
 * Owns the workers, the state and the alerts. Its host shows the state and passes commands on.
 *
 * `start` and `change` apply the settings: to the state, and to each worker's configuration. The workers' reports then
 * update the state, and the alerts follow the state.
 */
export class Agent {
  readonly layout: DataLayout
  readonly settings: SettingsStore
  readonly host: AgentHost
  readonly log: Log['write']
  readonly store: StateStore
  readonly notices: ReturnType<typeof createNotices>
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
  readonly sentHours = new SentHours()
  readonly reports: Reports
  readonly manifests: Manifests
  readonly #computers = new WatchedComputers(this)
  readonly #knownMounts: ReturnType<typeof openKnownMounts>
  readonly #surroundings: SurroundingsWatch
  readonly #ejectedDisks = new EjectedDisks(this)
  /** Sources of the settings that must not run, and why. */
  #refused = new Map<string, Message>()
  readonly #listeners = new Set<() => void>()
  #refresh: NodeJS.Timeout | null = null
  #tickedAt = Date.now()
  #isStopped = false

  constructor(layout: DataLayout, settings: SettingsStore, host: AgentHost, log: Log['write']) {
    const isOnce = host.kind === 'once'
    this.layout = layout
    this.settings = settingsInForce(settings)
    this.host = host
    this.log = log
    this.#knownMounts = openKnownMounts(layout.directory, isOnce)
    this.store = createStateStore(
      initialState(host.kind, host.version, settings.get(), layout.store),
      (state) => ({ status: overallStatus(state, Date.now()) }),
    )
    this.notices = createNotices(this.store, log)
    this.secrets = openSecrets(layout.directory, host.vault(), isOnce ? 'refuse' : 'set-aside')
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
    this.#surroundings = new SurroundingsWatch(host.onBattery, (surroundings) => {
      this.store.update({ surroundings })
      this.senders.configure()
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
    this.#computers.stop()
    // These writes must not block the shutdown.
    const written = Promise.all([
      this.alerting.stop(),
      this.events.stop(),
      this.#knownMounts.saved(),
      this.proposals.saved(),
      this.reports.stop(),
      this.manifests.stop(),
    ])
    const isWritten = written.then((results) => !results.includes(false))
    const saved = Promise.race([isWritten, delay(KEEP_MS, false, { ref: false })])
    const workers = [this.scanner, this.senders, this.receiver, this.checker]
    const [isSaved] = await Promise.all([
      saved,
      this.restores.end(),
      this.healing.end(),
      this.comparing.end(),
      ...workers.map((worker) => worker.stop()),
    ])
    this.store.stop()
    return isSaved
  }

  #apply(): void {
    const { state } = this.store
    const settings = this.settings.get()
    const { sources, checkedPaths, destinations: all } = settings
    const kept = new Set([...sources, ...checkedPaths, ...all].map(({ id }) => id))
    this.#knownMounts.keepOnly(kept)
    this.#refused = refusedSources(settings.sources, getStorePaths(settings, this.layout))
    const destinations = destinationStates(settings, this.layout.store, this.secrets.get())
    this.store.update({
      ...withSettings(state, settings, this.#refused, destinations),
      receiving: receivingState(settings, Date.now(), state.receiving),
      computers: computerStates(settings, state.computers, Date.now()),
      surroundings: this.#surroundings.configure(settings.send),
      proxy: { address: this.proxy()?.address ?? null, hasPassword: hasProxyPassword(this.secrets.get()) },
      allowance: readAllowance(settings.send, Date.now()),
    })
    void localCopies(this.layout, settings).then((found) => this.store.update({ localCopies: found }))
    this.#configureWorkers()
    this.alerting.evaluate()
    this.proposals.review()
  }

  #configureWorkers(): void {
    // A report that arrives during the shutdown must not restart a worker.
    if (this.#isStopped) return
    const settings = this.permittedSettings()
    setProxy(this.proxy())
    this.alerting.configure()
    this.events.configure()
    this.checker.configure(this.#checkerConfig())
    this.scanner.configure(scannerConfig(settings, this.layout), settings.sources.length > 0)
    if (settings.receive === null) void this.receiver.stop()
    else
      this.receiver.configure(receiverConfig(settings, settings.receive, this.layout, this.host.computerName))
    this.senders.configure()
    if (this.host.kind !== 'once') this.#computers.configure()
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
    this.sentHours.note(this.store.state.sources, now)
    this.alerting.evaluate()
    this.senders.publishStatus()
    this.reports.tick(now)
    this.healing.look(now)
    if (this.host.kind !== 'once') this.#ejectedDisks.look()
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

/** Creates the notices, which a person reads once and can dismiss. Each is also logged. */
export function createNotices(store: StateStore, log: Log['write']) {
  const others = (id: string) => store.state.notices.filter((notice) => notice.id !== id)
  const dismiss = (id: string) => store.update({ notices: others(id) })
  /** Replaces an earlier notice with this id. */
  const add = (id: string, sentence: Message) => {
    log(isQuietNotice(sentence) ? 'info' : 'warn', englishWords(sentence))
    store.update({ notices: [...others(id), { id, sentence }] })
  }
  /** Shows a failure of the check history as a notice. Recovery removes the notice and is only logged. */
  const reportHistory = (sentence: Message) => {
    if (sentence.key !== 'check.historyBack') return add(HISTORY, sentence)
    log('info', englishWords(sentence))
    dismiss(HISTORY)
  }
  return { add, dismiss, reportHistory }
}
