// Without zod, which is large: the window's first paint needs these, too.

/** Verdicts that are incidents; "slow" is shown, but nobody is woken for it. */
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
 * What can be wrong, the gravest first. The disk's kinds are verdicts; emptied: many files of a source lost their
 * contents, and wait for a person's word; parked: files that were given up; marked: files that
 * carry isocket's mark wait for a person's word; refused: a
 * certificate or a pairing is not accepted; destination: it is connected and takes nothing; unwatched: directories
 * that nobody looks at; incomplete: files of a source that is looked at cannot be sent, or marked as sent; paused: for longer than a day; notice: something that a person should know once; sender-…:
 * what a receiver knows of its senders.
 */
export const incidentKinds = [
  ...diskKinds,
  'emptied',
  'parked',
  'sender-silent',
  'sender-failing',
  'marked',
  'worker',
  'low-space',
  'refused',
  'destination',
  'unreachable',
  'unwatched',
  'incomplete',
  'silent',
  'not-closed',
  'paused',
  'notice',
] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** A verdict of a check, as against what Holdfast knows of itself and of other computers. */
export function isDiskKind(kind: IncidentKind): kind is (typeof diskKinds)[number] {
  return (diskKinds as readonly string[]).includes(kind)
}

export const severities = ['critical', 'warning'] as const
export type Severity = (typeof severities)[number]

const CRITICAL: ReadonlySet<IncidentKind> = new Set([
  ...diskKinds,
  'emptied',
  'parked',
  'sender-silent',
  'sender-failing',
])

/** critical: data is at risk; warning: the promise is weaker than it looks. */
export function severityOf(kind: IncidentKind): Severity {
  return CRITICAL.has(kind) ? 'critical' : 'warning'
}

interface Subjects {
  paths: Readonly<Record<string, string>>
  failing: Readonly<Record<string, unknown>>
  endedAt: number | null
}

/** What those are called that fail now while it lasts, then all that were part of it. */
export function subjectsOf({ paths, failing, endedAt }: Subjects): string[] {
  if (endedAt !== null) return Object.values(paths)
  return Object.keys(failing).flatMap((id) => paths[id] ?? [])
}

/** The same, by the names that people know them by. @param names by the ids that an incident has them by. */
export function namedSubjects(incident: Subjects, names: Readonly<Record<string, string>>): string[] {
  const paths = Object.entries(incident.paths).map(([id, path]) => [id, names[id] ?? path])
  return subjectsOf({ ...incident, paths: Object.fromEntries(paths) })
}
