import { createHash } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import { catalog } from '../alerts/channels/catalog.ts'
import { type ChannelSettings, getOptions } from '../alerts/settings.ts'
import type { WordKey } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { Destination } from './destination-schema.ts'
import { getDestination } from './destinations.ts'
import type { DiskCounters } from './disk-counters.ts'
import { getSinkOptions } from './event-sinks.ts'
import {
  convertPercent,
  findPatternMistake,
  findPatternProblem,
  type PatternProblem,
} from './expected/pattern.ts'
import { isZone } from './expected/periods.ts'
import { withoutMuted } from './muting.ts'
import { unclosedPattern } from './patterns.ts'
import {
  type ExpectedFiles,
  type Settings,
  type ShownSettings,
  type Source,
  sourceSchema,
  toFolderKey,
} from './schema.ts'

// Pure functions that change the settings: of all settings, sources, checked paths and channels, and the differences
// that an import would make. Destinations and mutings have files of their own: destinations.ts, muting.ts.

/** Groups of settings; each can be changed without the others. */
type Group =
  | 'alerts'
  | 'batch'
  | 'check'
  | 'events'
  | 'keep'
  | 'labels'
  | 'proxy'
  | 'report'
  | 'scan'
  | 'send'
  | 'web'
const GROUPS: ReadonlySet<string> = new Set<Group>([
  'alerts',
  'batch',
  'check',
  'events',
  'keep',
  'labels',
  'proxy',
  'report',
  'scan',
  'send',
  'web',
])

/** Limit of the elements of a long list that a difference shows. */
const MOST_ELEMENTS = 10

/** Changes to T; a key with the value undefined changes nothing. */
type Changes<T> = { [Key in keyof T]?: (Key extends Group ? Changes<T[Key]> : T[Key]) | undefined }

/** Limit in characters for the schema, and in bytes of UTF-8 for a folder's name. */
const LONGEST = 200

/** Settings other than lists of entries with ids. The pause is omitted, because it is temporary. */
const COMPARED_SINGLE = ['receive', 'notifications', 'language', 'theme'] as const
const COMPARED_GROUPS = [
  'check',
  'scan',
  'send',
  'keep',
  'alerts',
  'events',
  'report',
  'proxy',
  'web',
] as const

/** Accepts counters of a disk in addition to earlier ones. */
export function withAcceptedDisk(settings: Settings, id: string, counters: DiskCounters): Settings {
  const { acceptedDisks } = settings
  return { ...settings, acceptedDisks: { ...acceptedDisks, [id]: { ...acceptedDisks[id], ...counters } } }
}

/** Pauses all sending from `now` (milliseconds since 1970) for some minutes; null: until resumed. */
export function withPause(settings: Settings, minutes: number | null, now: number): Settings {
  const until = minutes === null ? null : Math.round(now + minutes * 60_000)
  return { ...settings, pause: { since: now, until } }
}

/** Changes the given fields of the settings or of a source, also within groups. */
export function withChanges<T extends object>(before: T, changes: Changes<NoInfer<T>>): T {
  const group = (name: string): object => Reflect.get<object, string>(before, name)
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  const now = given.map(([name, value]) => [
    name,
    GROUPS.has(name) && value instanceof Object ? withChanges(group(name), value) : value,
  ])
  return { ...before, ...Object.fromEntries(now) }
}

/**
 * Changes the given fields of one source.
 * @throws UserError refuse.noSource, refuse.sourceName, refuse.noSuchDestination, refuse.mark, refuse.sameMarks,
 * refuse.unclosedPattern, refuse.emptyRange, refuse.deleteAfterSystem
 */
export function withSourceChanged(settings: Settings, id: string, changes: Changes<Source>): Settings {
  const before = getSource(settings, id)
  const { expected } = changes
  const accepted = expected === undefined ? undefined : acceptExpected(expected, before.expected)
  const wanted = withChanges(before, { ...changes, expected: accepted })
  // Checked before the schema, whose errors are not messages for the user.
  if (changes.batch !== undefined) refuseMarks(wanted.batch)
  const source = sourceSchema.parse(wanted)
  if (changes.name !== undefined) refuseSourceName(settings, source)
  for (const one of changes.destinations ?? []) getDestination(settings.destinations, one)
  // Checked only if changed: a file edited by hand may have invalid ones, and the other fields must stay changeable.
  if (changes.ignore !== undefined) refuseUnclosed(source.ignore)
  if (changes.minimumBytes !== undefined || changes.maximumBytes !== undefined) refuseEmptyRange(source)
  refuseDeleteAfter(changes)
  return { ...settings, sources: settings.sources.map((one) => (one === before ? source : one)) }
}

