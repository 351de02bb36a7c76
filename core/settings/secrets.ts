import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { type Field, getSecretFields, refuseValue } from '../alerts/channels/catalog.ts'
import type { ChannelSettings } from '../alerts/settings.ts'
import { dropError } from '../dropped-errors.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { replaceFile, setFileAside } from '../platform/files.ts'
import { errorText } from '../platform/system-error.ts'
import { toSecretId } from './event-sinks.ts'
import { proxySecrets } from './proxy.ts'
import type { Settings } from './schema.ts'
import { lastSetAside, parseJson, type WhenBroken } from './settings-store.ts'

/** Encrypts and decrypts secrets; null: not possible. */
export interface Seal {
  seal(secret: string): string | null
  open(sealed: string): string | null
}

/** plain: the secret itself; sealed: the secret encrypted by the desktop's keyring. */
const valueSchema = z.union([z.object({ plain: z.string() }), z.object({ sealed: z.string() })])
const storedSchema = z.record(z.string(), z.record(z.string(), valueSchema))
const fileSchema = z.object({ version: z.literal(2), owners: storedSchema })
type Stored = z.infer<typeof storedSchema>

export type Secrets = Record<string, Record<string, string>>

/** Owner of secrets: a channel, a destination, a watched computer, a sink of events or the proxy. */
export interface SecretOwner {
  id: string
  /** Its type, for messages. */
  type: string
  fields: readonly Pick<Field, 'name' | 'kind' | 'required'>[]
}

/** Returns the ids of all owners of secrets. */
export const secretOwners = ({ alerts, destinations, computers, events }: Settings): ReadonlySet<string> =>
  new Set([
    ...[...alerts.channels, ...destinations, ...computers].map(({ id }) => id),
    ...events.sinks.map(({ id }) => toSecretId(id)),
    proxySecrets.id,
  ])

export function secretsOfChannel({
  id,
  type,
  options,
}: Pick<ChannelSettings, 'id' | 'type' | 'options'>): SecretOwner {
  return { id, type, fields: getSecretFields(type, options) }
}

/** The secrets of channels, destinations, watched computers and sinks, in a file readable by this user only. */
export interface SecretStore {
  /** Set if the file was unusable and set aside, and no secret was entered since; otherwise null. */
  readonly notice: Message | null
  /** Secrets by owner id and field name. Secrets that cannot be decrypted here are omitted. */
  get(): Secrets
  /** Ids of owners with secrets that cannot be decrypted here. */
  unreadable(): string[]
  /**
   * Changes the secrets of an owner. An empty value removes a secret; an omitted one leaves it unchanged.
   * @throws UserError alert.secretUnknown, alert.secretMissing, alert.secretInvalid, alert.secretsNotKept
   */
  set(owner: SecretOwner, changes: Readonly<Record<string, string>>): Promise<void>
  /** Removes the secrets of all owners except these. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>
}

/**
 * Opens the secrets of a data directory.
 * @param seal null: only the file's mode protects them.
 * @param whenBroken as for the settings file.
 * @throws UserError secrets.unreadable; secrets.broken if the file may not or cannot be set aside
 */
export function openSecrets(
  dataDirectory: string,
  seal: Seal | null,
  whenBroken: WhenBroken = 'refuse',
): SecretStore {
  const file = path.join(dataDirectory, 'secrets.json')
  const found = readSecrets(file, whenBroken)
  let { stored } = found
  /** Cached, because decryption may be slow and secrets are read often. */
  let known: { secrets: Secrets; unreadable: string[] } | null = null
  const write = async (next: Stored) => {
    try {
      await replaceFile(file, `${JSON.stringify({ version: 2, owners: next }, null, 2)}\n`)
    } catch (error) {
      throw new UserError('alert.secretsNotKept', { file, reason: errorText(error) }, { cause: error })
    }
    stored = next
    known = null
  }
  const decrypt = (value: z.infer<typeof valueSchema>) =>
    'plain' in value ? value.plain : (seal?.open(value.sealed) ?? null)
  const encrypt = (secret: string) => {
    const sealed = seal?.seal(secret) ?? null
    return sealed === null ? { plain: secret } : { sealed }
  }
  const decryptAll = () => {
    const secrets: Secrets = {}
    const unreadable: string[] = []
    for (const [id, owned] of Object.entries(stored)) {
      const values = Object.entries(owned).map(([name, value]) => [name, decrypt(value)] as const)
      if (values.some(([, secret]) => secret === null)) unreadable.push(id)
      secrets[id] = Object.fromEntries(values.flatMap(([name, one]) => (one === null ? [] : [[name, one]])))
    }
    return { secrets, unreadable }
  }
  const getKnown = () => {
    known ??= decryptAll()
    return known
  }
  return {
    notice: found.notice,
    get: () => getKnown().secrets,
    unreadable: () => getKnown().unreadable,
    async set(owner, changes) {
      const { id } = owner
      const next: Stored[string] = {}
      for (const [name, secret] of Object.entries(mergeSecrets(owner, stored[id] ?? {}, changes)))
        next[name] = typeof secret === 'string' ? encrypt(secret) : secret
      if (Object.keys(next).length > 0 || id in stored) await write({ ...stored, [id]: next })
    },
    async keepOnly(ids) {
      const next = Object.fromEntries(Object.entries(stored).filter(([id]) => ids.has(id)))
      if (Object.keys(next).length < Object.keys(stored).length) await write(next)
    },
  }
}

/**
 * Merges changes into an owner's secrets. New values are not sealed yet.
 * @throws UserError alert.secretUnknown, alert.secretMissing, alert.secretInvalid
 */
function mergeSecrets(
  { type, fields }: SecretOwner,
  before: Stored[string],
  changes: Readonly<Record<string, string>>,
): Record<string, Stored[string][string] | string> {
  const unknown = Object.keys(changes).find((name) => !fields.some((field) => field.name === name))
  if (unknown !== undefined) throw new UserError('alert.secretUnknown', { type, field: unknown })
  const next: ReturnType<typeof mergeSecrets> = {}
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

/** Reads the file. An unusable one is set aside, never deleted. Messages omit its text, which may contain a secret. */
function readSecrets(file: string, whenBroken: WhenBroken): { stored: Stored; notice: Message | null } {
  let text: string | null
  let before: string | null
  try {
    text = existsSync(file) ? readFileSync(file, 'utf8') : null
    before = text === null && existsSync(path.dirname(file)) ? lastSetAside(file) : null
  } catch (error) {
    throw new UserError('secrets.unreadable', { file, reason: errorText(error) }, { cause: error })
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
  try {
    return { stored: {}, notice: message('secrets.setAside', { file, aside: setFileAside(file) }) }
  } catch (error) {
    throw new UserError('secrets.broken', { file }, { cause: error })
  }
}

/**
 * Generates an age key pair: data encrypted for the recipient ("age1…") can be decrypted with the identity
 * ("AGE-SECRET-KEY-1…") only. The key pair is not stored.
 */
export async function newEncryptionKey(): Promise<{ recipient: string; identity: string }> {
  // Loaded on demand, because few users ever generate a key.
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  return { recipient: await identityToRecipient(identity), identity }
}
