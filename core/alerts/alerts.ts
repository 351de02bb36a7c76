import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import { throttle } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { openKeptFile } from '../platform/files.ts'
import {
  type AlertState,
  type ChannelState,
  COLLECT_MS,
  type FlapSeries,
  type Incident,
  incidentSchema,
  isUrgent,
  KEPT_INCIDENTS,
  keptIncidentSchema,
  keptTroubleSchema,
  LONGEST_SNOOZE_MS,
  type Notice,
  type Now,
  noAlerts,
  type OpenIncident,
  type Sample,
} from './incident.ts'
import { Notifier, type NotifierConfig } from './notifier.ts'
import {
  type Announcement,
  acknowledge,
  announce,
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
  withOutcome,
} from './policy.ts'
import { renderMessage, type Shown } from './render.ts'
import { noAlertStore, openAlertStore } from './store/store.ts'

// `Alerts` applies each result to the policy and requests the notifications that are due; an `IncidentFile` stores the
// incidents across restarts.

/** Delay before a second sample is requested. It does not wait for the next check, whose interval may be long. */
const CONFIRM_AFTER_MS = 1_000
/** Longest delay of the timer. A later notification is scheduled again when the timer fires. */
const LONGEST_TIMER_MS = 24 * 3_600_000
/** Delay of a write, so that paths that fail together are written together. */
const KEEP_AFTER_MS = 200
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
  tell(notices: Notice[]): void
  /** Receives incidents that started, changed or ended, for the timeline. */
  record(incidents: Incident[]): void
  /** Removes displayed notifications about this subject, which are no longer true. */
  withdraw(about: string): void
  /** Requests another check of these paths now: a single failure is only suspected, two make an incident. */
  confirm(ids: string[]): void
  changed(): void
  /** True if a person has muted this source or checked path. */
  isMuted(source: string): boolean
  /** Stores incidents across restarts. */
  file: IncidentFile
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
  #state: AlertState
  #timer: NodeJS.Timeout | null = null
  /** Outlines of the state that was stored, and of the incidents that were recorded, by id. */
  #kept: string
  #recorded = new Map<string, string>()
  /** Stores changes soon, in one write. */
  readonly #keepSoon = throttle(KEEP_AFTER_MS, () => this.#keep())
  readonly #isMuted = ({ sources }: Incident) => sources.length > 0 && sources.every(this.#options.isMuted)

  constructor(options: AlertsOptions) {
    this.#options = options
    this.#state = { ...noAlerts, ...options.file.load() }
    this.#kept = getOutline(this.#state)
    // Schedules notifications of an earlier run that were not sent.
    this.look()
    this.#record()
  }

  observe(found: Observation): void {
    const now = clocks()
    this.#step(observe(this.#state, { ...found, ...now, since: Math.min(now.at, found.since ?? now.at) }))
    if (isSuspected(this.#state, found.id)) this.#confirmSoon()
  }

  /**
   * Passes on the results of continuously evaluated subjects that have changed. Skips subjects that have always been
   * OK.
   */
  observeChanges(all: readonly Looked[]): void {
    for (const one of all) {
      if (one.kind === 'unknown') continue
      // New counts in a sentence update the text of the same incident. A changed delay can make its notification due
      // sooner.
      const text = one.kind === 'ok' ? 'ok' : JSON.stringify([one.kind, one.sentence, one.tellAfterMs])
      const before = this.#last.get(one.id)
      if (before === text) continue
      this.#last.set(one.id, text)
      // An incident of an earlier run may still be open.
      const isFailing = this.#state.open.some(({ failing }) => failing[one.id] !== undefined)
      if (one.kind !== 'ok' || before !== undefined || isFailing) this.observe(one)
    }
  }

  /** Ends the incidents of subjects that are no longer monitored. */
  keepOnly(ids: ReadonlySet<string>): void {
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

  /** @returns false if there is no such ongoing incident */
  acknowledge(id: string, by: string): boolean {
    if (!this.#isOpen(id)) return false
    this.#step(acknowledge(this.#state, id, by, Date.now()))
    return true
  }

  /** A person intended the failure of this subject. */
  accept(id: string): void {
    this.#step(withOutcome(this.#state, id, 'accepted'))
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

  /** Resolves when pending state is written, or the disk does not accept it. */
  stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#confirmSoon.stop()
    this.#keep()
    return this.#options.file.saved()
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
    for (const { what, trouble } of announcements) {
      // The failure lasts now, so the notification about flapping is outdated.
      if (what === 'failed' && trouble !== null) this.#options.withdraw(unstableId(trouble))
    }
    if (announcements.length > 0) {
      this.#record()
      this.#options.tell(announcements.map(createNotice))
      this.#options.changed()
    }
    // After the notification: if the process ends between the two, the notification is repeated, not lost.
    this.#keep()
    this.look()
  }

  #step(next: AlertState): void {
    const before = this.#state
    this.#state = next
    for (const { id, told } of before.open) if (told && !this.#isOpen(id)) this.#options.withdraw(id)
    this.#withdrawUnstable(before)
    if (before.open !== next.open || before.past !== next.past) this.#options.changed()
    this.#keepSoon()
    this.look()
  }

  /** Removes the notifications about flap series that have ended. */
  #withdrawUnstable({ troubles }: AlertState): void {
    for (const trouble of troubles) {
      const isOver = !this.#state.troubles.some(({ id }) => id === trouble.id)
      if (isOver && isUnstable(trouble)) this.#options.withdraw(unstableId(trouble))
    }
  }

  /** Stores what must survive a restart, if it has changed. */
  #keep(): void {
    this.#keepSoon.stop()
    this.#record()
    // The stored incident stays open until its recovery is notified, so that a restart does not lose the recovery.
    if (getRecoveries(this.#state).length > 0) return
    const outline = getOutline(this.#state)
    if (outline === this.#kept) return
    this.#kept = outline
    this.#options.file.save(this.#state)
  }

  /** Passes incidents that have changed to the timeline. */
  #record(): void {
    const { open, past } = this.#state
    const now = new Map<string, string>()
    const changed = [...open, ...past].filter((incident) => {
      const outline = JSON.stringify(incidentOutline(incident))
      now.set(incident.id, outline)
      return this.#recorded.get(incident.id) !== outline
    })
    this.#recorded = now
    if (changed.length > 0) this.#options.record(changed)
  }
}

function createNotice({ what, incident, trouble }: Announcement): Notice {
  const isOfTrouble = trouble !== null && what !== 'failed'
  return {
    id: randomUUID(),
    what,
    about: isOfTrouble ? unstableId(trouble) : incident.id,
    incident: isOfTrouble ? { ...incident, startedAt: trouble.startedAt } : incident,
    times: trouble?.times ?? 1,
    at: Date.now(),
  }
}

/** Returns the subject id of a flap series, which does not depend on its incidents. */
const unstableId = ({ id }: FlapSeries) => `unstable-${id}`

const clocks = (): Now => ({ at: Date.now(), steadyMs: performance.now() })

/** Returns the parts of the incidents that must survive a restart. The elapsed time of a hung call need not. */
function getOutline({ open, past, owed, troubles }: AlertState): string {
  const unstable = troubles.map(({ id, incident }) => [id, incident.id, incident.endedAt])
  const ended = [past[0]?.id ?? null, past.length]
  return JSON.stringify([open.map(incidentOutline), ended, owed.map(({ id }) => id), unstable])
}

function incidentOutline(incident: Incident): unknown[] {
  const { id, paths, failing, endedAt, told, isSilent, repeats, acknowledged, outcome, snoozedUntil } =
    incident
  const subjects = [Object.keys(paths).length, Object.keys(failing)]
  return [id, subjects, endedAt, told, isSilent, repeats, acknowledged, outcome, snoozedUntil]
}

/** Open and ended incidents, pending recoveries, and flap series. */
type Incidents = Pick<AlertState, 'open' | 'past' | 'owed' | 'troubles'>

/** Stores incidents across restarts, so that each failure and each recovery is notified once. */
export interface IncidentFile {
  /** Returns the incidents of the last run; empty if they cannot be read. Sets an unreadable file aside. */
  load(): Incidents
  /** Returns at once: the disk that has just failed may be the one with this file. */
  save(incidents: Incidents): void
  /** Resolves when the last write has succeeded or failed. */
  saved(): Promise<void>
}

const fileSchema = z.object({
  open: z.array(keptIncidentSchema),
  past: z.array(incidentSchema).max(KEPT_INCIDENTS),
  owed: z.array(incidentSchema).max(KEPT_INCIDENTS),
  troubles: z.array(keptTroubleSchema),
})

type KeptIncident = z.infer<typeof keptIncidentSchema>

type KeptTrouble = z.infer<typeof keptTroubleSchema>

/** For one-shot runs and tests, which store no incidents. */
export const noIncidentFile: IncidentFile = {
  load: () => ({ open: [], past: [], owed: [], troubles: [] }),
  save: () => undefined,
  saved: async () => undefined,
}

export function openIncidentFile(dataDirectory: string): IncidentFile {
  const file = path.join(dataDirectory, 'incidents.json')
  // Incidents that cannot be stored are notified again after a restart.
  const kept = openKeptFile(file)
  return {
    load: () =>
      kept.load(
        (text) => parseIncidents(text, clocks()),
        noIncidentFile.load(),
        `incidents of ${file} cannot be read, and ongoing ones are reported again`,
      ),
    save: (incidents) => kept.save(formatIncidents(incidents)),
    saved: kept.saved,
  }
}

export function formatIncidents({ open, past, owed, troubles }: Incidents): string {
  return JSON.stringify(fileSchema.parse({ open, past, owed, troubles }))
}

/**
 * Parses the text of such a file for a run that starts now.
 * @throws if the text is invalid
 */
export function parseIncidents(text: string, now: Now): Incidents {
  const { open, past, owed, troubles } = fileSchema.parse(JSON.parse(text))
  const lasting = new Set(open.map(({ id }) => id))
  return {
    open: open.map((one) =>
      incidentAt(
        now,
        one,
        troubles.find(({ incident }) => incident.id === one.id),
      ),
    ),
    past,
    owed,
    troubles: troubles.map((one) => troubleAt(now, one, lasting.has(one.incident.id))),
  }
}

function incidentAt(
  { at, steadyMs }: Now,
  kept: KeptIncident,
  trouble: KeptTrouble | undefined,
): OpenIncident {
  const firstChecksMs = steadyMs + FIRST_CHECKS_MS
  // A clock that was set back must not prolong anything.
  const passedMs = (since: number) => Math.max(0, at - since)
  const toldForMs = passedMs(kept.toldAt ?? kept.noticedAt)
  const snoozedMs = kept.snoozedUntil === null ? null : Math.max(0, kept.snoozedUntil - at)
  const isSilent = kept.isSilent && trouble !== undefined
  return {
    ...kept,
    // Notifications wait for the first checks: an incident that was not notified may have ended, and the state of a
    // flapping one is not known yet.
    tellAtMs: isSilent
      ? Math.max(firstChecksMs - lastingMs(trouble), steadyMs + COLLECT_MS - toldForMs)
      : Math.max(firstChecksMs, steadyMs + kept.tellAfterMs - passedMs(kept.startedAt)),
    repeatAtMs: Math.max(firstChecksMs, steadyMs + repeatInMs(toldForMs, kept.repeats)),
    snoozedUntilMs: snoozedMs === null ? null : steadyMs + Math.min(LONGEST_SNOOZE_MS, snoozedMs),
  }
}

function troubleAt(now: Now, kept: KeptTrouble, lasts: boolean): FlapSeries {
  const quietMs = Math.max(0, now.at - (kept.incident.endedAt ?? now.at))
  const quietSinceMs = lasts ? null : now.steadyMs - Math.min(quietMs, QUIET_MS - FIRST_CHECKS_MS)
  return { ...kept, quietSinceMs }
}

interface Opened extends Omit<AlertsOptions, 'tell' | 'record'> {
  /** The database and the script of its thread; null: deliveries and the timeline are not stored. */
  database: { file: string; thread: URL } | null
  config: NotifierConfig
  show(shown: Shown): void
  channels(states: ChannelState[]): void
  log(level: LogLevel, text: string): void
  /** Receives a sentence for people about a database that was set aside. */
  setAside(sentence: Message): void
}

/** Connects the policy, the store and the channels of an agent or a receiver. Each notice is also logged. */
export function openAlerts({ database, config, show, channels, log, setAside, ...options }: Opened) {
  const store =
    database === null
      ? noAlertStore
      : openAlertStore(database.thread, database.file, ({ why, aside }) => {
          const key = why === 'newer' ? 'alert.storeNewer' : 'alert.storeBroken'
          setAside(message(key, { path: database.file, aside }))
        })
  const notifier = new Notifier(config, store, { show, channels, log })
  const logNotice = (notice: Notice) => {
    const { computer, labels } = config
    const writer = { words: englishWords, computer, labels }
    const { title, body } = renderMessage('', notice, writer, { type: null, template: null }, Date.now())
    log(isUrgent(notice) ? 'warn' : 'info', `${title}: ${body}`)
  }
  const alerts = new Alerts({
    ...options,
    tell: (notices) => {
      notices.forEach(logNotice)
      void notifier.tell(notices)
    },
    record: (incidents) => void notifier.record(incidents),
  })
  return {
    alerts,
    notifier,
    /** Resolves when pending state is written, or the disk does not accept it. */
    async stop() {
      await alerts.stop()
      await notifier.stop()
    },
  }
}
