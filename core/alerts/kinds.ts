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

/**
 * All kinds of failures, gravest first. The disk kinds are check results. emptied: many files of a source lost their
 * contents and wait for a person's decision; parked: files that were given up; damaged: files that a destination has
 * damaged or lost, and that could not be healed; disk-health: a disk, an array or a pool reports damage before anything
 * fails; deleted: many files of a source were deleted within an hour; marked: files that carry isocket's
 * mark wait for a person's decision; refused: a certificate or a pairing is not accepted; destination: it is
 * connected but accepts nothing; unwatched: directories that are not watched; incomplete: files of a watched source
 * cannot be sent, or marked as sent; expected: a file that should come
 * regularly is missing; paused: for longer than a day; notice: something that a person should read once;
 * sender-…: what a receiver reports about its senders; computer-…: about another computer that this one watches.
 */
export const incidentKinds = [
  ...diskKinds,
  'emptied',
  'parked',
  'damaged',
  'sender-silent',
  'sender-failing',
  'computer-failing',
  'disk-health',
  'deleted',
  'marked',
  'worker',
  'low-space',
  'refused',
  'destination',
  'unreachable',
  'computer-attention',
  'computer-silent',
  'unwatched',
  'incomplete',
  'expected',
  'silent',
  'not-closed',
  'paused',
  'notice',
] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** True for check results, as opposed to failures of Holdfast itself and of other computers. */
export function isDiskKind(kind: IncidentKind): kind is (typeof diskKinds)[number] {
  return (diskKinds as readonly string[]).includes(kind)
}

export const severities = ['critical', 'warning'] as const
export type Severity = (typeof severities)[number]

const CRITICAL: ReadonlySet<IncidentKind> = new Set([
  ...diskKinds,
  'emptied',
  'parked',
  'damaged',
  'sender-silent',
  'sender-failing',
  'computer-failing',
])

/** critical: data is at risk; warning: the protection is weaker than it looks. */
export function getSeverity(kind: IncidentKind): Severity {
  return CRITICAL.has(kind) ? 'critical' : 'warning'
}

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
