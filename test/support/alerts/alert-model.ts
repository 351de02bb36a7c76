import { COLLECT_MS, type OpenIncident } from '../../../core/alerts/incident.ts'
import { FIRST_REPEAT_MS, REPEAT_MS } from '../../../core/alerts/policy.ts'
import { LONGEST_PAUSE_MINUTES } from '../../../core/settings/bounds.ts'
import type { AlertWorld, Heard } from './alert-world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
/** What comes and goes, and then lasts, is told again after at least, and at most, so long. */
const LASTING_MS = [5 * MINUTE, 60 * MINUTE] as const
/** The first checks of a run are waited for. */
const FIRST_CHECKS_MS = MINUTE
const LONGEST_MS = LONGEST_PAUSE_MINUTES * MINUTE
const SLACK_MS = 2 * SECOND

export const isFiring = ({ what }: Pick<Heard, 'what'>) =>
  what === 'failed' || what === 'lasting' || what === 'unstable'

interface Known {
  /** Firing notices about it so far, the last of them, and whom they named. */
  firings: number
  last: Heard | null
  named: Set<string>
  /** When it was seen first. */
  seenMs: number
  /** When it is to be told again. */
  dueMs: number
  /** Since when it may be told: it lasts, and is neither held nor muted. */
  freeSinceMs: number | null
  /** By either clock. */
  snooze: { untilMs: number; untilAt: number } | null
  /** A person asked to be told again then. */
  isAskedFor: boolean
  isAcknowledged: boolean
}

const pauseAfter = ({ firings }: Known) => (firings <= 1 ? FIRST_REPEAT_MS : REPEAT_MS)

/** What a person may expect of the policy, said without it. Each breach of that is thrown. */
export class AlertModel {
  readonly #world: AlertWorld
  readonly #known = new Map<string, Known>()
  /** Abouts that were told as failing, and not yet as over. */
  readonly #told = new Set<string>()
  readonly #tellAfterMs: (subject: string) => number
  #lookedMs = 0
  #wallSetMs = Number.NEGATIVE_INFINITY

  constructor(world: AlertWorld, tellAfterMs: (subject: string) => number) {
    this.#world = world
    this.#tellAfterMs = tellAfterMs
  }

  /** What was before another run is known by the clock on the wall: it is later, or earlier, now. */
  wallClockSet(): void {
    this.#wallSetMs = this.#world.elapsedMs
  }

  /** Another run knows of what was before by the clock on the wall alone. */
  restarted(): void {
    const { elapsedMs, now } = this.#world
    for (const known of this.#known.values()) {
      const { snooze, last } = known
      if (snooze !== null) snooze.untilMs = elapsedMs + Math.min(LONGEST_MS, snooze.untilAt - now.at)
      if (last === null) continue
      const leftMs = pauseAfter(known) - Math.max(0, now.at - last.at)
      known.dueMs = elapsedMs + Math.max(FIRST_CHECKS_MS, leftMs)
    }
  }

  acknowledged({ id }: OpenIncident): void {
    this.#of(id).isAcknowledged = true
  }

  snoozed({ id }: OpenIncident, forMs: number | null): void {
    const known = this.#of(id)
    const { elapsedMs, now } = this.#world
    known.snooze = forMs === null ? null : { untilMs: elapsedMs + forMs, untilAt: now.at + forMs }
    known.isAskedFor = forMs !== null
  }

