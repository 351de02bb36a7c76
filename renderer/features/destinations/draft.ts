import type { CommandInput } from '../../../core/agent/contract.ts'
import type { Destination, Encryption } from '../../../core/settings/destination-schema.ts'
import { readSftpTarget } from '../../../core/settings/sftp-target.ts'

/** What a form gives; a receiver is paired with, and then changed by one. */
export type Given = CommandInput<'changeDestination'>['destination']
export type GivenKind = Given['kind']
export type Login = Extract<Given, { kind: 'sftp' }>['login']

/** A destination as it stands in the form: all that is typed, whatever its kind. */
export interface Draft {
  name: string
  path: string
  host: string
  port: string
  user: string
  login: Login
  keyFile: string
  /** Of a receiver, which keeps it. */
  fingerprint: string
  /** As confirmed by the person; '' before. */
  hostKey: string
  /** '': as this computer is called. */
  folder: string
  endpoint: string
  region: string
  bucket: string
  prefix: string
  pathStyle: boolean
  storageClass: string
  /** aws: what AWS's own tools use. */
  credentials: 'own' | 'aws'
  /** As confirmed by the person; '' where an authority has signed it. */
  certificate: string
  encrypt: 'no' | 'newKey' | 'ownKey'
  recipient: string
  /** The person says that the new key is kept elsewhere. */
  isKeyKept: boolean
  hideNames: boolean
  /** What was typed anew: nobody is shown what is stored. */
  secrets: Readonly<Partial<Record<Secret, string>>>
}
export type Secret = 'password' | 'key' | 'passphrase' | 'accessKey' | 'secretKey'
export type Field = Exclude<keyof Draft, 'secrets'> | Secret

/** Why a field cannot be used. */
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
    certificate: '',
    encrypt: 'no',
    recipient: '',
    isKeyKept: false,
    hideNames: false,
    secrets: {},
  }
}

/** @param stored names of the secrets that are kept for it */
export function draftOf(destination: Destination, stored: readonly string[]): Draft {
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
        ...encryptionOf(destination.recipient),
      }
    case 'sftp': {
      const { port, keyFile, recipient, kind: _kind, id: _id, ...same } = destination
      return { ...fresh, ...same, port: String(port), keyFile: keyFile ?? '', ...encryptionOf(recipient) }
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
        ...encryptionOf(recipient),
      }
    }
  }
}

function encryptionOf(recipient: string | null): Pick<Draft, 'encrypt' | 'recipient'> {
  return recipient === null ? { encrypt: 'no', recipient: '' } : { encrypt: 'ownKey', recipient }
}

/**
 * Splits an SFTP address that was typed or pasted as the host into the form's fields; null: it is a host alone, or nothing that
 * can be read.
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

/** A bucket and a folder in it that were typed as the bucket; null: it is a bucket alone. */
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

/** What was typed of one kind as a destination; what is wrong with it is told to `refuse`. */
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

/** The secrets that the form asks for, and whether it cannot do without. */
function secretsOf(
  kind: GivenKind,
  { login, credentials }: Draft,
): readonly [Secret, 'required' | 'optional'][] {
  if (kind === 's3')
    return credentials === 'own'
      ? [
          ['accessKey', 'required'],
          ['secretKey', 'required'],
        ]
      : []
  if (kind !== 'sftp' || login === 'agent') return []
  if (login === 'password') return [['password', 'required']]
  const passphrase: [Secret, 'optional'] = ['passphrase', 'optional']
  return login === 'key' ? [['key', 'required'], passphrase] : [passphrase]
}

export interface ReadDraft {
  /** null while something is missing or wrong. */
  given: { destination: Given; secrets: Record<string, string> } | null
  problems: Problems
}

/**
 * What the form gives to the agent, or what is wrong with it. A secret that is kept and was not typed anew is left out;
 * an empty one is taken away.
 *
 * @param stored names of the secrets that are kept for it
 */
export function readDraft(kind: GivenKind, typed: Draft, stored: readonly string[]): ReadDraft {
  const draft = kind === 'sftp' ? { ...typed, ...splitAddress(typed.host) } : typed
  const problems: Partial<Record<Field, 'missing' | 'invalid'>> = {}
  const refuse: Refuse = (field, why) => {
    problems[field] = why
  }
  const name = draft.name.trim() || usualName(kind, draft)
  const destination = readers[kind]({ ...draft, name }, refuse)
  const asked = secretsOf(kind, draft)
  const secrets: Record<string, string> = {}
  for (const [secret, need] of asked) {
    // A private key ends with a line end, and a password may have blanks.
    const typed = draft.secrets[secret] ?? ''
    if (typed !== '') secrets[secret] = kind === 's3' ? typed.trim() : typed
    else if (need === 'required' && !stored.includes(secret)) refuse(secret, 'missing')
  }
  if (secrets.key !== undefined && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(secrets.key))
    refuse('key', 'invalid')
  // A bucket's keys are optional: only this tells that AWS's own files are meant now.
  if (kind === 's3' && asked.length === 0) for (const kept of stored) secrets[kept] = ''
  // The passphrase was that of the key before.
  if (secrets.key !== undefined && stored.includes('passphrase')) secrets.passphrase ??= ''
  return { given: Object.keys(problems).length === 0 ? { destination, secrets } : null, problems }
}

/** What it is called before the person says: the last part of where it is. */
export function usualName(kind: GivenKind, { path, host, bucket }: Draft): string {
  if (kind === 'sftp' || kind === 'receiver') return host.trim()
  if (kind === 's3') return bucket.trim()
  return path.trim().split(/[\\/]/).filter(Boolean).at(-1) ?? ''
}
