import { randomUUID } from 'node:crypto'
import { throttle } from '../lib/async/throttled.ts'
import { type Announcement, announce, tellAgainAtMs } from './announce.ts'
import { isUnstable } from './flapping.ts'
import type { Incident } from './incident.ts'
import { createKeeping, type IncidentKeeper, type KeepingOptions } from './incident-file.ts'
import { acknowledge, forget, isSuspected, observe, snooze, stripPlans } from './incidents.ts'
import type { Notice } from './notice.ts'
import { type AlertState, type FlapSeries, type Now, noAlerts, type Sample } from './state.ts'

/** Delay before a second sample is requested. It does not wait for the next check, whose interval may be long. */
const CONFIRM_AFTER_MS = 1_000
/** Longest delay of the timer. A later notification is scheduled again when the timer fires. */
const LONGEST_TIMER_MS = 24 * 3_600_000

/** A result for one subject, without the clocks. */
export type Observation = Omit<Sample, 'at' | 'steadyMs' | 'since'> & {
  /** Start of the condition in milliseconds since 1970; omitted: now. */
  since?: number
}

/** The result for a subject that is evaluated continuously; unknown: it cannot be determined now. */
export type Looked = Observation | { id: string; kind: 'unknown' }

interface AlertsOptions extends KeepingOptions {
  tell(notices: Notice[]): void
  /** Removes displayed notifications about this subject, which are no longer true. */
  withdraw(about: string): void
  /** Requests another check of these paths now: a single failure is only suspected, two make an incident. */
  confirm(ids: string[]): void
  changed(): void
  /** True if a person has muted this source or checked path. */
  isMuted(source: string): boolean
}

/** Passes results to the incident policy and sends the notifications that it decides on. */
export class Alerts {
  readonly #options: AlertsOptions
  readonly #keeping: IncidentKeeper
  /** Requests second samples, together for all paths that are suspected within a moment. */
  readonly #confirmSoon = throttle(CONFIRM_AFTER_MS, () => {
    const ids = Object.keys(this.#state.suspicions).filter((id) => isSuspected(this.#state, id))
    if (ids.length > 0) this.#options.confirm(ids)
  })
  /** The last result that `observeChanges` passed on, by subject. */
  readonly #last = new Map<string, string>()
  #state: AlertState
  #timer: NodeJS.Timeout | null = null

  constructor(options: AlertsOptions) {
    this.#options = options
    this.#state = { ...noAlerts, ...options.file.load() }
    this.#keeping = createKeeping(options, () => this.#state)
    // Schedules notifications of an earlier run that were not sent.
    this.look()
    this.#keeping.record()
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
    this.#keeping.now()
    return this.#options.file.saved()
  }

  readonly #isMuted = ({ sources }: Incident) => sources.length > 0 && sources.every(this.#options.isMuted)

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
      this.#keeping.record()
      this.#options.tell(announcements.map(createNotice))
      this.#options.changed()
    }
    this.#keeping.now()
    this.look()
  }

  #step(next: AlertState): void {
    const before = this.#state
    this.#state = next
    for (const { id, told } of before.open) if (told && !this.#isOpen(id)) this.#options.withdraw(id)
    this.#withdrawUnstable(before)
    if (before.open !== next.open || before.past !== next.past) this.#options.changed()
    this.#keeping.soon()
    this.look()
  }

  /** Removes the notifications about flap series that have ended. */
  #withdrawUnstable({ troubles }: AlertState): void {
    for (const trouble of troubles) {
      const isOver = !this.#state.troubles.some(({ id }) => id === trouble.id)
      if (isOver && isUnstable(trouble)) this.#options.withdraw(unstableId(trouble))
    }
  }
}

const clocks = (): Now => ({ at: Date.now(), steadyMs: performance.now() })

/** Returns the subject id of a flap series, which does not depend on its incidents. */
const unstableId = ({ id }: FlapSeries) => `unstable-${id}`

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
