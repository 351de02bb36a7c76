import { Problem } from '../words/problem.ts'
import { folderOf, type Settings, type Source, sourceSchema } from './schema.ts'

// What becomes of the settings when somebody changes them; pure. Destinations have a file of their own.

/** What is changed of T; a key that is there and undefined takes nothing away. */
export type Changes<T> = { [Key in keyof T]?: T[Key] | undefined }

/** @throws Problem refuse.noSource */
export function sourceOf(settings: Settings, id: string): Source {
  const source = settings.sources.find((one) => one.id === id)
  if (source === undefined) throw new Problem('refuse.noSource')
  return source
}

export type SourceChanges = Changes<Omit<Source, 'batch'> & { batch: Changes<Source['batch']> }>

/**
 * Changes what is given of one source.
 * @throws Problem refuse.noSource, refuse.sourceName, refuse.mark, refuse.sameMarks, refuse.emptyRange, refuse.deleteAfterSystem
 */
export function withSourceChanged(settings: Settings, id: string, changes: SourceChanges): Settings {
  const before = sourceOf(settings, id)
  const { batch: marks, ...single } = changes
  const batch = { ...before.batch, ...given<Source['batch']>(marks ?? {}) }
  if (marks !== undefined) refuseMarks(batch)
  const changed = sourceSchema.parse({ ...before, ...given<Source>(single), batch })
  if (single.name !== undefined) refuseName(settings, changed)
  // A file that was edited by hand may have such limits: everything else can still be changed.
  if (changes.minimumBytes !== undefined || changes.maximumBytes !== undefined) refuseEmptyRange(changed)
  // core/send/removal needs the kernel's leases and /proc.
  if ((changes.deleteAfter ?? null) !== null && process.platform !== 'linux')
    throw new Problem('refuse.deleteAfterSystem')
  return { ...settings, sources: settings.sources.map((one) => (one.id === id ? changed : one)) }
}

/** @throws Problem refuse.sourceName: two sources would share a folder at the destination. */
function refuseName({ sources }: Settings, { id, name }: Source): void {
  const folder = folderOf(name)
  const other = sources.find((one) => one.id !== id && folderOf(one.name) === folder)
  if (other !== undefined) throw new Problem('refuse.sourceName', { name, other: other.name })
}

/** @throws Problem refuse.mark, refuse.sameMarks: a mark is a file in the batch directory, and the two are told apart by their names. */
function refuseMarks({ closedMark, sentMark }: Source['batch']): void {
  const bad = [closedMark, sentMark].find(
    (mark) => mark === '' || mark === '.' || mark === '..' || /[/\\\0]/.test(mark),
  )
  if (bad !== undefined) throw new Problem('refuse.mark', { mark: bad })
  if (closedMark === sentMark) throw new Problem('refuse.sameMarks', { mark: closedMark })
}

export function withoutSource(settings: Settings, id: string): Settings {
  return { ...settings, sources: settings.sources.filter((one) => one.id !== id) }
}

export function withoutChecked(settings: Settings, id: string): Settings {
  return { ...settings, checkedPaths: settings.checkedPaths.filter((one) => one.id !== id) }
}

/** Pauses all sending from `now` (milliseconds since 1970) for some minutes; null: until resumed. */
export function withPause(settings: Settings, minutes: number | null, now: number): Settings {
  const until = minutes === null ? null : Math.round(now + minutes * 60_000)
  return { ...settings, pause: { since: now, until } }
}

/** Settings that belong together; each can be changed without the others. */
type Alerts = Settings['alerts']
type Group = 'alerts' | 'check' | 'scan' | 'send'

/** What is changed of the settings, and of each group of them. */
export type SettingsChanges = Changes<
  Omit<Settings, Group> & { [Name in Exclude<Group, 'alerts'>]: Changes<Settings[Name]> } & {
    alerts: Changes<Omit<Alerts, 'labels'> & { labels: Changes<Alerts['labels']> }>
  }
>

export function withChanges(settings: Settings, changes: SettingsChanges): Settings {
  const { alerts: { labels, ...alerts } = {}, check, scan, send, ...single } = changes
  return {
    ...settings,
    ...given<Settings>(single),
    alerts: {
      ...settings.alerts,
      ...given<Omit<Alerts, 'labels'>>(alerts),
      labels: { ...settings.alerts.labels, ...given<Alerts['labels']>(labels ?? {}) },
    },
    check: { ...settings.check, ...given<Settings['check']>(check ?? {}) },
    scan: { ...settings.scan, ...given<Settings['scan']>(scan ?? {}) },
    send: { ...settings.send, ...given<Settings['send']>(send ?? {}) },
  }
}

/** No file can pass: the least size is more than the most. */
export function isEmptyRange({
  minimumBytes,
  maximumBytes,
}: Pick<Source, 'minimumBytes' | 'maximumBytes'>): boolean {
  return minimumBytes !== null && maximumBytes !== null && minimumBytes > maximumBytes
}

/** @throws Problem refuse.emptyRange */
export function refuseEmptyRange(source: Source): void {
  const { name, minimumBytes, maximumBytes } = source
  if (!isEmptyRange(source)) return
  throw new Problem('refuse.emptyRange', { name, least: minimumBytes ?? 0, most: maximumBytes ?? 0 })
}

function given<T extends object>(changes: Changes<T>): Partial<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Partial<T>
}
