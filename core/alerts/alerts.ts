import { randomUUID } from 'node:crypto'
import { throttled } from '../lib/async/throttled.ts'
import { type Announcement, announce, tellAgainAtMs } from './announce.ts'
import { isUnstable } from './flapping.ts'
import type { Incident } from './incident.ts'
import { createKeeping, type IncidentKeeper, type KeepingOptions } from './incident-file.ts'
import { acknowledge, factsOf, forget, isSuspected, observe, snooze } from './incidents.ts'
import type { Notice } from './notice.ts'
import { type AlertState, type FlapSeries, type Now, noAlerts, type Sample } from './state.ts'

/** A second sample is asked for after this, so that it does not wait for the next tick of a long interval. */
const CONFIRM_AFTER_MS = 1_000
/** Something to be told that is further ahead than a day is looked at again then. */
const LONGEST_TIMER_MS = 24 * 3_600_000

/** What was found of one subject, without the clocks. */
export type Observation = Omit<Sample, 'at' | 'steadyMs' | 'since'> & {
  /** Since when it is so, in milliseconds since 1970; left out: now. */
  since?: number
}

/** What was found of a subject that is looked at all the time; unknown: nothing can be said of it now. */
export type Looked = Observation | { id: string; kind: 'unknown' }

interface AlertsOptions extends KeepingOptions {
  tell(notices: Notice[]): void
  /** What is shown about this is true no more. */
  withdraw(about: string): void
  /** Asks for another check of these paths now: one failure is a suspicion, two are an incident. */
  confirm(ids: string[]): void
  changed(): void
  /** A person wants to hear nothing of this source, or checked path, now. */
  isMuted(source: string): boolean
}

/** Feeds what is found to the incident policy, and has told what it decides. */
export class Alerts {
  readonly #options: AlertsOptions
  readonly #keeping: IncidentKeeper
  /** Asks for second samples, of all together that are suspected within a moment. */
  readonly #confirmSoon = throttled(CONFIRM_AFTER_MS, () => {
    const ids = Object.keys(this.#state.suspicions).filter((id) => isSuspected(this.#state, id))
    if (ids.length > 0) this.#options.confirm(ids)
  })
  /** What `observeChanges` has passed on last, by subject. */
  readonly #last = new Map<string, string>()
  #state: AlertState
  #timer: NodeJS.Timeout | null = null

  constructor(options: AlertsOptions) {
    this.#options = options
    this.#state = { ...noAlerts, ...options.file.load() }
    this.#keeping = createKeeping(options, () => this.#state)
    // Those of an earlier run that nobody was told of.
    this.look()
    this.#keeping.record()
  }

  observe(found: Observation): void {
    const now = clocks()
    this.#step(observe(this.#state, { ...found, ...now, since: Math.min(now.at, found.since ?? now.at) }))
    if (isSuspected(this.#state, found.id)) this.#confirmSoon()
  }

  /**
   * What is new of subjects that are looked at all the time: of each what it is now, and nothing while that stays. A
   * subject that was never anything but OK is not looked at further.
   */
  observeChanges(all: readonly Looked[]): void {
    for (const one of all) {
      if (one.kind === 'unknown') continue
      // The sentence has its counts: another one is another text of the same incident. A person may want it told sooner.
      const text = one.kind === 'ok' ? 'ok' : JSON.stringify([one.kind, one.sentence, one.tellAfterMs])
      const before = this.#last.get(one.id)
      if (before === text) continue
      this.#last.set(one.id, text)
      // One of an earlier run may still be open.
      const isFailing = this.#state.open.some(({ failing }) => failing[one.id] !== undefined)
      if (one.kind !== 'ok' || before !== undefined || isFailing) this.observe(one)
    }
  }

  /** Subjects that are no longer looked after take their incidents with them. */
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

  /** Those that last first, then those that are over, newest first. */
  incidents(): Incident[] {
    return [...this.#state.open.map(factsOf), ...this.#state.past].slice(0, 100)
  }

  /** @returns whether there is such an incident, and it lasts. */
  acknowledge(id: string, by: string): boolean {
    if (!this.#isOpen(id)) return false
    this.#step(acknowledge(this.#state, id, by, Date.now()))
    return true
  }

  /** @param minutes null: no longer snoozed. @returns whether there is such an incident, and it lasts. */
  snooze(id: string, minutes: number | null): boolean {
    if (!this.#isOpen(id)) return false
    this.#step(snooze(this.#state, id, minutes === null ? null : minutes * 60_000, clocks()))
    return true
  }

  /** What was muted or snoozed may be told by now. */
  look(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    const atMs = tellAgainAtMs(this.#state, clocks(), this.#isMuted)
    const inMs = atMs === null ? null : Math.max(0, Math.ceil(atMs - performance.now()))
    // A timer of Node that is set further ahead than it can be fires at once.
    this.#timer = inMs === null ? null : setTimeout(() => this.#tell(), Math.min(inMs, LONGEST_TIMER_MS))
  }

  /** Resolves when what is to outlast this process is written, as far as its disk takes it. */
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
      // It lasts now: that it comes and goes is true no more.
      if (what === 'failed' && trouble !== null) this.#options.withdraw(unstableId(trouble))
    }
    if (announcements.length > 0) {
      this.#keeping.record()
      this.#options.tell(announcements.map(noticeOf))
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

  /** What is shown of troubles that are no more. */
  #withdrawUnstable({ troubles }: AlertState): void {
    for (const trouble of troubles) {
      const isOver = !this.#state.troubles.some(({ id }) => id === trouble.id)
      if (isOver && isUnstable(trouble)) this.#options.withdraw(unstableId(trouble))
    }
  }
}

const clocks = (): Now => ({ at: Date.now(), steadyMs: performance.now() })

/** What is shown of a trouble that comes and goes, whatever becomes of each of its incidents. */
const unstableId = ({ id }: FlapSeries) => `unstable-${id}`

function noticeOf({ what, incident, trouble }: Announcement): Notice {
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