  hear(heard: Heard): void {
    const { what, about, incident } = heard
    if (!isFiring(heard)) {
      if (!this.#told.delete(about)) throw new Error(`${what} about ${about}, which was not told as failing`)
      return
    }
    const known = this.#of(incident.id)
    if (known.isAcknowledged) throw new Error(`${what} about ${incident.id}, which is acknowledged`)
    if (this.#isSnoozed(known)) throw new Error(`${what} about ${incident.id}, which is snoozed`)
    if (this.#world.isMuted(incident)) throw new Error(`${what} about ${incident.id}, which is muted`)
    if (known.last !== null && !known.isAskedFor) this.#expectDue(known, known.last, heard)
    if (known.firings === 0 && this.#wallSetMs < known.seenMs) this.#expectPatience(known, heard)
    if (what === 'failed' && known.firings > 0 && known.last?.what !== 'unstable')
      throw new Error(`${incident.id} is told to have begun a second time`)
    known.firings = what === 'failed' ? 1 : known.firings + 1
    known.last = heard
    known.dueMs = heard.elapsedMs + pauseAfter(known)
    if (known.isAskedFor) known.snooze = null
    known.isAskedFor = false
    for (const id of Object.keys(incident.failing)) known.named.add(id)
    this.#told.add(about)
  }

  /** To be called whenever something was done, and when time has passed. */
  look(): void {
    for (const incident of this.#world.state.open) this.#lookAt(incident)
    this.#lookedMs = this.#world.elapsedMs
  }

  #lookAt(incident: OpenIncident): void {
    const known = this.#of(incident.id)
    const { elapsedMs } = this.#world
    const isUnsaid = Object.keys(incident.failing).some((id) => !known.named.has(id))
    if (incident.isOwn && !incident.isSilent && known.firings > 0 && isUnsaid)
      throw new Error(`one that fails by itself joined ${incident.id} after it was told`)
    if (known.isAcknowledged || this.#isSnoozed(known) || this.#world.isMuted(incident)) {
      known.freeSinceMs = null
      return
    }
    const snoozedMs = this.#snoozedUntilMs(known)
    const since = known.freeSinceMs ?? (snoozedMs > this.#lookedMs ? snoozedMs : elapsedMs)
    known.freeSinceMs = since
    // The snooze is over, and was not kept: the next run does not wait for it, however the clock was set.
    if (incident.snoozedUntil === null) known.snooze = null
    const late = elapsedMs - this.#getDeadline(incident, known, since)
    if (late > SLACK_MS)
      throw new Error(`silence about ${incident.id} (${incident.kind}) for ${late / SECOND} s too long`)
  }

  #getDeadline(incident: OpenIncident, known: Known, since: number): number {
    const { startedMs } = this.#world
    const { last, dueMs, isAskedFor, seenMs } = known
    const begun = startedMs > since ? startedMs + FIRST_CHECKS_MS : since
    const patienceMs = Math.max(COLLECT_MS, ...Object.keys(incident.paths).map(this.#tellAfterMs))
    if (incident.isSilent) {
      const isTimeKnown = this.#wallSetMs < seenMs
      const lastsMs = Math.max(last?.elapsedMs ?? 0, isTimeKnown ? since : begun)
      return Math.max(begun, lastsMs + patienceMs + LASTING_MS[1])
    }
    if (last === null) return begun + patienceMs
    return isAskedFor ? begun : Math.max(dueMs, begun)
  }

  #expectPatience({ seenMs }: Known, { what, incident, elapsedMs }: Heard): void {
    const patienceMs = Math.min(...Object.keys(incident.failing).map(this.#tellAfterMs))
    if (elapsedMs < seenMs + patienceMs)
      throw new Error(`${what} about ${incident.id} ${(elapsedMs - seenMs) / SECOND} s after it began`)
  }

  #expectDue({ dueMs }: Known, before: Heard, now: Heard): void {
    const { startedMs } = this.#world
    // The next run goes by the clock on the wall for how long it has lasted.
    const lastedMs = Math.min(before.elapsedMs + LASTING_MS[0], startedMs + FIRST_CHECKS_MS)
    const isOfTrouble = before.what === 'unstable' && now.what === 'failed'
    const early = (isOfTrouble ? lastedMs : dueMs) - now.elapsedMs
    if (early > 0)
      throw new Error(
        `${now.what} about ${now.incident.id} ${early / SECOND} s too early after ${before.what}`,
      )
  }

  #isSnoozed(known: Known): boolean {
    return this.#world.elapsedMs < this.#snoozedUntilMs(known)
  }

  #snoozedUntilMs({ snooze }: Known): number {
    if (snooze === null) return Number.NEGATIVE_INFINITY
    const { elapsedMs, now } = this.#world
    return Math.min(snooze.untilMs, elapsedMs + snooze.untilAt - now.at)
  }

  #of(id: string): Known {
    const known = this.#known.get(id) ?? {
      firings: 0,
      last: null,
      named: new Set(),
      seenMs: this.#world.elapsedMs,
      dueMs: 0,
      freeSinceMs: null,
      snooze: null,
      isAskedFor: false,
      isAcknowledged: false,
    }
    this.#known.set(id, known)
    return known
  }
}
