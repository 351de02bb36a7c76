import { randomUUID } from 'node:crypto'
import { throttle } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import {
  type AlertState,
  type ChannelState,
  COLLECT_MS,
  type FlapSeries,
  type Incident,
  isUrgent,
  KEPT_INCIDENTS,
  type KeptPolicy,
  LONGEST_SNOOZE_MS,
  type Notice,
  type Now,
  noAlerts,
  type OpenIncident,
  type Sample,
} from './incident.ts'
import { EVERYTHING, toMutable } from './kinds.ts'
import { Notifier, type NotifierConfig, type PolicyCommit, type Resumed } from './notifier.ts'
import {
  type Announcement,
  acknowledge,
  announce,
  explain,
  forget,
  getRecoveries,
  isSuspected,
  isUnstable,
  lastingMs,
  observe,
  QUIET_MS,
  repeatInMs,
  snooze,
  stripPlans,
  tellAgainAtMs,
  waitForCause,
  withOutcome,
} from './policy.ts'
import { renameSubjects } from './rename-subjects.ts'
import { renderMessage, type Shown } from './render.ts'
import { noAlertStore, openAlertStore } from './store/store.ts'

// `Alerts` applies each result to the policy, and commits each decision together with its notices. `openAlerts` connects
// it with the store and the channels.

/** Delay before a second sample is requested. It does not wait for the next check, whose interval may be long. */
const CONFIRM_AFTER_MS = 1_000
/** A notification is sent without its cause if reading it takes longer, such as on a busy computer. */
const CAUSE_WITHIN_MS = 5_000
/** Limit of the evidence that waits for the disk. */
const MOST_EVIDENCE = 100
/** Longest delay of the timer. A later notification is scheduled again when the timer fires. */
const LONGEST_TIMER_MS = 24 * 3_600_000
/** Delay of a commit without notices, so that paths that fail together are stored together. */
const COMMIT_AFTER_MS = 200
/** Delay before a commit that the disk did not accept is repeated. */
const COMMIT_AGAIN_MS = 5_000
/** Notifications pending from the last run wait this long, for the first checks of this run. */
const FIRST_CHECKS_MS = 60_000

/** A result for one subject, without the clocks. */
export type Observation = Omit<Sample, 'at' | 'steadyMs' | 'since'> & {
  /** Start of the condition in milliseconds since 1970; omitted: now. */
  since?: number
}

/** The result for a subject that is evaluated continuously; unknown: it cannot be determined now. */
export type Looked = Observation | { id: string; kind: 'unknown' }

export interface AlertsOptions {
  /** Stores a decision and delivers its notices. Resolves to false if it could not be stored. */
  commit(decision: PolicyCommit): Promise<boolean>
  /** Removes displayed notifications about this subject, which are no longer true. */
  withdraw(about: string): void
  /** Requests another check of these paths now: a single failure is only suspected, two make an incident. */
  confirm(ids: string[]): void
  changed(): void
  /** True if a person has muted this source, checked path, destination or disk, or EVERYTHING. */
  isMuted(source: string): boolean
}

