import { resumePolicy } from '../../../core/alerts/alerts.ts'
import {
  type AlertState,
  type Incident,
  keptPolicySchema,
  type Now,
  noAlerts,
  type OpenIncident,
  type Sample,
} from '../../../core/alerts/incident.ts'
import {
  type Announcement,
  acknowledge,
  announce,
  forget,
  getRecoveries,
  observe,
  snooze,
  tellAgainAtMs,
} from '../../../core/alerts/policy.ts'
import { createSample } from './alert-samples.ts'

/** What a person heard, and when by a clock that nobody sets. */
export interface Heard {
  what: Announcement['what']
  /** The incident, or the series, that it is about. */
  about: string
  incident: Incident
  elapsedMs: number
  /** By the clock on the wall. */
  at: number
}

export const createWorld = () => new AlertWorld(() => undefined)

/** Written down so long after something has changed. */
const KEEP_AFTER_MS = 200

/**
 * The policy, driven as the agent drives it, with clocks of its own: each run of the agent has a steady one, the one on
 * the wall can be set, and `elapsedMs` is the time that really passes.
 */
export class AlertWorld {
  state: AlertState = noAlerts
  readonly heard: Heard[] = []
  readonly muted = new Set<string>()
  elapsedMs = 0
  /** When the run began that goes on now. */
  startedMs = 0
  #wallMs = Date.UTC(2026, 10, 22)
  /** What was written down last. */
  #kept: AlertState = noAlerts
  readonly #hear: (heard: Heard) => void

  constructor(hear: (heard: Heard) => void) {
    this.#hear = hear
  }

  get now(): Now {
    return { at: this.elapsedMs + this.#wallMs, steadyMs: this.elapsedMs - this.startedMs }
  }

  isMuted = ({ sources }: Incident): boolean =>
    sources.length > 0 && sources.every((id) => this.muted.has(id))

  observe(sample: Omit<Sample, 'at' | 'steadyMs' | 'since'>): void {
    const { at, steadyMs } = this.now
    this.state = observe(this.state, { ...sample, at, since: at, steadyMs })
  }

  /** A verdict of one path of `/mnt`. */
  see(id: string, kind: Sample['kind'], changes: Partial<Sample> = {}): void {
    this.observe(createSample(0, kind, { id, ...changes }))
  }

  acknowledge({ id }: OpenIncident): void {
    this.state = acknowledge(this.state, id, 'somebody', this.now.at)
  }

  snooze({ id }: OpenIncident, forMs: number | null): void {
    this.state = snooze(this.state, id, forMs, this.now)
  }

  forget(id: string): void {
    this.state = forget(this.state, id, this.now)
  }

  setWallClock(byMs: number): void {
    this.#wallMs += byMs
  }

  /** The agent ends, and begins again with what was written down. */
  restart(): void {
    this.startedMs = this.elapsedMs
    const { past } = this.#kept
    this.state = { ...noAlerts, past, ...resumePolicy(keptPolicySchema.parse(this.#kept), this.now) }
  }

  /** Time passes; whatever is due meanwhile is told then. */
  pass(ms: number): void {
    const end = this.elapsedMs + ms
    for (let turns = 0; ; turns += 1) {
      if (turns > 1_000) throw new Error('something is due for ever')
      const dueMs = tellAgainAtMs(this.state, this.now, this.isMuted)
      const at = dueMs === null ? Number.POSITIVE_INFINITY : Math.max(this.elapsedMs, dueMs + this.startedMs)
      if (at > end) break
      this.elapsedMs = at
      this.#tell()
    }
    this.elapsedMs = end
    if (ms >= KEEP_AFTER_MS) this.#keep()
  }

  #tell(): void {
    const { state, announcements } = announce(this.state, this.now, this.isMuted)
    this.state = state
    for (const { what, incident, series } of announcements) {
      const about = series !== null && what !== 'failed' ? `unstable-${series.id}` : incident.id
      const heard = { what, about, incident, elapsedMs: this.elapsedMs, at: this.now.at }
      this.heard.push(heard)
      this.#hear(heard)
    }
    this.#keep()
  }

  #keep(): void {
    if (getRecoveries(this.state).length === 0) this.#kept = this.state
  }
}
