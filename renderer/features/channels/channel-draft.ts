import type { CommandInput } from '../../../core/agent/contract.ts'
import {
  type ChannelType,
  getFields,
  getSecretFields,
  refuseValue,
} from '../../../core/alerts/channels/catalog.ts'

export type NewChannel = CommandInput<'addChannel'>
export type Channel = NewChannel['channel']

/** A channel as edited in the form. */
export interface ChannelDraft {
  /** '': the usual name. */
  name: string
  /** By field name. */
  options: Readonly<Record<string, string>>
  /** Newly typed secrets: stored ones are never shown. */
  secrets: Readonly<Record<string, string>>
  /** Names of stored secrets to delete. */
  cleared: readonly string[]
  severity: Channel['severity']
  sources: readonly string[] | null
  standby: boolean
  template: string | null
}

/** Why a field is invalid, by field name; also for the form's own fields `sources` and `template`. */
export type Problems = Readonly<Record<string, 'missing' | 'invalid'>>

/** Returns a new draft. Choices are preset; typed fields stay empty and show their defaults as placeholders. */
export function newDraft(type: ChannelType): ChannelDraft {
  const chosen = getFields(type).flatMap((field) =>
    field.kind === 'choice' ? [[field.name, field.default ?? ''] as const] : [],
  )
  return {
    name: '',
    options: Object.fromEntries(chosen),
    secrets: {},
    cleared: [],
    severity: 'warning',
    sources: null,
    standby: false,
    template: null,
  }
}

export function toDraft({
  type,
  name,
  options,
  severity,
  sources,
  standby,
  template,
}: Channel): ChannelDraft {
  const fresh = newDraft(type)
  return { ...fresh, name, options: { ...fresh.options, ...options }, severity, sources, standby, template }
}

/** Returns an id that no channel ever had: deliveries of a former channel must not be attributed to this one. */
export function newChannelId(type: ChannelType): string {
  return `${type}-${crypto.randomUUID().slice(0, 8)}`
}

interface About extends Pick<Channel, 'id' | 'type' | 'enabled'> {
  /** The name if none is typed. */
  usualName: string
  /** Names of the secrets that are stored. */
  stored: readonly string[]
  /** Ids of all sources. */
  sources: readonly string[]
}

/** Returns the form's values for the agent, or its problems. Secrets are included only if typed or cleared. */
export function readDraft(
  draft: ChannelDraft,
  { id, type, enabled, usualName, stored, sources }: About,
): { given: NewChannel | null; problems: Problems } {
  const problems: Record<string, 'missing' | 'invalid'> = {}
  const refuse = (name: string, why: 'missing' | 'invalid' | null) => {
    if (why !== null) problems[name] = why
  }
  const name = draft.name.trim() || usualName
  const options = readOptions(type, draft.options, refuse)
  const secrets = readSecrets(type, draft, stored, refuse)
  // Sources that have been removed are dropped.
  const chosen = draft.sources === null ? null : sources.filter((one) => draft.sources?.includes(one))
  if (chosen?.length === 0) refuse('sources', 'missing')
  if (draft.template?.trim() === '') refuse('template', 'missing')
  const { severity, standby, template } = draft
  const channel = { id, name, type, enabled, options, severity, sources: chosen, standby, template }
  return { given: Object.keys(problems).length > 0 ? null : { channel, secrets }, problems }
}

type Refuse = (name: string, why: 'missing' | 'invalid' | null) => void

/** Leaves out empty fields: their defaults apply, even if they change in a later version. */
function readOptions(type: ChannelType, typed: ChannelDraft['options'], refuse: Refuse): Channel['options'] {
  const given = getFields(type)
    .filter(({ kind }) => kind !== 'secret')
    .map((field) => {
      const value = (typed[field.name] ?? '').trim()
      refuse(field.name, refuseValue(field, value === '' ? (field.default ?? '') : value))
      return [field.name, value] as const
    })
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

function readSecrets(
  type: ChannelType,
  { secrets, cleared }: ChannelDraft,
  stored: readonly string[],
  refuse: Refuse,
): NewChannel['secrets'] {
  const given = getSecretFields(type).flatMap((field): (readonly [string, string])[] => {
    const { name } = field
    const typed = (secrets[name] ?? '').trim()
    if (typed !== '') {
      refuse(name, refuseValue(field, typed))
      return [[name, typed]]
    }
    const isKept = stored.includes(name) && !cleared.includes(name)
    if (field.required && !isKept) refuse(name, 'missing')
    return stored.includes(name) && !isKept ? [[name, '']] : []
  })
  return Object.fromEntries(given)
}

/** Returns the ids with one of them moved up (-1) or down (1). */
export function moveId(ids: readonly string[], id: string, by: -1 | 1): string[] {
  const place = ids.indexOf(id)
  const other = place + by
  const next = [...ids]
  if (place === -1 || other < 0 || other >= ids.length) return next
  next.splice(place, 1)
  next.splice(other, 0, id)
  return next
}
