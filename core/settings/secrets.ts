import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { getFields, getPlace, getSecretFields, refuseValue } from '../alerts/channels/catalog.ts'
import { type ChannelSettings, getOptions } from '../alerts/settings.ts'
import { dropError } from '../dropped-errors.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { replaceFileSync, setFileAside } from '../platform/files.ts'
import { errorText } from '../platform/system-error.ts'
import { secretsOfComputer } from './computers.ts'
import { secretsOfDestination } from './destinations.ts'
import { secretsOfSink } from './event-sinks.ts'
import { secretsOfProxy } from './proxy.ts'
import type { Settings, ShownSettings } from './schema.ts'
import type { SecretOwner, Secrets } from './secret-owner.ts'
import { lastSetAside, parseJson, type SettingsStore, type WhenBroken } from './settings-store.ts'

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

/** Values that a person enters for the secrets of an owner. Empty: the secret is removed; omitted: it stays. */
export interface EnteredSecrets {
  /** The owner. */
  id: string
  values: Readonly<Record<string, string>>
}

/** Returns all owners of secrets by their ids. Entries of several lists with one id share its secrets: all are its place. */
export function secretOwners({
  alerts,
  destinations,
  computers,
  events,
  proxy,
}: ShownSettings): ReadonlyMap<string, SecretOwner> {
  const owners = [
    ...destinations.map(secretsOfDestination),
    ...alerts.channels.map(secretsOfChannel),
    ...computers.map(secretsOfComputer),
    ...events.sinks.map(secretsOfSink),
    secretsOfProxy(proxy),
  ]
  const byId = new Map<string, SecretOwner>()
  for (const owner of owners) {
    const same = byId.get(owner.id)
    byId.set(owner.id, same === undefined ? owner : { ...owner, place: `${same.place} ${owner.place}` })
  }
  return byId
}

function secretsOfChannel({ id, name, type, options }: ChannelSettings): SecretOwner {
  const place = getPlace(type, getFields(type), getOptions({ type, options }))
  return { id, name, type, place, fields: getSecretFields(type, options) }
}

/** True if the stored secrets of an owner stay: the settings have it, for the same place. */
export const staysAtPlace = (
  settings: ShownSettings,
  { id, place }: Pick<SecretOwner, 'id' | 'place'>,
): boolean => secretOwners(settings).get(id)?.place === place

/**
 * Saves changed settings. This is the only way to change them: the secrets of an owner that is gone, or whose place
 * changes, are forgotten before, so that they never go to another server.
 * @throws UserError of the update; settings.refused, settings.cannotWrite; and as SecretStore.follow
 */
export function saveSettings(
  settings: Pick<SettingsStore, 'get' | 'set' | 'tryWriting'>,
  secrets: Pick<SecretStore, 'follow'>,
  update: (settings: Settings) => Settings,
  entered: EnteredSecrets | null = null,
): { before: Settings; next: Settings } {
  const before = settings.get()
  const next = update(before)
  const write = secrets.follow(before, next, entered)
  if (write !== null) {
    // Secrets must not be forgotten for settings that cannot be saved.
    settings.tryWriting(next)
    write()
  }
  settings.set(next)
  return { before, next }
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
   * Returns what writes the secrets that stay from `before` to `next`, and the entered ones; null: they are unchanged.
   * The returned function throws UserError alert.secretsNotKept.
   * @throws UserError alert.secretUnknown, alert.secretMissing, alert.secretMoved, alert.secretInvalid
   */
  follow(before: Settings, next: Settings, entered: EnteredSecrets | null): (() => void) | null
}

export const getSecretsFile = (dataDirectory: string): string => path.join(dataDirectory, 'secrets.json')

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
  const file = getSecretsFile(dataDirectory)
  const found = readSecrets(file, whenBroken)
  let { stored } = found
  /** Cached, because decryption may be slow and secrets are read often. */
  let known: { secrets: Secrets; unreadable: string[] } | null = null
  const write = (next: Stored) => {
    try {
      replaceFileSync(file, `${JSON.stringify({ version: 2, owners: next }, null, 2)}\n`)
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
    follow(before, next, entered) {
      const owners = secretOwners(next)
      const were = secretOwners(before)
      // Those of an unknown owner stay, too: its settings may have been set aside, and may come back.
      const staying = Object.entries(stored).filter(([id]) => owners.get(id)?.place === were.get(id)?.place)
      const kept: Stored = Object.fromEntries(staying)
      const owner = entered === null ? undefined : owners.get(entered.id)
      if (entered !== null && owner !== undefined) {
        const { id } = owner
        const merged = Object.entries(
          mergeSecrets(owner, kept[id] ?? {}, entered.values, id in stored && !(id in kept)),
        )
        const sealed = merged.map(
          ([name, one]) => [name, typeof one === 'string' ? encrypt(one) : one] as const,
        )
        if (sealed.length > 0) kept[id] = Object.fromEntries(sealed)
        else delete kept[id]
      }
      return JSON.stringify(kept) === JSON.stringify(stored) ? null : () => write(kept)
    },
  }
}

/**
 * Merges changes into an owner's secrets. New values are not sealed yet.
 * @param isMoved true if others are stored, for another place
 * @throws UserError alert.secretUnknown, alert.secretMissing, alert.secretMoved, alert.secretInvalid
 */
function mergeSecrets(
  { type, fields }: SecretOwner,
  before: Stored[string],
  changes: Readonly<Record<string, string>>,
  isMoved: boolean,
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
    if (why !== null) throw refuseSecret(why, name, given === undefined && isMoved)
    if (given !== undefined && given !== '') next[name] = given
  }
  return next
}

/** @param isMoved true if a secret is stored for another place */
export const refuseSecret = (why: 'missing' | 'invalid', field: string, isMoved: boolean): UserError => {
  if (why === 'invalid') return new UserError('alert.secretInvalid', { field })
  return new UserError(isMoved ? 'alert.secretMoved' : 'alert.secretMissing', { field })
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
