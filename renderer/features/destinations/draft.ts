import type { CommandInput } from '../../../core/agent/contract.ts'
import {
  getDestinationSecrets,
  isPlainAddress,
  isPrivateAddress,
} from '../../../core/settings/destination-catalog.ts'
import type { Destination, Encryption } from '../../../core/settings/destination-schema.ts'
import { readSftpTarget } from '../../../core/settings/sftp-target.ts'

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

/** @param stored names of the destination's stored secrets */
export function toDraft(destination: Destination, stored: readonly string[]): Draft {
  const fresh = newDraft()
  switch (destination.kind) {
    case 'receiver': {
      const { port, kind: _kind, id: _id, ...same } = destination
      return { ...fresh, ...same, port: String(port) }
    }
    case 'folder':
      return {
        ...fresh,
        name: destination.name,
        path: destination.path,
        hideNames: destination.hideNames,
        ...toEncryption(destination.recipient),
      }
    case 'sftp': {
      const { port, keyFile, recipient, kind: _kind, id: _id, ...same } = destination
      return { ...fresh, ...same, port: String(port), keyFile: keyFile ?? '', ...toEncryption(recipient) }
    }
    case 's3': {
      const { storageClass, certificate, recipient, kind: _kind, id: _id, ...same } = destination
      const credentials = stored.includes('accessKey') ? 'own' : 'aws'
      return {
        ...fresh,
        ...same,
        credentials,
        storageClass: storageClass ?? '',
        certificate: certificate ?? '',
        ...toEncryption(recipient),
      }
    }
    case 'webdav': {
      const { certificate, recipient, kind: _kind, id: _id, ...same } = destination
      return { ...fresh, ...same, certificate: certificate ?? '', ...toEncryption(recipient) }
    }
  }
}

function toEncryption(recipient: string | null): Pick<Draft, 'encrypt' | 'recipient'> {
  return recipient === null ? { encrypt: 'no', recipient: '' } : { encrypt: 'ownKey', recipient }
}

/**
 * Splits an SFTP address that was typed or pasted into the host field; null if it is a host alone, or not an SFTP
 * address.
 */
export function splitAddress(text: string): Partial<Draft> | null {
  const target = readSftpTarget(text)
  if (target === null || (target.host === text.trim() && !/[[\]]/.test(text))) return null
  const { host, user, port, path } = target
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: String(port) }),
    ...(path === undefined ? {} : { path }),
  }
}

