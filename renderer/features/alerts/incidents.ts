import { getNamesById } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import {
  EVERYTHING,
  getSeverity,
  getSubjects,
  isDiskKind,
  namedSubjects,
  severities,
  toMutable,
} from '../../../core/alerts/kinds.ts'
import type { Words } from '../../words/context.tsx'
import { type HealthLevel, severityLevel } from '../overview/describe.ts'

export { getSeverity, getSubjects }

export type Incident = AppState['incidents'][number]
type Settings = AppState['settings']

/** At most this many names are shown in a line; the rest are counted. */
const MOST_NAMES = 5

/** Returns an incident's title: "Survey archive · Read-only"; a source's disk has the source's name. */
export function formatTitle(incident: Incident, words: Pick<Words, 't'>, settings: Settings): string {
  const where = formatPlace(incident, words, settings)
  return words.t('window.alerts.title', { kind: words.t(`kind.${incident.kind}`), where })
}

/** Returns the first of the incident's subjects, or the last of its missing files, and counts the others. */
export function formatPlace(incident: Incident, { t }: Pick<Words, 't'>, settings: Settings): string {
  const { path, others } = findPlace(incident, settings)
  return others > 0 ? t('notify.others', { path, count: others }) : path
}

function findPlace(incident: Incident, settings: Settings): { path: string; others: number } {
  const { name, file, pattern, count } = incident.sentence.params
  // Without a date in its pattern, no file is known.
  if (incident.kind === 'expected' && file !== undefined && file !== pattern)
    return { path: `${name}/${file}`, others: Number(count ?? 1) - 1 }
  const [path = incident.group, ...others] = namedSubjects(incident, getNamesById(settings))
  return { path, others: others.length }
}

/** Returns the level of an incident's mark; a resolved incident is "ok". */
export function getLevel({ kind, endedAt }: Pick<Incident, 'kind' | 'endedAt'>): HealthLevel {
  if (endedAt !== null) return 'ok'
  return severityLevel(getSeverity(kind))
}

/** Returns the ongoing incidents, sorted by severity, then newest first. */
export function listOngoing(incidents: readonly Incident[]): Incident[] {
  const gravity = ({ kind }: Incident) => severities.indexOf(getSeverity(kind))
  return incidents
    .filter(({ endedAt }) => endedAt === null)
    .sort((one, other) => gravity(one) - gravity(other) || other.startedAt - one.startedAt)
}

/** True if the incident is a notice, which ends when a person dismisses it. */
export function isDismissible({ group }: Pick<Incident, 'group'>): boolean {
  return group.startsWith('notice:')
}

/** True if the incident is about a channel that cannot deliver messages. */
export function isAboutChannel({ group }: Pick<Incident, 'group'>): boolean {
  return /^(channel|delivery):/.test(group)
}

/** True if the subjects are paths, which can be copied; otherwise they are names. */
export function isAboutPaths({ kind }: Pick<Incident, 'kind'>): boolean {
  return isDiskKind(kind)
}

/** A source, a checked path, a destination or a disk: each can be muted. */
export interface Known {
  id: string
  name: string
}

export function listKnown({ settings, disks }: Pick<AppState, 'settings' | 'disks'>): Known[] {
  return [
    ...[...settings.sources, ...settings.destinations, ...disks.all].map(({ id, name }) => ({ id, name })),
    ...settings.checkedPaths.map(({ id, path }) => ({ id, name: path })),
  ]
}

/** Returns what an incident is about and can be muted. */
export function findConcerned(
  { sources, paths }: Incident,
  state: Pick<AppState, 'settings' | 'disks'>,
): Known[] {
  const subjects = new Set([...sources, ...Object.keys(paths).map(toMutable)])
  return listKnown(state).filter(({ id }) => subjects.has(id))
}

export interface Muted extends Known {
  /** Milliseconds since 1970; null until unmuted. */
  until: number | null
}

/** Returns those that are muted now; first everything, if that is. */
export function findMuted(
  known: readonly Known[],
  { alerts }: Settings,
  now: number,
  { t }: Pick<Words, 't'>,
): Muted[] {
  const everything = { id: EVERYTHING, name: t('window.alerts.everything') }
  return [everything, ...known].flatMap(({ id, name }) => {
    const until = alerts.muted[id]
    if (until === undefined || (until !== null && until <= now)) return []
    return [{ id, name, until }]
  })
}

/** Returns the latest end; null if one of them has no end. */
export function lastEnd(muted: readonly Muted[]): number | null {
  return muted.some(({ until }) => until === null) ? null : Math.max(...muted.map(({ until }) => until ?? 0))
}

/** Joins the first names and counts the rest. */
export function namesInLine(names: readonly string[], { t }: Pick<Words, 't'>): string {
  const shown = names.slice(0, MOST_NAMES).join(t('window.list.separator'))
  const count = names.length - MOST_NAMES
  return count > 0 ? t('notify.others', { path: shown, count }) : shown
}
