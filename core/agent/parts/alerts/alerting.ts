import { type Alerts, type Observation, openAlerts } from '../../../alerts/alerts.ts'
import type { Incident, TimelinePage, TimelineQuestion } from '../../../alerts/incident.ts'
import { getSeverity, getSubjects } from '../../../alerts/kinds.ts'
import type { Notifier, NotifierConfig } from '../../../alerts/notifier.ts'
import type { Checked } from '../../../check/checker-messages.ts'
import {
  AROUND_MS,
  afterMs,
  type Evidence,
  type Fact,
  MOST_FILES,
  parseEvidence,
} from '../../../check/evidence/evidence-messages.ts'
import { listReadings } from '../../../check/health/disk-health.ts'
import { getShellStep } from '../../../check/verdict.ts'
import { ignoreError } from '../../../dropped-errors.ts'
import type { Message } from '../../../lib/i18n/message.ts'
import { type AgentServices, isBrief, type Part } from '../../services.ts'
import type { Condition } from '../../state/condition.ts'
import { UNRECORDED } from '../../state/derived.ts'
import { findConditions } from '../../state/find-conditions.ts'
import { pathIds, withIncidents } from '../../state/next-state.ts'
import { describeDamaged } from './damaged-files.ts'

/** Id of the notice that alerts could not be stored completely. */
const STORE = 'alert-store'

/** Shortest interval between two readings of the disks' health that failures ask for. */
const DISKS_EVERY_MS = 60_000

type Services = Pick<
  AgentServices,
  | 'checker'
  | 'scanner'
  | 'notices'
  | 'settings'
  | 'store'
  | 'host'
  | 'secrets'
  | 'language'
  | 'log'
  | 'layout'
>

/** Creates incidents from check results and from the state, and has them delivered. A brief agent uses no channel. */
export class Alerting implements Part {
  readonly notifier: Notifier
  readonly alerts: Alerts
  readonly #agent: Services
  readonly #startedAt = Date.now()
  /** Incidents of this run whose evidence was read: the last one of each disk. */
  readonly #examined = new Map<string, string>()
  /** Evidence that still lacks a reading of the disks' health from after the failure: the last one of each disk. */
  readonly #awaiting = new Map<string, { failedAt: number; add: () => void }>()
  /** When a failure asked for a reading of the disks' health last, by the monotonic clock. */
  #disksAskedMs = Number.NEGATIVE_INFINITY
  /** Resolves when the incidents are stored, or could not be. */
  readonly close: () => Promise<boolean>

  constructor(agent: Services) {
    const { host, store, layout, log, notices } = agent
    this.#agent = agent
    const thread = host.alertStoreThread
    const { alerts, notifier, stop } = openAlerts({
      database: thread && { file: layout.alerts, thread },
      config: this.#getConfig(null),
      show: host.notify,
      channels: (channels) => store.update({ channels }),
      log,
      setAside: (sentence) => notices.add(STORE, sentence),
      recording: (sentence) =>
        sentence.key === 'alert.kept' ? notices.dismiss(UNRECORDED) : notices.add(UNRECORDED, sentence),
      withdraw: (about) => host.withdraw(about),
      confirm: (ids) => this.#confirm(ids),
      changed: () => store.update(withIncidents(store.state, this.alerts.incidents())),
      isMuted: (source) => this.#isMuted(source),
    })
    this.alerts = alerts
    this.notifier = notifier
    this.close = stop
    const storage = host.vault()?.storage ?? 'file'
    store.update({ ...withIncidents(store.state, this.alerts.incidents()), secretStorage: storage })
  }

  /** Returns a page of the recorded incidents, with those of this run that could not be recorded. */
  async timeline(question: TimelineQuestion): Promise<TimelinePage> {
    const page = await this.notifier
      .timeline(question)
      .catch(ignoreError('a disk that cannot be read has a notice', { entries: [], next: null }))
    return withPresent(page, question, this.alerts.incidents())
  }

