import { existsSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { type Field, refuseValue, secretFieldsOf } from '../alerts/channels/catalog.ts'
import type { ChannelSettings } from '../alerts/settings.ts'
import { dropError } from '../dropped-errors.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { freeName } from '../platform/move-to-free.ts'
import { replaceFile } from '../platform/replace-file.ts'
import { errorText } from '../platform/system-error.ts'
import { lastSetAside, parseJson, type WhenBroken } from './read.ts'
import type { Settings } from './schema.ts'

/** Seals what is written and opens what is read; null: it cannot. */
export interface Seal {
  seal(secret: string): string | null
  open(sealed: string): string | null
}

/** plain: as it is; sealed: what the desktop's keyring has made of it. */
const valueSchema = z.union([z.object({ plain: z.string() }), z.object({ sealed: z.string() })])
const storedSchema = z.record(z.string(), z.record(z.string(), valueSchema))
const fileSchema = z.object({ version: z.literal(2), owners: storedSchema })
type Stored = z.infer<typeof storedSchema>

export type Secrets = Record<string, Record<string, string>>

/** Who has secrets: a channel or a destination. */
export interface SecretOwner {
  id: string
  /** What it is, for what people are told. */
  type: string
  fields: readonly Pick<Field, 'name' | 'kind' | 'required'>[]
}

/** The ids of all that have secrets. */
export const secretOwners = ({ alerts, destinations }: Settings): ReadonlySet<string> =>
  new Set([...alerts.channels, ...destinations].map(({ id }) => id))

export function secretsOfChannel({
  id,
  type,
  options,
}: Pick<ChannelSettings, 'id' | 'type' | 'options'>): SecretOwner {
  return { id, type, fields: secretFieldsOf(type, options) }
}

/** The secrets of channels and destinations, in a file that this user alone may read. */
export interface SecretStore {
  /** The file was unusable and is kept under another name, and no secret was entered since; null: it was not. */
  readonly notice: Message | null
  /** By the owners' ids and the names of their fields. What cannot be opened here is left out. */
  get(): Secrets
  /** Ids of owners that have secrets which cannot be opened here. */
  unreadable(): string[]
  /**
   * An empty value is taken away, one that is left out stays.
   * @throws UserError alert.secretUnknown, alert.secretMissing, alert.secretInvalid, alert.secretsNotKept
   */
  set(owner: SecretOwner, changes: Readonly<Record<string, string>>): Promise<void>
  /** Forgets all owners but these. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>
}

/**
 * @param seal null: the file's mode alone protects them.
 * @param whenBroken as of the settings file.
 * @throws UserError secrets.unreadable; secrets.broken where the file is not to be set aside, or cannot be
 */
export function openSecrets(
  dataDirectory: string,
  seal: Seal | null,
  whenBroken: WhenBroken = 'refuse',
): SecretStore {
  const file = path.join(dataDirectory, 'secrets.json')
  const found = read(file, whenBroken)
  let { stored } = found
  /** Opening may be slow, and is asked for all the time. */
  let known: { secrets: Secrets; unreadable: string[] } | null = null
  const write = async (next: Stored) => {
    try {
      await replaceFile(file, `${JSON.stringify({ version: 2, owners: next }, null, 2)}\n`)
    } catch (thrown) {
      throw new UserError('alert.secretsNotKept', { file, reason: errorText(thrown) }, { cause: thrown })
    }
    stored = next
    known = null
  }
  const opened = (value: z.infer<typeof valueSchema>) =>
    'plain' in value ? value.plain : (seal?.open(value.sealed) ?? null)
  const sealed = (secret: string) => {
    const made = seal?.seal(secret) ?? null
    return made === null ? { plain: secret } : { sealed: made }
  }
  const open = () => {
    const secrets: Secrets = {}
    const unreadable: string[] = []
    for (const [id, values] of Object.entries(stored)) {
      const opening = Object.entries(values).map(([name, value]) => [name, opened(value)] as const)
      if (opening.some(([, secret]) => secret === null)) unreadable.push(id)
      secrets[id] = Object.fromEntries(opening.flatMap(([name, one]) => (one === null ? [] : [[name, one]])))
    }
    return { secrets, unreadable }
  }
  const opening = () => {
    known ??= open()
    return known
  }
  return {
    notice: found.notice,
    get: () => opening().secrets,
    unreadable: () => opening().unreadable,
    async set(owner, changes) {
      const { id } = owner
      const next: Stored[string] = {}
      for (const [name, secret] of Object.entries(merged(owner, stored[id] ?? {}, changes)))
        next[name] = typeof secret === 'string' ? sealed(secret) : secret
      if (Object.keys(next).length > 0 || id in stored) await write({ ...stored, [id]: next })
    },
    async keepOnly(ids) {
      const next = Object.fromEntries(Object.entries(stored).filter(([id]) => ids.has(id)))
      if (Object.keys(next).length < Object.keys(stored).length) await write(next)
    },
  }
}

/**
 * What an owner has after a change; given ones are still to be sealed.
 * @throws UserError alert.secretUnknown, alert.secretMissing, alert.secretInvalid
 */
function merged(
  { type, fields }: SecretOwner,
  before: Stored[string],
  changes: Readonly<Record<string, string>>,
): Record<string, Stored[string][string] | string> {
  const unknown = Object.keys(changes).find((name) => !fields.some((field) => field.name === name))
  if (unknown !== undefined) throw new UserError('alert.secretUnknown', { type, field: unknown })
  const next: ReturnType<typeof merged> = {}
  for (const field of fields) {
    const { name } = field
    const given = changes[name]?.trim()
    const kept = before[name]
    if (given === undefined && kept !== undefined) {
      next[name] = kept
      continue
    }
    const why = refuseValue(field, given ?? '')
    if (why !== null)
      throw new UserError(why === 'missing' ? 'alert.secretMissing' : 'alert.secretInvalid', { field: name })
    if (given !== undefined && given !== '') next[name] = given
  }
  return next
}

/** An unusable file is set aside, never erased. Its text is in no sentence, as it may hold a secret. */
function read(file: string, whenBroken: WhenBroken): { stored: Stored; notice: Message | null } {
  let text: string | null
  let before: string | null
  try {
    text = existsSync(file) ? readFileSync(file, 'utf8') : null
    before = text === null && existsSync(path.dirname(file)) ? lastSetAside(file) : null
  } catch (thrown) {
    throw new UserError('secrets.unreadable', { file, reason: errorText(thrown) }, { cause: thrown })
  }
  if (text === null)
    return {
      stored: {},
      notice: before === null ? null : message('secrets.setAside', { file, aside: before }),
    }
  try {
    return { stored: fileSchema.parse(parseJson(text)).owners, notice: null }
  } catch (error) {
    dropError(error, 'the message of the error may quote a secret')
    if (whenBroken === 'refuse') throw new UserError('secrets.broken', { file })
  }
  const aside = freeName(file, 'set-aside')
  try {
    renameSync(file, aside)
  } catch (thrown) {
    throw new UserError('secrets.broken', { file }, { cause: thrown })
  }
  return { stored: {}, notice: message('secrets.setAside', { file, aside }) }
}
