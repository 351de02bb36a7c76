import type { Verdict } from '../check/messages.ts'
import type { Message } from '../words/message.ts'

/** Verdicts that are incidents; "slow" is shown, but nobody is woken for it. */
export const incidentKinds = [
  'read-only',
  'hung',
  'io-error',
  'missing',
  'full',
  'permission',
  'stale',
  'error',
] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** One verdict of one path, as far as alerts need it. */
export interface Sample {
  id: string
  path: string
  /** Paths of one group that fail alike are one incident: the mount point where it is known. */
  group: string
  /**
   * It may well be this path's own fault, or one that its disk lives on with: then it joins others of its group only
   * until they are told, and nobody joins it after that, so that what fails later is told as well.
   */
  isOwn: boolean
  kind: Verdict['kind']
  sentence: Message
  /** Milliseconds since 1970. */
  at: number
  /** Milliseconds of the steady clock. */
  steadyMs: number
}

export interface Incident {
  id: string
  kind: IncidentKind
  group: string
  /** All that it was begun with was perhaps of the paths' own. */
  isOwn: boolean
  /** Every path that was part of it, by path id. */
  paths: Record<string, string>
  /** What is said of those that fail now, by path id; the first of them speaks for the incident. */
  failing: Record<string, Message>
  sentence: Message
  /** Milliseconds since 1970. */
  startedAt: number
  endedAt: number | null
  /** When it is to be told, by the steady clock: further paths of the same mount are waited for. */
  tellAtMs: number
  /** Somebody was told, or need not be, as it comes and goes. */
  told: boolean
  /** It comes and goes: neither that it is there is told, nor its end. */
  isSilent: boolean
  /** When it is told once more if it lasts, by the steady clock. */
  repeatAtMs: number
  /** How often that was done. */
  repeats: number
}

/** Incidents that follow one another within QUIET_MS: something that comes and goes is one trouble. */
export interface Trouble {
  /** That of its first incident. */
  id: string
  /** Incidents so far. */
  times: number
  /** How often it lasted, although it comes and goes. */
  lastings: number
  /** Milliseconds since 1970. */
  startedAt: number
  /** The last of them. */
  incident: Incident
  /** By the steady clock; null: it fails now. */
  quietSinceMs: number | null
}

/** How a path has failed without a break. */
export interface Suspicion {
  failures: number
  since: number
  /** The last of them, as long as they were of one kind. */
  kind: IncidentKind
  ofKind: number
  kindSince: number
  /** All of them may have been the path's own fault (Sample.isOwn). */
  isOwn: boolean
}

export interface AlertState {
  suspicions: Record<string, Suspicion>
  open: Incident[]
  /** Those that are over, newest first, at most KEPT_INCIDENTS. */
  past: Incident[]
  /** Recoveries that nobody has been told of yet. */
  recoveries: Incident[]
  /** Those that were told, until they have been quiet for long enough. */
  troubles: Trouble[]
  opened: number
}

export const noAlerts: AlertState = {
  suspicions: {},
  open: [],
  past: [],
  recoveries: [],
  troubles: [],
  opened: 0,
}

/** How long a new incident waits for further paths of the same mount before it is told. */
export const COLLECT_MS = 1_000
export const KEPT_INCIDENTS = 100
