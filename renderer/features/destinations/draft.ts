import type { CommandInput } from '../../../core/agent/contract.ts'
import { cleanTyped, isGoodTyped, type PlainField, type SecretField } from '../../../core/backends/fields.ts'
import {
  type DestinationKind,
  destinationKinds,
  type FieldsOf,
  getKind,
  hasLogin,
} from '../../../core/backends/kinds.ts'
import type { Encryption } from '../../../core/settings/destination-schema.ts'

/** The form's result. A receiver is added by pairing; the form only edits it. */
export type Given = CommandInput<'changeDestination'>['destination']
export type Login = Extract<Given, { kind: 'sftp' }>['login']

type AnyField = FieldsOf<DestinationKind>
type Typed<F> = F extends { type: 'switch' }
  ? boolean
  : F extends { choices: readonly (infer C)[] }
    ? C
    : string
/** The fields of all kinds as edited: texts, choices and switches. "" stands for null, or for nothing yet. */
type Values = { [F in Exclude<AnyField, { type: 'secret' }> as F['name']]: Typed<F> }

/** A destination as edited in the form, with the fields of all kinds. */
export interface Draft extends Values {
  name: string
  /** aws: use the credentials of AWS's own tools. */
  credentials: 'own' | 'aws'
  encrypt: 'no' | 'newKey' | 'ownKey'
  recipient: string
  /** The user confirmed that the new key is stored elsewhere. */
  isKeyKept: boolean
  hideNames: boolean
  /** Newly typed secrets: stored ones are never shown. */
  secrets: Readonly<Partial<Record<Secret, string>>>
}
export type Secret = Extract<AnyField, { type: 'secret' }>['name']
export type Field = Exclude<keyof Draft, 'secrets'> | Secret

/** Why a field is invalid. */
export type Problems = Readonly<Partial<Record<Field, 'missing' | 'invalid'>>>

export const toTyped = (value: unknown): string | boolean =>
  typeof value === 'boolean' ? value : String(value ?? '')

export function newDraft(): Draft {
  const values: Record<string, string | boolean> = {}
  // A field of several kinds has the default that one of them has.
  for (const field of destinationKinds.flatMap((kind) => getKind(kind).fields))
    values[field.name] ||= toTyped('default' in field ? field.default : '')
  return {
    ...(values as Values),
    name: '',
    credentials: 'own',
    encrypt: 'no',
    recipient: '',
    isKeyKept: false,
    hideNames: false,
    secrets: {},
  }
}

export function toEncryption({
  recipient,
  hideNames,
}: Encryption): Pick<Draft, 'encrypt' | 'recipient' | 'hideNames'> {
  return { encrypt: recipient === null ? 'no' : 'ownKey', recipient: recipient ?? '', hideNames }
}

/** Reports a field as missing or invalid. */
export type Refuse = (field: Field, why: 'missing' | 'invalid') => void

/** Returns the value of a typed field for the settings; undefined leaves it out. */
export function readField(field: PlainField, draft: Draft, refuse: Refuse): unknown {
  const name = field.name as Exclude<keyof Values, 'pathStyle'>
  const typed: string | boolean = draft[name]
  if (typeof typed === 'boolean') return typed
  const usual = 'default' in field ? field.default : undefined
  if (!hasLogin(field, draft.login)) return usual
  const text = cleanTyped(field, typed)
  if (text !== '') {
    if (!isGoodTyped(field, text)) refuse(name, 'invalid')
    return field.type === 'port' || field.type === 'days' ? Number(text) : text
  }
  if (field.type === 'own-folder') return undefined
  // A way to log in needs the fields that are for it alone.
  if (field.isPresented !== true && (field.logins !== undefined || !(usual === null || usual === '')))
    refuse(name, 'missing')
  return usual === undefined ? '' : usual
}

export function readEncryption(
  { encrypt, recipient, isKeyKept, hideNames }: Draft,
  refuse: Refuse,
): Encryption {
  if (encrypt === 'no') return { recipient: null, hideNames: false }
  const value = recipient.trim()
  if (value === '') refuse('recipient', 'missing')
  else if (!/^age1[0-9a-z]{10,100}$/.test(value)) refuse('recipient', 'invalid')
  if (encrypt === 'newKey' && !isKeyKept) refuse('isKeyKept', 'missing')
  return { recipient: value, hideNames }
}

/**
 * Returns the typed secrets. A stored secret that was not retyped is left out; an empty one deletes the stored secret.
 * @param asked the secrets that the form asks for
 * @param stored names of the destination's stored secrets
 */
export function readSecrets(
  asked: readonly Pick<SecretField, 'name' | 'isRequired'>[],
  draft: Draft,
  stored: readonly string[],
  refuse: Refuse,
): Record<string, string> {
  const secrets: Record<string, string> = {}
  for (const { name, isRequired } of asked) {
    const secret = name as Secret
    // Not trimmed: a private key ends with a line break, and a password may contain spaces.
    const typed = draft.secrets[secret] ?? ''
    if (typed !== '') secrets[secret] = typed
    else if (isRequired === true && !stored.includes(secret)) refuse(secret, 'missing')
  }
  return secrets
}