/** Splits a bucket and a prefix that were typed into the bucket field; null if it is a bucket alone. */
export function splitBucket({ bucket, prefix }: Draft): Pick<Draft, 'bucket' | 'prefix'> | null {
  const [first = '', ...rest] = bucket
    .trim()
    .replace(/^s3:\/\//i, '')
    .split('/')
  if (first === bucket.trim()) return null
  return {
    bucket: first,
    prefix: [...rest, ...prefix.trim().split('/')].filter((part) => part !== '').join('/'),
  }
}

type Refuse = (field: Field, why: 'missing' | 'invalid') => void

/** Converts the draft to a destination of one kind; invalid fields are passed to `refuse`. */
const readers: Record<GivenKind, (draft: Draft, refuse: Refuse) => Given> = {
  receiver: (draft, refuse) => ({
    kind: 'receiver',
    name: draft.name,
    ...readAddress(draft, refuse),
    fingerprint: draft.fingerprint,
  }),
  folder: (draft, refuse) => ({
    kind: 'folder',
    name: draft.name,
    path: required(draft, 'path', refuse, isAbsolute),
    ...readEncryption(draft, refuse),
  }),
  sftp: (draft, refuse) => ({
    kind: 'sftp',
    name: draft.name,
    ...readAddress(draft, refuse),
    user: required(draft, 'user', refuse),
    login: draft.login,
    keyFile: draft.login === 'file' ? required(draft, 'keyFile', refuse, isAbsolute) : null,
    hostKey: draft.hostKey,
    path: draft.path.trim(),
    ...readFolder(draft, refuse),
    ...readEncryption(draft, refuse),
  }),
  s3: (draft, refuse) => ({
    kind: 's3',
    name: draft.name,
    endpoint: required(draft, 'endpoint', refuse, isEndpoint).replace(/\/+$/, ''),
    region: required(draft, 'region', refuse),
    bucket: required(draft, 'bucket', refuse, (bucket) => !/[\s/]/.test(bucket)),
    prefix: draft.prefix.trim().replace(/^\/+|\/+$/g, ''),
    pathStyle: draft.pathStyle,
    storageClass: draft.storageClass.trim() || null,
    certificate: draft.certificate || null,
    ...readFolder(draft, refuse),
    ...readEncryption(draft, refuse),
  }),
  webdav: (draft, refuse) => ({
    kind: 'webdav',
    name: draft.name,
    url: required(draft, 'url', refuse, isWebdavAddress).replace(/\/+$/, ''),
    user: required(draft, 'user', refuse, (user) => !user.includes(':')),
    certificate: draft.certificate || null,
    ...readFolder(draft, refuse),
    ...readEncryption(draft, refuse),
  }),
}

type TextField = { [F in keyof Draft]: Draft[F] extends string ? F : never }[keyof Draft]

function required(
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

const isAbsolute = (path: string) => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path)
const isPort = (port: string) => /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535
const isFolderName = (name: string) => !/[/\\]/.test(name) && !/^\.+$/.test(name)
const isWebdavAddress = (address: string) =>
  isEndpoint(address) && isPlainAddress(address) && isPrivateAddress(address)
const isEndpoint = (address: string) => /^https?:\/\//i.test(address) && URL.canParse(address)

const readAddress = (draft: Draft, refuse: Refuse) => ({
  host: required(draft, 'host', refuse, (host) => !/[\s/@]/.test(host)),
  port: Number(required(draft, 'port', refuse, isPort)),
})

function readFolder(draft: Draft, refuse: Refuse): { folder?: string } {
  const folder = draft.folder.trim()
  if (folder === '') return {}
  if (!isFolderName(folder)) refuse('folder', 'invalid')
  return { folder }
}

function readEncryption({ encrypt, recipient, isKeyKept, hideNames }: Draft, refuse: Refuse): Encryption {
  if (encrypt === 'no') return { recipient: null, hideNames: false }
  const value = recipient.trim()
  if (value === '') refuse('recipient', 'missing')
  else if (!/^age1[0-9a-z]{10,100}$/.test(value)) refuse('recipient', 'invalid')
  if (encrypt === 'newKey' && !isKeyKept) refuse('isKeyKept', 'missing')
  return { recipient: value, hideNames }
}

/** Returns the secrets that the form asks for. Without AWS's own tools a bucket needs its keys. */
function listSecrets(
  kind: GivenKind,
  { login, credentials }: Draft,
): { name: Secret; isRequired: boolean }[] {
  if (kind === 's3' && credentials === 'aws') return []
  return getDestinationSecrets(kind, login).map(({ name, isRequired }) => ({
    name: name as Secret,
    isRequired: isRequired === true || kind === 's3',
  }))
}

export interface ReadDraft {
  /** null while a field is missing or invalid. */
  given: { destination: Given; secrets: Record<string, string> } | null
  problems: Problems
}

/**
 * Returns the form's values for the agent, or its problems. A stored secret that was not retyped is left out; an empty
 * one deletes the stored secret.
 *
 * @param stored names of the destination's stored secrets
 */
export function readDraft(kind: GivenKind, typed: Draft, stored: readonly string[]): ReadDraft {
  const draft = kind === 'sftp' ? { ...typed, ...splitAddress(typed.host) } : typed
  const problems: Partial<Record<Field, 'missing' | 'invalid'>> = {}
  const refuse: Refuse = (field, why) => {
    problems[field] = why
  }
  const name = draft.name.trim() || usualName(kind, draft)
  const destination = readers[kind]({ ...draft, name }, refuse)
  const asked = listSecrets(kind, draft)
  const secrets: Record<string, string> = {}
  for (const { name: secret, isRequired } of asked) {
    // Not trimmed: a private key ends with a line break, and a password may contain spaces.
    const typed = draft.secrets[secret] ?? ''
    if (typed !== '') secrets[secret] = kind === 's3' ? typed.trim() : typed
    else if (isRequired && !stored.includes(secret)) refuse(secret, 'missing')
  }
  if (secrets.key !== undefined && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(secrets.key))
    refuse('key', 'invalid')
  // A bucket's keys are optional: deleting them makes the agent use the credentials of AWS's own tools.
  if (kind === 's3' && asked.length === 0) for (const kept of stored) secrets[kept] = ''
  // The stored passphrase belongs to the former key.
  if (secrets.key !== undefined && stored.includes('passphrase')) secrets.passphrase ??= ''
  return { given: Object.keys(problems).length === 0 ? { destination, secrets } : null, problems }
}

/** Returns the default name: the last part of the address. */
export function usualName(kind: GivenKind, { path, host, bucket, url }: Draft): string {
  if (kind === 'sftp' || kind === 'receiver') return host.trim()
  if (kind === 's3') return bucket.trim()
  if (kind === 'webdav') return URL.parse(url.trim())?.hostname ?? ''
  return path.trim().split(/[\\/]/).filter(Boolean).at(-1) ?? ''
}