/** Refuses a removal that core/send/delete-after-send cannot make here: it needs the kernel's leases and /proc. */
export function refuseDeleteAfter({ deleteAfter }: Changes<Source>): void {
  if ((deleteAfter ?? null) !== null && process.platform !== 'linux')
    throw new UserError('refuse.deleteAfterSystem')
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

/** @throws UserError refuse.noSource */
export function getSource(settings: Pick<Settings, 'sources'>, id: string): Source {
  const source = settings.sources.find((one) => one.id === id)
  if (source === undefined) throw new UserError('refuse.noSource')
  return source
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

/** @throws UserError refuse.unclosedPattern */
export function refuseUnclosed(patterns: readonly string[]): void {
  const pattern = unclosedPattern(patterns)
  if (pattern !== null) throw new UserError('refuse.unclosedPattern', { pattern })
}

const PATTERN_REFUSALS = {
  spaces: 'refuse.expectedSpaces',
  path: 'refuse.expectedPath',
  braces: 'refuse.expectedBraces',
  percent: 'refuse.expectedPercent',
  token: 'refuse.expectedToken',
  date: 'refuse.expectedDate',
  coarse: 'refuse.expectedCoarse',
} as const satisfies Record<PatternProblem['kind'], WordKey>

/**
 * Returns a rule for expected files with the parts of a date of strftime(3) as those of Holdfast.
 * @param before rules that are in force and stay as they are: earlier versions accepted more patterns.
 * @throws UserError refuse.expectedZone, and those of PATTERN_REFUSALS
 */
export function acceptRule(rule: ExpectedFiles, before: readonly ExpectedFiles[]): ExpectedFiles {
  const { pattern: typed, everyMinutes, zone } = rule
  const isKnown = before.some((one) => one.pattern === typed)
  const pattern = isKnown ? typed : convertPercent(typed)
  const problem = (isKnown ? null : findPatternMistake(typed)) ?? findPatternProblem(pattern, everyMinutes)
  if (problem !== null)
    throw new UserError(PATTERN_REFUSALS[problem.kind], {
      ...{ pattern: typed, trimmed: typed.trim() },
      token: 'text' in problem ? problem.text : '',
    })
  if (zone !== null && !isZone(zone)) throw new UserError('refuse.expectedZone', { zone })
  return { ...rule, pattern }
}

/**
 * Returns all rules of a source as `acceptRule` does.
 * @throws UserError refuse.expectedTwice, and those of acceptRule
 */
export function acceptExpected(
  rules: readonly ExpectedFiles[],
  before: readonly ExpectedFiles[],
): ExpectedFiles[] {
  const accepted = rules.map((rule) => acceptRule(rule, before))
  const twice = accepted.find(
    ({ pattern }, index) => accepted.findIndex((one) => one.pattern === pattern) !== index,
  )
  if (twice !== undefined) throw new UserError('refuse.expectedTwice', { pattern: twice.pattern })
  return accepted
}

/**
 * Changes settings that are no lists of entries.
 * @throws UserError refuse.socketSystem: Node.js has no Unix sockets on Windows.
 */
export function withSettingsChanged(settings: Settings, changes: Changes<Settings>): Settings {
  if ((changes.web?.socket ?? null) !== null && process.platform === 'win32')
    throw new UserError('refuse.socketSystem')
  return withChanges(settings, changes)
}

/** @throws UserError refuse.emptyRange */
export function refuseEmptyRange(source: Source): void {
  const { name, minimumBytes, maximumBytes } = source
  if (!isEmptyRange(source)) return
  throw new UserError('refuse.emptyRange', { name, least: minimumBytes ?? 0, most: maximumBytes ?? 0 })
}

/** True if no file can pass, because the minimum size exceeds the maximum. */
export function isEmptyRange({
  minimumBytes,
  maximumBytes,
}: Pick<Source, 'minimumBytes' | 'maximumBytes'>): boolean {
  return minimumBytes !== null && maximumBytes !== null && minimumBytes > maximumBytes
}

/** Returns the default name of a source: its directory's name, shortened if necessary. */
export function sourceName(directory: string): string {
  return shortened(path.basename(directory) || 'root', (name) => name.length)
}

/** Makes a name unique, so that no two sources share a folder at the destination, on any file system. */
export function uniqueName(name: string, sources: readonly Pick<Source, 'name'>[]): string {
  const taken = new Set(sources.map((one) => toFolderKey(one.name)))
  if (!taken.has(toFolderKey(name))) return name
  for (let count = 2; ; count += 1) {
    const suffix = `-${count}`
    // Counted in bytes, so that the suffix is not cut off in the folder's name either.
    const countBytes = (one: string) => Buffer.byteLength(one.normalize('NFC')) + suffix.length
    const candidate = `${shortened(name, countBytes)}${suffix}`
    if (!taken.has(toFolderKey(candidate))) return candidate
  }
}

function shortened(name: string, measure: (name: string) => number): string {
  const characters = [...name]
  while (characters.length > 1 && measure(characters.join('')) > LONGEST) characters.pop()
  return characters.join('')
}

/** Returns a directory's id, the same each time it is added: adding it again can complete an interrupted removal. */
export function idOfPath(real: string): string {
  return createHash('sha256').update(real).digest('hex').slice(0, 16)
}

/** @throws UserError alert.noChannel */
export function getChannel(settings: Settings, id: string): ChannelSettings {
  const channel = settings.alerts.channels.find((one) => one.id === id)
  if (channel === undefined) throw new UserError('alert.noChannel', { id })
  return channel
}

/** @throws UserError alert.channelTwice, alert.channelName, alert.channelInSettings */
export function withChannel(settings: Settings, channel: ChannelSettings): Settings {
  const { id, type } = channel
  if (settings.alerts.channels.some((one) => one.id === id)) throw new UserError('alert.channelTwice', { id })
  refuseChannelName(settings, channel)
  if (!catalog[type].isAddable) throw new UserError('alert.channelInSettings', { type })
  return withChannels(settings, [...settings.alerts.channels, channel])
}

/**
 * Changes a channel. Its program can be changed in the settings file only.
 * @throws UserError alert.noChannel, alert.channelName, alert.channelInSettings
 */
export function withChannelChanged(settings: Settings, channel: ChannelSettings): Settings {
  const before = getChannel(settings, channel.id)
  // Duplicate names that already exist are kept.
  if (channel.name !== before.name) refuseChannelName(settings, channel)
  const { type } = channel
  const isSame = type === before.type && JSON.stringify(channel.options) === JSON.stringify(before.options)
  if (!catalog[type].isAddable && !isSame) throw new UserError('alert.channelInSettings', { type })
  return withChannels(
    settings,
    settings.alerts.channels.map((one) => (one.id === channel.id ? channel : one)),
  )
}

/** @throws UserError alert.noChannel */
export function withoutChannel(settings: Settings, id: string): Settings {
  getChannel(settings, id)
  const { report } = settings
  const others = withChannels(
    settings,
    settings.alerts.channels.filter((one) => one.id !== id),
  )
  // A later channel of this id is another one.
  return { ...others, report: { ...report, channels: report.channels?.filter((one) => one !== id) ?? null } }
}

/** @throws UserError alert.orderAll */
export function withChannelOrder(settings: Settings, ids: readonly string[]): Settings {
  const { channels } = settings.alerts
  const isWhole = ids.length === channels.length && channels.every(({ id }) => ids.includes(id))
  if (!isWhole) throw new UserError('alert.orderAll')
  return withChannels(
    settings,
    ids.map((id) => getChannel(settings, id)),
  )
}

/**
 * Requires a unique name, because commands and messages identify a channel by it.
 * @throws UserError alert.channelName
 */
function refuseChannelName({ alerts: { channels } }: Settings, { id, name }: ChannelSettings): void {
  if (channels.some((one) => one.id !== id && one.name.toLowerCase() === name.toLowerCase()))
    throw new UserError('alert.channelName', { name })
}

function withChannels(settings: Settings, channels: ChannelSettings[]): Settings {
  return { ...settings, alerts: { ...settings.alerts, channels } }
}

/** Longest JSON of a value that is shown before an import: any address. */
export const LONGEST_PREVIEW = 2_100

/** A difference that an import would make. */
export const differenceSchema = z.object({
  kind: z.enum(['source', 'checkedPath', 'destination', 'channel', 'sink', 'setting']),
  change: z.enum(['added', 'removed', 'changed']),
  /** The displayed name; for a setting its path in the settings file, such as "check.intervalSeconds". */
  name: z.string(),
  /** For a changed setting the old and new value as JSON; otherwise the changed fields with both values. */
  details: z.array(z.string()),
})
export type SettingsDifference = z.infer<typeof differenceSchema>

type Kind = Exclude<SettingsDifference['kind'], 'setting'>
type Entry = { id: string }

/**
 * Lists the differences of `next`: entries first, in the order of the settings file. Pure.
 * @param longest values with longer JSON are omitted.
 */
export function differences(now: ShownSettings, next: ShownSettings, longest: number): SettingsDifference[] {
  const isShort = (...values: string[]) => values.every(({ length }) => length <= longest)
  const compareEntries = <E extends Entry>(
    kind: Kind,
    before: readonly E[],
    after: readonly E[],
    getName: (one: E) => string,
  ) =>
    listEntries(kind, before, after, getName, (field, was, is) => {
      if (isShort(was, is)) return `${field}: ${was} → ${is}`
      const elements = listElements(was, is)
      const isShown = elements.length > 0 && elements.length <= MOST_ELEMENTS && isShort(...elements)
      return isShown ? `${field}: ${elements.join(', ')}` : field
    })
  const compareValues = (prefix: string, before: object, after: object) =>
    listValues(prefix, before, after, isShort)
  return [
    ...compareEntries('source', now.sources, next.sources, ({ name }) => name),
    ...compareEntries('checkedPath', now.checkedPaths, next.checkedPaths, ({ path }) => path),
    ...compareEntries('destination', inUse(now.destinations), inUse(next.destinations), ({ name }) => name),
    ...compareEntries('channel', channelsOf(now), channelsOf(next), ({ name }) => name),
    ...compareEntries('sink', sinksOf(now), sinksOf(next), ({ name }) => name),
    ...COMPARED_GROUPS.flatMap((group) =>
      compareValues(`${group}.`, omitLists(now[group]), omitLists(next[group])),
    ),
    ...COMPARED_SINGLE.flatMap((name) => compareValues('', { [name]: now[name] }, { [name]: next[name] })),
  ]
}

/** Channels and sinks with each option as a field, `options.endpoint`. */
const channelsOf = ({ alerts }: ShownSettings) =>
  alerts.channels.map((one) => ({ ...one, ...asFields(getOptions(one)), options: null }))
const sinksOf = ({ events }: ShownSettings) =>
  events.sinks.map((one) => ({ ...one, ...asFields(getSinkOptions(one)), options: null }))
const asFields = (options: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [`options.${name}`, value]))

/** Lists the elements that only one of two lists has; values as JSON. Empty: they are no lists. */
function listElements(was: string, is: string): string[] {
  const [before = [], after = []] = [was, is].map((value) => {
    const parsed: unknown = JSON.parse(value)
    return Array.isArray(parsed) ? parsed.map((one) => JSON.stringify(one)) : []
  })
  return [
    ...before.filter((one) => !after.includes(one)).map((one) => `- ${one}`),
    ...after.filter((one) => !before.includes(one)).map((one) => `+ ${one}`),
  ]
}

/** An import leaves ejected disks as they are. */
const inUse = (destinations: readonly Destination[]) =>
  destinations.map((one) => ({ ...one, ejected: undefined }))

/** Omits the lists of channels and sinks, which are compared separately. */
const omitLists = (group: object): object =>
  Object.fromEntries(Object.entries(group).filter(([name]) => name !== 'channels' && name !== 'sinks'))

function listEntries<E extends Entry>(
  kind: Kind,
  now: readonly E[],
  next: readonly E[],
  getName: (one: E) => string,
  format: (field: string, was: string, is: string) => string,
): SettingsDifference[] {
  const before = new Map(now.map((one) => [one.id, one]))
  const after = new Set(next.map(({ id }) => id))
  const removed = now.filter(({ id }) => !after.has(id))
  return [
    ...removed.map(
      (one): SettingsDifference => ({ kind, change: 'removed', name: getName(one), details: [] }),
    ),
    ...next.flatMap((one): SettingsDifference[] => {
      const was = before.get(one.id)
      if (was === undefined) return [{ kind, change: 'added', name: getName(one), details: [] }]
      const details = changedFields(was, one).map((field) =>
        format(field, formatField(was, field), formatField(one, field)),
      )
      return details.length === 0 ? [] : [{ kind, change: 'changed', name: getName(one), details }]
    }),
  ]
}

function listValues(
  prefix: string,
  now: object,
  next: object,
  isShort: (...values: string[]) => boolean,
): SettingsDifference[] {
  return changedFields(now, next).map((field) => {
    const details = [formatField(now, field), formatField(next, field)]
    const name = `${prefix}${field}`
    return { kind: 'setting', change: 'changed', name, details: isShort(...details) ? details : [] }
  })
}

function changedFields(now: object, next: object): string[] {
  if (now === next) return []
  const names = new Set([...Object.keys(now), ...Object.keys(next)])
  return [...names].filter((name) => formatField(now, name) !== formatField(next, name))
}

const formatField = (group: object, name: string): string => JSON.stringify(Reflect.get(group, name) ?? null)
