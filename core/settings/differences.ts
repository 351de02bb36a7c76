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
const SINGLE = ['receive', 'notifications', 'language', 'theme'] as const
const GROUPS = ['check', 'scan', 'send', 'keep', 'alerts'] as const

/** Lists the differences of `next`: entries first, in the order of the settings file. Pure. */
export function differences(now: Settings, next: Settings): SettingsDifference[] {
  return [
    ...entries('source', now.sources, next.sources, ({ name }) => name),
    ...entries('checkedPath', now.checkedPaths, next.checkedPaths, ({ path }) => path),
    ...entries('destination', now.destinations, next.destinations, ({ name }) => name),
    ...entries('channel', now.alerts.channels, next.alerts.channels, ({ name }) => name),
    ...GROUPS.flatMap((group) => values(`${group}.`, without(now[group]), without(next[group]))),
    ...SINGLE.flatMap((name) => values('', { [name]: now[name] }, { [name]: next[name] })),
  ]
}

/** Omits the list of channels, which is compared separately. */
const without = (group: object): object =>
  Object.fromEntries(Object.entries(group).filter(([name]) => name !== 'channels'))

function entries<E extends Entry>(
  kind: Kind,
  now: readonly E[],
  next: readonly E[],
  nameOf: (one: E) => string,
): SettingsDifference[] {
  const before = new Map(now.map((one) => [one.id, one]))
  const after = new Set(next.map(({ id }) => id))
  const removed = now.filter(({ id }) => !after.has(id))
  return [
    ...removed.map(
      (one): SettingsDifference => ({ kind, change: 'removed', name: nameOf(one), details: [] }),
    ),
    ...next.flatMap((one): SettingsDifference[] => {
      const was = before.get(one.id)
      if (was === undefined) return [{ kind, change: 'added', name: nameOf(one), details: [] }]
      const details = changedFields(was, one)
      return details.length === 0 ? [] : [{ kind, change: 'changed', name: nameOf(one), details }]
    }),
  ]
}

function values(prefix: string, now: object, next: object): SettingsDifference[] {
  return changedFields(now, next).map((field) => ({
    kind: 'setting',
    change: 'changed',
    name: `${prefix}${field}`,
    details: [textOf(now, field), textOf(next, field)],
  }))
}

function changedFields(now: object, next: object): string[] {
  const names = new Set([...Object.keys(now), ...Object.keys(next)])
  return [...names].filter((name) => textOf(now, name) !== textOf(next, name))
}

const textOf = (group: object, name: string): string => JSON.stringify(Reflect.get(group, name) ?? null)