/** Passes results to the incident policy and sends the notifications that it decides on. */
export class Alerts {
  readonly #options: AlertsOptions
  /** Requests second samples, together for all paths that are suspected within a moment. */
  readonly #confirmSoon = throttle(CONFIRM_AFTER_MS, () => {
    const ids = Object.keys(this.#state.suspicions).filter((id) => isSuspected(this.#state, id))
    if (ids.length > 0) this.#options.confirm(ids)
  })
  /** The last result that `observeChanges` passed on, by subject. */
  readonly #last = new Map<string, string>()
  /** Results that wait for the incidents of the last run; null: these are known, or cannot be loaded yet. */
  #early: (() => void)[] | null = []
  /** True once the stored state may be replaced. */
  #isLoaded = false
  /** Evidence that the disk has not accepted yet, by incident. */
  readonly #evidence = new Map<string, string>()
  #state: AlertState = noAlerts
  #timer: NodeJS.Timeout | null = null
  #again: NodeJS.Timeout | undefined
  /** Outlines of the state that was stored, and of the incidents that were recorded, by id. */
  #kept = getOutline(noAlerts)
  #recorded = new Map<string, string>()
  readonly #commitSoon = throttle(COMMIT_AFTER_MS, () => this.#commit([]))
  readonly #isMuted = ({ sources, paths }: Incident) =>
    this.#options.isMuted(EVERYTHING) ||
    [sources, Object.keys(paths).map(toMutable)].some(
      (ids) => ids.length > 0 && ids.every(this.#options.isMuted),
    )

  constructor(options: AlertsOptions) {
    this.#options = options
  }

  /**
   * Continues from the incidents of the last run.
   * @param loaded null: they cannot be loaded yet; called again when they can, and adds what was found until then
   */
  resume(loaded: Resumed | null): void {
    const { open, owed, troubles } = resumePolicy(renameSubjects(loaded?.policy ?? noAlerts), clocks())
    const past = loaded?.past ?? []
    const now = this.#state
    this.#isLoaded = loaded !== null
    this.#kept = getOutline({ open, owed, troubles })
    for (const one of [...open, ...past]) this.#recorded.set(one.id, incidentOutline(one))
    this.#last.clear()
    // An incident that was found while they could not be loaded may be one of the last run.
    const isNew = ({ kind, group, paths }: Incident) =>
      !open.some(
        (one) =>
          one.kind === kind && one.group === group && Object.keys(paths).every((id) => one.failing[id]),
      )
    this.#step({
      ...now,
      open: [...open, ...now.open.filter(isNew)],
      past: [...now.past.filter(isNew), ...past].slice(0, KEPT_INCIDENTS),
      owed: [...owed, ...now.owed.filter(isNew)],
      troubles: [...troubles, ...now.troubles.filter(({ incident }) => isNew(incident))],
    })
    // Paths that were found well before their incidents could be loaded are checked again: that ends these.
    if (this.#early === null) this.#options.confirm(open.flatMap(({ failing }) => Object.keys(failing)))
    const early = this.#early ?? []
    this.#early = null
    for (const work of early) work()
  }

  observe(found: Observation): void {
    if (this.#early !== null) return void this.#early.push(() => this.observe(found))
    const now = clocks()
    this.#step(observe(this.#state, { ...found, ...now, since: Math.min(now.at, found.since ?? now.at) }))
    if (isSuspected(this.#state, found.id)) this.#confirmSoon()
  }

  /**
   * Passes on the results of continuously evaluated subjects that have changed. Skips subjects that have always been
   * OK.
   */
  observeChanges(all: readonly Looked[]): void {
    if (this.#early !== null) return void this.#early.push(() => this.observeChanges(all))
    for (const one of all) {
      if (one.kind === 'unknown') continue
      // New counts in a sentence, and a cause that is found later, update the text of the same incident. A changed delay can make its notification due
      // sooner.
      const text =
        one.kind === 'ok' ? 'ok' : JSON.stringify([one.kind, one.sentence, one.cause, one.tellAfterMs])
      const before = this.#last.get(one.id)
      if (before === text) continue
      this.#last.set(one.id, text)
      // An incident of an earlier run may still be open.
      const isFailing = this.#state.open.some(({ failing }) => failing[one.id] !== undefined)
      if (one.kind !== 'ok' || before !== undefined || isFailing) this.observe(one)
    }
  }

  /**
   * Ends the incidents of subjects that are no longer monitored. Before the incidents of the last run are known, it ends
   * none: who calls may keep a subject because of its incident.
   */
  keepOnly(ids: ReadonlySet<string>): void {
    if (this.#early !== null) return
    for (const id of this.#last.keys()) if (!ids.has(id)) this.#last.delete(id)
    const { suspicions, open, troubles } = this.#state
    const known = [
      ...Object.keys(suspicions),
      ...open.flatMap(({ failing }) => Object.keys(failing)),
      ...troubles.flatMap(({ incident }) => Object.keys(incident.paths)),
    ]
    for (const id of new Set(known)) if (!ids.has(id)) this.#step(forget(this.#state, id, clocks()))
  }

  /** Returns ongoing incidents first, then ended ones, newest first; at most 100. */
  incidents(): Incident[] {
    return [...this.#state.open.map(stripPlans), ...this.#state.past].slice(0, 100)
  }

  /** Returns the ongoing incident of this kind about a subject, however many there are; null: there is none. */
  ongoing(subject: string, kind: Sample['kind']): Incident | null {
    const found = this.#state.open.find((one) => one.kind === kind && one.failing[subject] !== undefined)
    return found === undefined ? null : stripPlans(found)
  }

  /** @returns false if there is no such ongoing incident */
  acknowledge(id: string, by: string): boolean {
    if (!this.#isOpen(id)) return false
    this.#step(acknowledge(this.#state, id, by, Date.now()))
    return true
  }

  /**
   * Records what the system reported about an incident, and stores it with the next commit.
   * @param cause what caused it; empty: nothing is known about that
   * @param evidence as text, for `Notifier.evidence`
   */
  explain(id: string, cause: Message[], evidence: string): void {
    this.#evidence.set(id, evidence)
    if (this.#evidence.size > MOST_EVIDENCE) this.#evidence.delete(this.#evidence.keys().next().value ?? '')
    this.#step(cause.length === 0 ? this.#state : explain(this.#state, id, cause))
  }

  /** Delays the first notification of an incident until its cause has been read, for at most some seconds. */
  async waitForCause(id: string, read: Promise<void>): Promise<void> {
    this.#step(waitForCause(this.#state, id, performance.now() + CAUSE_WITHIN_MS))
    try {
      await read
    } finally {
      this.#step(waitForCause(this.#state, id, undefined))
    }
  }

  /** Returns evidence that is not stored yet; null: there is none. */
  unstoredEvidence(id: string): string | null {
    return this.#evidence.get(id) ?? null
  }

  /** A person intended the failure of this subject. */
  accept(id: string): void {
    this.#step(withOutcome(this.#state, id, { outcome: 'accepted' }))
  }

  /**
   * @param minutes null: ends the snooze
   * @returns false if there is no such ongoing incident
   */
  snooze(id: string, minutes: number | null): boolean {
    if (!this.#isOpen(id)) return false
    this.#step(snooze(this.#state, id, minutes === null ? null : minutes * 60_000, clocks()))
    return true
  }

  /** Schedules the next notification. Called periodically, because a mute or a snooze may have ended. */
  look(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    const atMs = tellAgainAtMs(this.#state, clocks(), this.#isMuted)
    const inMs = atMs === null ? null : Math.max(0, Math.ceil(atMs - performance.now()))
    // Node fires a timer at once if its delay is too long.
    this.#timer = inMs === null ? null : setTimeout(() => this.#tell(), Math.min(inMs, LONGEST_TIMER_MS))
  }

  /** Commits pending changes. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#confirmSoon.stop()
    this.#commitSoon.stop()
    this.#commit([])
  }

  #isOpen(id: string): boolean {
    return this.#state.open.some((one) => one.id === id)
  }

  #tell(): void {
    this.#timer = null
    const before = this.#state
    const { state, announcements } = announce(before, clocks(), this.#isMuted)
    this.#state = state
    this.#withdrawUnstable(before)
    for (const { what, series } of announcements) {
      // The failure lasts now, so the notification about flapping is outdated.
      if (what === 'failed' && series !== null) this.#options.withdraw(unstableId(series))
    }
    this.#commit(announcements.map(createNotice))
    if (announcements.length > 0) this.#options.changed()
    this.look()
  }

  #step(next: AlertState): void {
    const before = this.#state
    this.#state = next
    for (const { id, told } of before.open) if (told && !this.#isOpen(id)) this.#options.withdraw(id)
    this.#withdrawUnstable(before)
    if (before.open !== next.open || before.past !== next.past) this.#options.changed()
    this.#commitSoon()
    this.look()
  }

  /** Removes the notifications about flap series that have ended. */
  #withdrawUnstable({ troubles }: AlertState): void {
    for (const series of troubles) {
      const isOver = !this.#state.troubles.some(({ id }) => id === series.id)
      if (isOver && isUnstable(series)) this.#options.withdraw(unstableId(series))
    }
  }

  /** Stores what has changed, together with the notices that were decided on. */
  #commit(notices: Notice[]): void {
    this.#commitSoon.stop()
    const { open, past, owed, troubles } = this.#state
    // Until they are loaded, it is unknown which of them are new.
    const incidents = this.#isLoaded ? this.#findChanged([...open, ...past]) : []
    const outline = getOutline(this.#state)
    // The stored incident stays open until its recovery is notified, so that a restart does not lose the recovery.
    const isKept = !this.#isLoaded || outline === this.#kept || getRecoveries(this.#state).length > 0
    const evidence = this.#isLoaded ? [...this.#evidence].map(([incident, text]) => ({ incident, text })) : []
    if (isKept && incidents.length === 0 && notices.length === 0 && evidence.length === 0) return
    if (!isKept) this.#kept = outline
    const policy = isKept ? null : { open, owed, troubles }
    void this.#options.commit({ policy, incidents, notices, evidence }).then((isStored) => {
      if (isStored) {
        for (const { incident, text } of evidence)
          if (this.#evidence.get(incident) === text) this.#evidence.delete(incident)
        return
      }
      if (!isKept) this.#kept = ''
      for (const { id } of incidents) this.#recorded.delete(id)
      clearTimeout(this.#again)
      this.#again = setTimeout(this.#commitSoon, COMMIT_AGAIN_MS).unref()
    })
  }

  /** Returns the incidents that have changed since the last call. */
  #findChanged(all: readonly Incident[]): Incident[] {
    const before = this.#recorded
    this.#recorded = new Map(all.map((one) => [one.id, incidentOutline(one)]))
    return all.filter(({ id }) => this.#recorded.get(id) !== before.get(id))
  }
}

function createNotice({ what, incident, series }: Announcement): Notice {
  const isOfSeries = series !== null && what !== 'failed'
  return {
    id: randomUUID(),
    what,
    about: isOfSeries ? unstableId(series) : incident.id,
    incident: isOfSeries ? { ...incident, startedAt: series.startedAt } : incident,
    times: series?.times ?? 1,
    at: Date.now(),
  }
}

/** Returns the subject id of a flap series, which does not depend on its incidents. */
const unstableId = ({ id }: FlapSeries) => `unstable-${id}`

const clocks = (): Now => ({ at: Date.now(), steadyMs: performance.now() })

/** Returns the parts of the incidents that must survive a restart. The elapsed time of a hung call need not. */
function getOutline({ open, owed, troubles }: Pick<AlertState, keyof KeptPolicy>): string {
  const unstable = troubles.map(({ id, incident }) => [id, incident.id, incident.endedAt])
  return JSON.stringify([open.map(incidentOutline), owed.map(({ id }) => id), unstable])
}

function incidentOutline(incident: Incident): string {
  const { id, kind, paths, failing, endedAt, told, isSilent, repeats, acknowledged, outcome, snoozedUntil } =
    incident
  const subjects = [Object.keys(paths).length, Object.keys(failing)]
  return JSON.stringify([
    ...[id, subjects, endedAt, told, isSilent, repeats],
    ...[acknowledged, outcome, snoozedUntil, incident.cause],
    // The timeline names the files that are missing now.
    kind === 'expected' ? incident.sentence : null,
  ])
}

/** Plans the notifications of stored incidents for a run that starts now. */
export function resumePolicy(
  { open, owed, troubles }: KeptPolicy,
  now: Now,
): Pick<AlertState, keyof KeptPolicy> {
  const lasting = new Set(open.map(({ id }) => id))
  return {
    open: open.map((one) =>
      incidentAt(
        now,
        one,
        troubles.find(({ incident }) => incident.id === one.id),
      ),
    ),
    owed,
    troubles: troubles.map((one) => resumeSeries(now, one, lasting.has(one.incident.id))),
  }
}

function incidentAt(
  { at, steadyMs }: Now,
  kept: KeptPolicy['open'][number],
  series: KeptPolicy['troubles'][number] | undefined,
): OpenIncident {
  const firstChecksMs = steadyMs + FIRST_CHECKS_MS
  // A clock that was set back must not prolong anything.
  const passedMs = (since: number) => Math.max(0, at - since)
  const toldForMs = passedMs(kept.toldAt ?? kept.noticedAt)
  const snoozedMs = kept.snoozedUntil === null ? null : Math.max(0, kept.snoozedUntil - at)
  const isSilent = kept.isSilent && series !== undefined
  return {
    ...kept,
    // Notifications wait for the first checks: an incident that was not notified may have ended, and the state of a
    // flapping one is not known yet.
    tellAtMs: isSilent
      ? Math.max(firstChecksMs - lastingMs(series), steadyMs + COLLECT_MS - toldForMs)
      : Math.max(firstChecksMs, steadyMs + kept.tellAfterMs - passedMs(kept.startedAt)),
    repeatAtMs: Math.max(firstChecksMs, steadyMs + repeatInMs(toldForMs, kept.repeats)),
    snoozedUntilMs: snoozedMs === null ? null : steadyMs + Math.min(LONGEST_SNOOZE_MS, snoozedMs),
  }
}

function resumeSeries(now: Now, kept: KeptPolicy['troubles'][number], lasts: boolean): FlapSeries {
  const quietMs = Math.max(0, now.at - (kept.incident.endedAt ?? now.at))
  const quietSinceMs = lasts ? null : now.steadyMs - Math.min(quietMs, QUIET_MS - FIRST_CHECKS_MS)
  return { ...kept, quietSinceMs }
}

interface Opened extends Omit<AlertsOptions, 'commit'> {
  /** The database and the script of its thread; null: nothing is stored. */
  database: { file: string; thread: URL } | null
  config: NotifierConfig
  show(shown: Shown): void
  channels(states: ChannelState[]): void
  log(level: LogLevel, text: string): void
  /** See NotifierEvents. */
  recording?: (sentence: Message) => void
  /** Receives a sentence for people about a database that was set aside. */
  setAside(sentence: Message): void
}

/** Connects the policy, the store and the channels of an agent or a receiver. Each notice is also logged. */
export function openAlerts({
  database,
  config,
  show,
  channels,
  log,
  recording,
  setAside,
  ...options
}: Opened) {
  const store =
    database === null
      ? noAlertStore
      : openAlertStore(database.thread, database.file, ({ why, aside }) => {
          const key = why === 'newer' ? 'alert.storeNewer' : 'alert.storeBroken'
          setAside(message(key, { path: database.file, aside }))
        })
  const notifier = new Notifier(config, store, {
    show,
    channels,
    log,
    ...(recording === undefined ? {} : { recording }),
    resumed: (loaded) => alerts.resume(loaded),
  })
  const logNotice = (notice: Notice) => {
    const { computer, labels } = config
    const writer = { words: englishWords, computer, labels }
    const { title, body } = renderMessage('', notice, writer, { type: null, template: null }, Date.now())
    log(isUrgent(notice) ? 'warn' : 'info', `${title}: ${body}`)
  }
  const alerts: Alerts = new Alerts({
    ...options,
    commit: (decision) => {
      decision.notices.forEach(logNotice)
      return notifier.commit(decision)
    },
  })
  return {
    alerts,
    notifier,
    /** Resolves when pending changes are stored, or the disk does not accept them. */
    stop() {
      alerts.stop()
      return notifier.stop()
    },
  }
}