  /** Passes the check result of one path to the incident policy. */
  checked(result: Checked): void {
    const { id, path, mount, overall } = result
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
    this.#examine(result)
  }

  /** Returns what the system reported about an incident; null: nothing was recorded. */
  async evidence(id: string): Promise<Evidence | null> {
    const text =
      this.alerts.unstoredEvidence(id) ??
      (await this.notifier.evidence(id).catch(ignoreError('a disk that cannot be read has a notice', null)))
    return text === null ? null : parseEvidence(text)
  }

  /**
   * Reads what the system reports about an open incident, once in each run of the agent: at once, for its notification, and
   * when all has been reported.
   */
  #examine({ id, path, mount, overall }: Checked): void {
    if (!isExplicable(overall)) return
    const incident = this.alerts.ongoing(id, overall.kind)
    if (incident === null) return
    // Its further paths are on the same disk.
    const disk = `${incident.kind} ${Object.keys(incident.paths)[0]}`
    if (this.#examined.get(disk) === incident.id) return
    this.#examined.set(disk, incident.id)
    const { kind, code } = overall
    const question = { path, mount, kind, code, failedAt: incident.startedAt }
    const isEarlier = incident.noticedAt < this.#startedAt
    const { store, checker } = this.#agent
    const before = listReadings(store.state.disks, id)
    let after: Fact[] = []
    const read = async () => {
      const found = await checker
        .request('evidence', question)
        .catch(ignoreError('a checker that starts again has no evidence', null))
      const first = await this.evidence(incident.id)
      if (found === null || !isNews(found, first, isEarlier)) return
      const evidence = combine(found, first, { before, after })
      const explain = () => this.alerts.explain(incident.id, found.cause, JSON.stringify(evidence))
      explain()
      const damaged = await describeDamaged(this.#agent, mount?.device, found)
      const others = damaged.filter(
        (one) => !evidence.files.some(({ params }) => params.path === one.params.path),
      )
      if (others.length === 0) return
      evidence.files = [...evidence.files, ...others].slice(0, MOST_FILES)
      explain()
    }
    let last = this.alerts.waitForCause(incident.id, read())
    const readAgain = () => {
      last = last.then(read)
    }
    for (const inMs of new Set([AROUND_MS, afterMs(kind)])) setTimeout(readAgain, inMs).unref()
    if (isEarlier || !this.#agent.settings.get().check.diskHealth) return
    const add = () => {
      after = listReadings(store.state.disks, id)
      readAgain()
    }
    this.#awaiting.set(disk, { failedAt: incident.startedAt, add })
    // A disk that hangs, or that fails again and again, is read by the timetable.
    if (kind === 'hung' || performance.now() - this.#disksAskedMs < DISKS_EVERY_MS) return
    this.#disksAskedMs = performance.now()
    void checker.request('readDisks', {}).catch(ignoreError('a checker that starts again reads the disks'))
  }

  /** Adds a reading of the disks' health to the evidence of the failures before it. */
  disksRead(at: number): void {
    for (const [disk, { failedAt, add }] of this.#awaiting) {
      if (at < failedAt) continue
      this.#awaiting.delete(disk)
      add()
    }
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
    this.apply()
  }

  /** Applies the settings and the current failure to the channels. */
  apply(): void {
    const critical = this.alerts
      .incidents()
      .find(({ endedAt, kind }) => endedAt === null && getSeverity(kind) === 'critical')
    this.notifier.configure(this.#getConfig(critical?.sentence ?? null))
  }

  #getConfig(failing: Message | null): NotifierConfig {
    const { host, secrets, language } = this.#agent
    const { alerts, notifications, sources } = this.#agent.settings.get()
    const { channels, quietHours } = isBrief(host) ? { channels: [], quietHours: null } : alerts
    const known = secrets.get()
    return {
      language,
      place: host.kind === 'desktop' ? 'window' : 'terminal',
      computer: host.computerName,
      names: Object.fromEntries(sources.map(({ id, name }) => [id, name])),
      labels: alerts.labels,
      quietHours,
      native: notifications,
      channels,
      secrets: Object.fromEntries(channels.map(({ id }) => [id, known[id] ?? {}])),
      failing,
    }
  }

  /** Checks the suspected paths again. Other subjects are evaluated from the state, without the checker. */
  #confirm(ids: readonly string[]): void {
    const known = new Set(pathIds(this.#agent.store.state))
    const paths = ids.filter((id) => known.has(id))
    if (paths.length === 0) return
    this.#agent.checker
      .request('checkNow', { ids: paths })
      .catch(ignoreError('a checker that starts again checks all'))
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
}

/** Adds incidents to a page: those that belong there and are not on it. Others are on it as they are now. */
function withPresent(
  { entries, next }: TimelinePage,
  question: TimelineQuestion,
  present: readonly Incident[],
): TimelinePage {
  const { before, severity, kinds, source, text, lasts } = question
  const isBehind = (one: Incident, place: NonNullable<TimelineQuestion['before']>) =>
    one.noticedAt < place.at || (one.noticedAt === place.at && one.id < place.id)
  const belongs = present.filter(
    (one) =>
      (before === null || isBehind(one, before)) &&
      (next === null || !isBehind(one, next)) &&
      (severity === null || getSeverity(one.kind) === severity) &&
      (kinds === null || kinds.includes(one.kind)) &&
      (source === null || one.sources.includes(source)) &&
      getSubjects({ ...one, endedAt: 0 }).some((name) => name.toLowerCase().includes(text.toLowerCase())) &&
      (lasts === null || (one.endedAt === null) === lasts),
  )
  const all = new Map(entries.map((entry) => [entry.incident.id, entry]))
  for (const incident of belongs)
    all.set(incident.id, { incident, deliveries: all.get(incident.id)?.deliveries ?? [] })
  const sorted = [...all.values()].sort((a, b) =>
    isBehind(a.incident, { at: b.incident.noticedAt, id: b.incident.id }) ? 1 : -1,
  )
  return { entries: sorted, next }
}

function toObservation(one: Condition, group: string): Observation {
  const { name: path, headline: _, ...rest } = one
  return { ...rest, path, group, isOwn: true, step: null }
}

/**
 * True if the kernel may have reported why. A name that is gone, a full disk and a lacking permission have their reason
 * in themselves, and an earlier error of their disk would be taken for it.
 */
function isExplicable({ kind, code }: Checked['overall']): boolean {
  if (process.platform !== 'linux' || kind === 'ok' || kind === 'full' || kind === 'permission') return false
  return !(kind === 'missing' && (code === 'ENOENT' || code === 'ENOTDIR'))
}

/**
 * Returns the evidence of a reading. Its states and its files are those of the first reading: later states may be those of
 * another disk, and a damaged content may have been sent since.
 * @param health values of the disks' health from before the failure, and from after it
 */
function combine(
  found: Evidence,
  first: Evidence | null,
  health: { before: readonly Fact[]; after: readonly Fact[] },
): Evidence {
  const facts = first?.facts ?? [...found.facts, ...health.before]
  const fresh = health.after.filter(({ place }) => !facts.some((one) => one.place === place))
  return { ...found, facts: [...facts, ...fresh], files: first?.files ?? found.files }
}

/**
 * Returns whether evidence has more than the earlier one: a flood, or a start of the computer, may have displaced lines.
 * A log without a line proves nothing about a failure before this run.
 */
function isNews(found: Evidence, first: Evidence | null, isEarlier: boolean): boolean {
  if (first === null) return !isEarlier || found.lines.length > 0 || found.cause.length > 0
  return found.lines.length >= first.lines.length && (found.cause.length > 0 || first.cause.length === 0)
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
