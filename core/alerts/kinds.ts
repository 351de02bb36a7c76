import { type Message, message } from '../lib/i18n/message.ts'

// Does not import zod, which is large, because the window's first paint needs this module.

/** Check results that become incidents. "slow" is only shown. */
export const diskKinds = [
  'read-only',
  'hung',
  'io-error',
  'missing',
  'full',
  'permission',
  'stale',
  'error',
] as const

// The order of urgency: of all failures, the one whose kind comes first below is shown first.

/** Data is at risk. A new kind needs its name in both languages: `kind.NAME` in `agent.json` of each. */
const criticalKinds = [
  ...diskKinds,
  /** Many files of a source lost their contents and wait for a person's decision. */
  'emptied',
  /** Files that were given up. */
  'parked',
  /** Files that a destination has damaged or lost, and that could not be healed. */
  'damaged',
  /** A sender of the receiver here is not connected, or reports a failure. */
  'sender-silent',
  'sender-failing',
  /** About another computer that this one watches. */
  'computer-failing',
] as const

/** The protection is weaker than it looks. */
const warningKinds = [
  /** A disk, an array or a pool reports damage before anything fails. */
  'disk-health',
  /** Many files of a source were deleted within an hour. */
  'deleted',
  /** Files that carry isocket's mark wait for a person's decision. */
  'marked',
  /** A worker, the receiver or the checks do not run. */
  'worker',
  /** The receiver's store runs out of space. */
  'low-space',
  /** A certificate or a pairing is not accepted. */
  'refused',
  /** A destination is connected but accepts nothing. */
  'destination',
  'unreachable',
  'computer-attention',
  'computer-silent',
  /** Directories that are not watched. */
  'unwatched',
  /** Files of a watched source cannot be sent, or marked as sent. */
  'incomplete',
  /** A file that should come regularly is missing. */
  'expected',
  /** A source has had no new file for long. */
  'silent',
  /** The newest directory of a batch source stays open for long. */
  'not-closed',
  /** For longer than a day. */
  'paused',
  /** Something that a person should read once. */
  'notice',
] as const

export const incidentKinds = [...criticalKinds, ...warningKinds] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** True for check results, as opposed to failures of Holdfast itself and of other computers. */
export function isDiskKind(kind: IncidentKind): kind is (typeof diskKinds)[number] {
  return (diskKinds as readonly string[]).includes(kind)
}

export const severities = ['critical', 'warning'] as const
export type Severity = (typeof severities)[number]

/** critical: data is at risk; warning: the protection is weaker than it looks. */
export const getSeverity = (kind: IncidentKind): Severity =>
  (criticalKinds as readonly IncidentKind[]).includes(kind) ? 'critical' : 'warning'

/** Why an incident ends. */
export const outcomes = ['returned', 'accepted'] as const
export type Outcome = (typeof outcomes)[number]

/** Returns how an ended incident has ended; null: only its end is known. */
export function describeEnd(incident: {
  kind: IncidentKind
  outcome?: Outcome | undefined
  end?: Message | undefined
  sentence: Message
}): Message | null {
  const { kind, outcome, end, sentence } = incident
  if (end !== undefined) return end
  if (kind !== 'deleted' || outcome === undefined) return null
  const { count = 0 } = sentence.params
  return outcome === 'accepted' ? message('notify.deletedAccepted', { count }) : message('notify.deletedBack')
}

/** Returns how an incident of missing files ends when its rule is removed, or begins anew with another timetable. */
export function describeDropped({ key, params }: Message): Message {
  // Without a date in the pattern, the pattern is all that is known. Incidents of earlier versions have it as the file.
  if (key === 'condition.lacksAny' || key === 'condition.expectedAny')
    return message('notify.expectedDroppedAny', { pattern: params.file ?? '', ...params })
  const end = key === 'condition.expectedSmall' ? 'notify.expectedDroppedSmall' : 'notify.expectedDropped'
  return message(end, { count: 1, ...params })
}

interface Subjects {
  paths: Readonly<Record<string, string>>
  failing: Readonly<Record<string, unknown>>
  endedAt: number | null
}

/** Returns the names of the subjects that fail now; of an ended incident, all of its subjects. */
export function getSubjects({ paths, failing, endedAt }: Subjects): string[] {
  if (endedAt !== null) return Object.values(paths)
  return Object.keys(failing).flatMap((id) => paths[id] ?? [])
}

/**
 * Returns the same with the names that people use.
 * @param names by the ids of the incident's subjects
 */
export function namedSubjects(incident: Subjects, names: Readonly<Record<string, string>>): string[] {
  const paths = Object.entries(incident.paths).map(([id, path]) => [id, names[id] ?? path])
  return getSubjects({ ...incident, paths: Object.fromEntries(paths) })
}

/** Returns the id by which an incident's subject is muted: of `destination:ID`, `disk:ID` and `unfit:ID:SOURCE` it is ID. */
export const toMutable = (subject: string): string => subject.replace(/^unfit:([^:]*):.*$|^[^:]*:/s, '$1')

/** The id by which everything is muted, for a time. */
export const EVERYTHING = '*'
