import type { CommandInput } from '../../../core/agent/contract.ts'
import type { DestinationField } from '../../../core/settings/destination-catalog.ts'
import type { Encryption } from '../../../core/settings/destination-schema.ts'

/** The form's result. A receiver is added by pairing; the form only edits it. */
export type Given = CommandInput<'changeDestination'>['destination']
export type GivenKind = Given['kind']
export type Login = Extract<Given, { kind: 'sftp' }>['login']

/** A destination as edited in the form, with the fields of all kinds. */
export interface Draft {
  name: string
  path: string
  host: string
  port: string
  user: string
  login: Login
  keyFile: string
  /** Only for a receiver, whose fingerprint does not change. */
  fingerprint: string
  /** As confirmed by the user; '' before. */
  hostKey: string
  /** '' for the name of this computer. */
  folder: string
  endpoint: string
  region: string
  bucket: string
  prefix: string
  pathStyle: boolean
  storageClass: string
  /** Days; '' for no lock. */
  lockDays: string
  /** aws: use the credentials of AWS's own tools. */
  credentials: 'own' | 'aws'
  /** Address of a folder at a WebDAV server. */
  url: string
  /** As confirmed by the user; '' if signed by a certificate authority. */
  certificate: string
  encrypt: 'no' | 'newKey' | 'ownKey'
  recipient: string
  /** The user confirmed that the new key is stored elsewhere. */
  isKeyKept: boolean
  hideNames: boolean
  /** Newly typed secrets: stored ones are never shown. */
  secrets: Readonly<Partial<Record<Secret, string>>>
}
export type Secret = 'password' | 'key' | 'passphrase' | 'accessKey' | 'secretKey'
export type Field = Exclude<keyof Draft, 'secrets'> | Secret

/** Why a field is invalid. */
export type Problems = Readonly<Partial<Record<Field, 'missing' | 'invalid'>>>

export function newDraft(): Draft {
  return {
    name: '',
    path: '',
    host: '',
    port: '22',
    user: '',
    login: 'password',
    keyFile: '',
    fingerprint: '',
    hostKey: '',
    folder: '',
    endpoint: '',
    region: 'us-east-1',
    bucket: '',
    prefix: '',
    pathStyle: true,
    storageClass: '',
    lockDays: '',
    credentials: 'own',
    url: '',
    certificate: '',
    encrypt: 'no',
    recipient: '',
    isKeyKept: false,
    hideNames: false,
    secrets: {},
  }
}

export function toEncryption(recipient: string | null): Pick<Draft, 'encrypt' | 'recipient'> {
  return recipient === null ? { encrypt: 'no', recipient: '' } : { encrypt: 'ownKey', recipient }
}

/** Reports a field as missing or invalid. */
export type Refuse = (field: Field, why: 'missing' | 'invalid') => void

type TextField = { [F in keyof Draft]: Draft[F] extends string ? F : never }[keyof Draft]

/** Returns the trimmed text of a field, and refuses it if it is empty or not good. */
export function required(
  draft: Draft,
  field: TextField,
  refuse: Refuse,
  isGood: (value: string) => boolean = () => true,
): string {
  const value = draft[field].trim()
  if (value === '') refuse(field, 'missing')
  else if (!isGood(value)) refuse(field, 'invalid')
  return value
}

export const isAbsolute = (path: string) => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path)
const isPort = (port: string) => /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535
const isFolderName = (name: string) => !/[/\\]/.test(name) && !/^\.+$/.test(name)
export const isEndpoint = (address: string) => /^https?:\/\//i.test(address) && URL.canParse(address)

export const readAddress = (draft: Draft, refuse: Refuse) => ({
  host: required(draft, 'host', refuse, (host) => !/[\s/@]/.test(host)),
  port: Number(required(draft, 'port', refuse, isPort)),
})

export function readFolder(draft: Draft, refuse: Refuse): { folder?: string } {
  const folder = draft.folder.trim()
  if (folder === '') return {}
  if (!isFolderName(folder)) refuse('folder', 'invalid')
  return { folder }
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
  asked: readonly Pick<DestinationField, 'name' | 'isRequired'>[],
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
