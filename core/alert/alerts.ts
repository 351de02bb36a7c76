import { randomUUID } from 'node:crypto'
import { throttled } from '../pacing/throttled.ts'
import type { Announcement } from './announce.ts'
import { announce, tellAgainAtMs } from './announce.ts'
import type { Incident } from './incident.ts'
import { acknowledge, factsOf, forget, isSuspected, observe, snooze } from './incidents.ts'
import type { KeepingOptions } from './keeping.ts'
import { createKeeping } from './keeping.ts'
import type { Notice } from './notice.ts'
import type { AlertState, Now, Sample, Trouble } from './state.ts'
import { noAlerts } from './state.ts'
import { isUnstable } from './troubles.ts'

/** A second sample is asked for after this, so that it does not wait for the next tick of a long interval. */
const CONFIRM_AFTER_MS = 1_000
/** Something to be told that is further ahead than a day is looked at again then. */
const LONGEST_TIMER_MS = 24 * 3_600_000

/** What was found of one subject, without the clocks. */
export type Observation = Omit<Sample, 'at' | 'steadyMs' | 'since'> & {
  /** Since when it is so, in milliseconds since 1970; left out: now. */
  since?: number
}

export interface Alerts {
  observe(found: Observation): void
  /** Subjects that are no longer looked after take their incidents with them. */
  keepOnly(ids: ReadonlySet<string>): void
  /** Those that last first, then those that are over, newest first. */
  incidents(): Incident[]
  /** @returns whether there is such an incident, and it lasts. */
  acknowledge(id: string, by: string): boolean
  /** @param minutes null: no longer snoozed. */
  snooze(id: string, minutes: number | null): boolean
  /** What was muted or snoozed may be told by now. */
  look(): void
  /** Resolves when what is to outlast this process is written, as far as its disk takes it. */
  stop(): Promise<void>
}

export interface AlertsOptions extends KeepingOptions {
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
export function createAlerts(options: AlertsOptions): Alerts {
  let state: AlertState = { ...noAlerts, ...options.file.load() }
  const keeping = createKeeping(options, () => state)
  const confirmation = createConfirmation(options.confirm, (id) => isSuspected(state, id))
  let timer: NodeJS.Timeout | null = null
  const isMuted = ({ sources }: Incident) => sources.length > 0 && sources.every(options.isMuted)

  /** What is shown of troubles that are no more. */
  const withdrawUnstable = (before: AlertState) => {
    for (const trouble of before.troubles) {
      const isOver = !state.troubles.some(({ id }) => id === trouble.id)
      if (isOver && isUnstable(trouble)) options.withdraw(unstableId(trouble))
    }
  }
  const tell = () => {
    timer = null
    const before = state
    const due = announce(state, clocks(), isMuted)
    state = due.state
    withdrawUnstable(before)
    for (const { what, trouble } of due.announcements) {
      // It lasts now: that it comes and goes is true no more.
      if (what === 'failed' && trouble !== null) options.withdraw(unstableId(trouble))
    }
    const notices = due.announcements.map(noticeOf)
    if (notices.length > 0) {
      keeping.record()
      options.tell(notices)
      options.changed()
    }
    keeping.now()
    schedule()
  }
  const schedule = () => {
    if (timer !== null) clearTimeout(timer)
    const atMs = tellAgainAtMs(state, clocks(), isMuted)
    const inMs = atMs === null ? null : Math.max(0, Math.ceil(atMs - performance.now()))
    // A timer of Node that is set further ahead than it can be fires at once.
    timer = inMs === null ? null : setTimeout(tell, Math.min(inMs, LONGEST_TIMER_MS))
  }
  const step = (next: AlertState) => {
    const before = state
    state = next
    for (const { id, told } of before.open) {
      if (told && !state.open.some((incident) => incident.id === id)) options.withdraw(id)
    }
    withdrawUnstable(before)
    if (before.open !== state.open || before.past !== state.past) options.changed()
    keeping.soon()
    schedule()
  }
  const isOpen = (id: string) => state.open.some((one) => one.id === id)

  // Those of an earlier run that nobody was told of.
  schedule()
  keeping.record()

  return {
    observe: (found) => {
      const now = clocks()
      step(observe(state, { ...found, ...now, since: Math.min(now.at, found.since ?? now.at) }))
      if (isSuspected(state, found.id)) confirmation.ask(found.id)
    },
    keepOnly: (ids) => {
      const known = [
        ...Object.keys(state.suspicions),
        ...state.open.flatMap(({ failing }) => Object.keys(failing)),
        ...state.troubles.flatMap(({ incident }) => Object.keys(incident.paths)),
      ]
      for (const id of new Set(known)) if (!ids.has(id)) step(forget(state, id, clocks()))
    },
    incidents: () => [...state.open.map(factsOf), ...state.past].slice(0, 100),
    acknowledge: (id, by) => {
      if (!isOpen(id)) return false
      step(acknowledge(state, id, by, Date.now()))
      return true
    },
    snooze: (id, minutes) => {
      if (!isOpen(id)) return false
      step(snooze(state, id, minutes === null ? null : minutes * 60_000, clocks()))
      return true
    },
    look: schedule,
    stop: () => {
      if (timer !== null) clearTimeout(timer)
      confirmation.stop()
      keeping.now()
      return options.file.saved()
    },
  }
}

/** Asks for second samples, of those together that are suspected within a moment. */
function createConfirmation(confirm: AlertsOptions['confirm'], isStill: (id: string) => boolean) {
  const suspected = new Set<string>()
  const askSoon = throttled(CONFIRM_AFTER_MS, () => {
    const ids = [...suspected].filter(isStill)
    suspected.clear()
    if (ids.length > 0) confirm(ids)
  })
  return {
    ask(id: string) {
      suspected.add(id)
      askSoon()
    },
    stop: askSoon.stop,
  }
}

const clocks = (): Now => ({ at: Date.now(), steadyMs: performance.now() })

/** What is shown of a trouble that comes and goes, whatever becomes of each of its incidents. */
const unstableId = ({ id }: Trouble) => `unstable-${id}`

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
