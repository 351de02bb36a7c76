// Imported by the preload script too, which has no Node modules.
import { z } from 'zod'
import type { Settings } from './schema.ts'

/** A difference that an import would make. */
export const differenceSchema = z.object({
  kind: z.enum(['source', 'checkedPath', 'destination', 'channel', 'setting']),
  change: z.enum(['added', 'removed', 'changed']),
  /** The displayed name; for a setting its path in the settings file, such as "check.intervalSeconds". */
  name: z.string(),
  /** For a changed setting the old and new value as JSON; otherwise the names of the changed fields. */
  details: z.array(z.string()),
})
export type SettingsDifference = z.infer<typeof differenceSchema>

type Kind = Exclude<SettingsDifference['kind'], 'setting'>
type Entry = { id: string }

/** Settings other than lists of entries with ids. The pause is omitted, because it is temporary. */
const COMPARED_SINGLE = ['receive', 'notifications', 'language', 'theme'] as const
const COMPARED_GROUPS = ['check', 'scan', 'send', 'keep', 'alerts'] as const

/** Lists the differences of `next`: entries first, in the order of the settings file. Pure. */
export function differences(now: Settings, next: Settings): SettingsDifference[] {
  return [
    ...compareEntries('source', now.sources, next.sources, ({ name }) => name),
    ...compareEntries('checkedPath', now.checkedPaths, next.checkedPaths, ({ path }) => path),
    ...compareEntries('destination', now.destinations, next.destinations, ({ name }) => name),
    ...compareEntries('channel', now.alerts.channels, next.alerts.channels, ({ name }) => name),
    ...COMPARED_GROUPS.flatMap((group) =>
      compareValues(`${group}.`, omitChannels(now[group]), omitChannels(next[group])),
    ),
    ...COMPARED_SINGLE.flatMap((name) => compareValues('', { [name]: now[name] }, { [name]: next[name] })),
  ]
}

/** Omits the list of channels, which is compared separately. */
const omitChannels = (group: object): object =>
  Object.fromEntries(Object.entries(group).filter(([name]) => name !== 'channels'))

function compareEntries<E extends Entry>(
  kind: Kind,
  now: readonly E[],
  next: readonly E[],
  getName: (one: E) => string,
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
      const details = changedFields(was, one)
      return details.length === 0 ? [] : [{ kind, change: 'changed', name: getName(one), details }]
    }),
  ]
}

function compareValues(prefix: string, now: object, next: object): SettingsDifference[] {
  return changedFields(now, next).map((field) => ({
    kind: 'setting',
    change: 'changed',
    name: `${prefix}${field}`,
    details: [formatField(now, field), formatField(next, field)],
  }))
}

function changedFields(now: object, next: object): string[] {
  const names = new Set([...Object.keys(now), ...Object.keys(next)])
  return [...names].filter((name) => formatField(now, name) !== formatField(next, name))
}

const formatField = (group: object, name: string): string => JSON.stringify(Reflect.get(group, name) ?? null)
