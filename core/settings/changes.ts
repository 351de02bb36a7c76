import { UserError } from '../lib/i18n/user-error.ts'
import { withoutMuted } from './channels.ts'
import { getDestination } from './destinations.ts'
import { unclosedPattern } from './patterns.ts'
import { type Settings, type Source, sourceSchema, toFolderKey } from './schema.ts'

// Pure functions that change the settings. Destinations have a file of their own: destinations.ts.

/** Groups of settings; each can be changed without the others. */
type Group = 'alerts' | 'batch' | 'check' | 'keep' | 'labels' | 'scan' | 'send'
const GROUPS: ReadonlySet<string> = new Set<Group>([
  'alerts',
  'batch',
  'check',
  'keep',
  'labels',
  'scan',
  'send',
])

/** Changes to T; a key with the value undefined changes nothing. */
type Changes<T> = { [Key in keyof T]?: (Key extends Group ? Changes<T[Key]> : T[Key]) | undefined }

function applyChanges<T extends object>(before: T, changes: Changes<T>): T {
  const group = (name: string): object => Reflect.get<object, string>(before, name)
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  const now = given.map(([name, value]) => [
    name,
    GROUPS.has(name) && value instanceof Object ? applyChanges(group(name), value) : value,
  ])
  return { ...before, ...Object.fromEntries(now) }
}

/** @throws UserError refuse.noSource */
export function getSource(settings: Settings, id: string): Source {
  const source = settings.sources.find((one) => one.id === id)
  if (source === undefined) throw new UserError('refuse.noSource')
  return source
}

/**
 * Changes the given fields of one source.
 * @throws UserError refuse.noSource, refuse.sourceName, refuse.noSuchDestination, refuse.mark, refuse.sameMarks,
 * refuse.unclosedPattern, refuse.emptyRange, refuse.deleteAfterSystem
 */
export function withSourceChanged(settings: Settings, id: string, changes: Changes<Source>): Settings {
  const before = getSource(settings, id)
  const wanted = applyChanges(before, changes)
  // Checked before the schema, whose errors are not messages for the user.
  if (changes.batch !== undefined) refuseMarks(wanted.batch)
  const source = sourceSchema.parse(wanted)
  if (changes.name !== undefined) refuseSourceName(settings, source)
  for (const one of changes.destinations ?? []) getDestination(settings.destinations, one)
  // Checked only if changed: a file edited by hand may have invalid ones, and the other fields must stay changeable.
  if (changes.ignore !== undefined) refuseUnclosed(source.ignore)
  if (changes.minimumBytes !== undefined || changes.maximumBytes !== undefined) refuseEmptyRange(source)
  // core/send/delete-after-send needs the kernel's leases and /proc.
  if ((changes.deleteAfter ?? null) !== null && process.platform !== 'linux')
    throw new UserError('refuse.deleteAfterSystem')
  return { ...settings, sources: settings.sources.map((one) => (one === before ? source : one)) }
}

/** @throws UserError refuse.sourceName: two sources would share a folder at the destination. */
function refuseSourceName({ sources }: Settings, { id, name }: Source): void {
  const folder = toFolderKey(name)
  const other = sources.find((one) => one.id !== id && toFolderKey(one.name) === folder)
  if (other !== undefined) throw new UserError('refuse.sourceName', { name, other: other.name })
}

/**
 * @throws UserError refuse.mark, refuse.sameMarks: marks are two files in the batch directory, with different names.
 */
function refuseMarks({ closedMark, sentMark }: Source['batch']): void {
  const bad = [closedMark, sentMark].find(
    (mark) => mark === '' || mark === '.' || mark === '..' || /[/\\\0]/.test(mark),
  )
  if (bad !== undefined) throw new UserError('refuse.mark', { mark: bad })
  if (closedMark === sentMark) throw new UserError('refuse.sameMarks', { mark: closedMark })
}

/**
 * Removes a source and its muting. The same directory has the same id if it is added again, and must not be muted then.
 */
export function withoutSource(settings: Settings, id: string): Settings {
  return { ...withoutMuted(settings, id), sources: settings.sources.filter((one) => one.id !== id) }
}

/** Removes a checked path and its muting, like `withoutSource`. */
export function withoutChecked(settings: Settings, id: string): Settings {
  return { ...withoutMuted(settings, id), checkedPaths: settings.checkedPaths.filter((one) => one.id !== id) }
}

/** Pauses all sending from `now` (milliseconds since 1970) for some minutes; null: until resumed. */
export function withPause(settings: Settings, minutes: number | null, now: number): Settings {
  const until = minutes === null ? null : Math.round(now + minutes * 60_000)
  return { ...settings, pause: { since: now, until } }
}

/** Changes the given settings, also within groups. */
export function withChanges(settings: Settings, changes: Changes<Settings>): Settings {
  return applyChanges(settings, changes)
}

/** True if no file can pass, because the minimum size exceeds the maximum. */
export function isEmptyRange({
  minimumBytes,
  maximumBytes,
}: Pick<Source, 'minimumBytes' | 'maximumBytes'>): boolean {
  return minimumBytes !== null && maximumBytes !== null && minimumBytes > maximumBytes
}

/** @throws UserError refuse.unclosedPattern */
export function refuseUnclosed(patterns: readonly string[]): void {
  const pattern = unclosedPattern(patterns)
  if (pattern !== null) throw new UserError('refuse.unclosedPattern', { pattern })
}

/** @throws UserError refuse.emptyRange */
export function refuseEmptyRange(source: Source): void {
  const { name, minimumBytes, maximumBytes } = source
  if (!isEmptyRange(source)) return
  throw new UserError('refuse.emptyRange', { name, least: minimumBytes ?? 0, most: maximumBytes ?? 0 })
}
