import { z } from 'zod'
import { UserError } from '../lib/i18n/user-error.ts'
import { MAX_PROPOSAL_BYTES } from '../protocol/limits.ts'
import { refuseUnclosed, withChanges, withSourceChanged } from './changes.ts'
import { destinationIds } from './destinations.ts'
import { type Settings, type Source, settingsSchema, sourceFiltersSchema, toFolderKey } from './schema.ts'
import { firstIssue } from './settings-store.ts'
import { getSchema, proposableKeys } from './values.ts'

// Settings that a receiver proposes to a computer that sends to it: filters of sources, intervals and the limit on
// sending, and nothing else. Pure.

const filters = sourceFiltersSchema.shape
const MOST_SOURCES = 1000
const LONGEST_REASON = 200

const filtersSchema = z
  .strictObject({
    ignore: filters.ignore.unwrap(),
    hidden: filters.hidden.unwrap(),
    temporary: filters.temporary.unwrap(),
    minimumBytes: filters.minimumBytes.unwrap(),
    maximumBytes: filters.maximumBytes.unwrap(),
    minimumAgeSeconds: filters.minimumAgeSeconds.unwrap(),
  })
  .partial()

/** The fields of a group that the table marks, and others. */
function proposableFields<G extends 'check' | 'scan' | 'send'>(group: G, others: z.ZodRawShape = {}) {
  const marked = proposableKeys.flatMap((key) => {
    const [itsGroup, field = ''] = key.split('.')
    return itsGroup === group ? [[field, getSchema(key)]] : []
  })
  const schema = z.strictObject({ ...Object.fromEntries(marked), ...others }).partial()
  return schema as unknown as z.ZodType<Partial<Settings[G]>>
}

/** Unknown fields are refused: a proposal must not seem to be accepted in part. */
const fieldsSchema = z
  .strictObject({
    /** Sources by their names; only those that are sent to the receiver. */
    sources: z
      .array(z.strictObject({ name: z.string().min(1).max(200), filters: filtersSchema }))
      .max(MOST_SOURCES)
      .refine(
        (all) => new Set(all.map(({ name }) => toFolderKey(name))).size === all.length,
        'names a source twice',
      ),
    check: proposableFields('check'),
    scan: proposableFields('scan'),
    send: proposableFields('send', { schedule: settingsSchema.shape.send.unwrap().shape.schedule.unwrap() }),
  })
  .partial()
type Fragment = z.infer<typeof fieldsSchema>
const fragmentSchema = fieldsSchema.refine(
  (fragment) => listProposedKeys(fragment).length > 0,
  'has no settings',
)

/** A setting that a proposal would change, with its values. */
export const proposedDifferenceSchema = z.object({
  /** The name of the source whose filter it is; null: a setting of this computer. */
  source: z.string().nullable(),
  /** "ignore" for a source, otherwise the path in the settings file, such as "check.intervalSeconds". */
  key: z.string(),
  from: z.unknown(),
  to: z.unknown(),
})
export type ProposedDifference = z.infer<typeof proposedDifferenceSchema>

/**
 * Parses proposed settings.
 * @throws UserError proposal.tooLarge, proposal.invalid, refuse.unclosedPattern
 */
export function parseProposal(text: string): Fragment {
  if (Buffer.byteLength(text) > MAX_PROPOSAL_BYTES)
    throw new UserError('proposal.tooLarge', { most: MAX_PROPOSAL_BYTES / 1024 })
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw new UserError('proposal.invalid', { reason: 'JSON' }, { cause: error })
  }
  const parsed = fragmentSchema.safeParse(raw)
  if (!parsed.success) {
    // An issue quotes names of the text, which may be long.
    throw new UserError('proposal.invalid', { reason: firstIssue(parsed.error).slice(0, LONGEST_REASON) })
  }
  for (const source of parsed.data.sources ?? []) refuseUnclosed(source.filters.ignore ?? [])
  return parsed.data
}

/** Lists the settings in a proposal, such as "check.intervalSeconds" or "data: ignore". */
export function listProposedKeys({ sources = [], ...groups }: Fragment): string[] {
  return [
    ...sources.flatMap(({ name, filters }) => listGiven(filters).map((field) => `${name}: ${field}`)),
    ...Object.entries(groups).flatMap(([group, values]) =>
      listGiven(values ?? {}).map((field) => `${group}.${field}`),
    ),
  ]
}

const listGiven = (values: object): string[] =>
  Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name]))

/** Finds a source by its name, among those that are sent to a destination. */
function findSource(settings: Settings, name: string, destination: string): Source | undefined {
  const key = toFolderKey(name)
  return settings.sources.find(
    (one) => toFolderKey(one.name) === key && destinationIds(settings, one).includes(destination),
  )
}

/**
 * Returns the settings with the proposed ones of a destination. Sources that are not sent to it stay.
 * @throws UserError as the commands that change these settings by hand
 */
export function applyProposal(
  settings: Settings,
  { sources = [], ...groups }: Fragment,
  destination: string,
): Settings {
  const changed = sources.reduce((next, { name, filters }) => {
    const source = findSource(next, name, destination)
    return source === undefined ? next : withSourceChanged(next, source.id, filters)
  }, settings)
  return withChanges(changed, groups)
}

/**
 * Describes the effect of a proposal.
 * @throws UserError as `applyProposal`
 */
export function describeProposal(settings: Settings, fragment: Fragment, destination: string) {
  const next = applyProposal(settings, fragment, destination)
  const { sources = [], ...groups } = fragment
  const found = sources.map(({ name, filters }) => ({
    name,
    fields: listGiven(filters),
    source: findSource(settings, name, destination),
  }))
  const ofSources = found.flatMap(({ source, fields }) => {
    const after = next.sources.find(({ id }) => id === source?.id)
    return source === undefined || after === undefined
      ? []
      : compare(source, after, fields, (key) => ({ source: source.name, key }))
  })
  const ofGroups = (['check', 'scan', 'send'] as const).flatMap((group) =>
    compare(settings[group], next[group], listGiven(groups[group] ?? {}), (field) => ({
      source: null,
      key: `${group}.${field}`,
    })),
  )
  return {
    differences: [...ofSources, ...ofGroups],
    /** Names of the proposed sources that are not here, or are not sent to the destination. */
    missing: found.flatMap(({ source, name }) => (source === undefined ? [name] : [])),
    /** True if none of the proposed settings is one of this computer or of a source that is here. */
    isElsewhere: listProposedKeys(groups).length === 0 && found.every(({ source }) => source === undefined),
  }
}

/** Returns the given fields whose values differ. */
function compare(
  before: object,
  after: object,
  fields: readonly string[],
  toPlace: (field: string) => Pick<ProposedDifference, 'source' | 'key'>,
): ProposedDifference[] {
  return fields.flatMap((field) => {
    const [from, to]: unknown[] = [Reflect.get(before, field), Reflect.get(after, field)]
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ ...toPlace(field), from, to }]
  })
}
