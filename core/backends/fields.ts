// The fields of destinations as data: the settings' schema, the options of the command line and the forms of the window
// are made of them. Pure, and without zod: the window loads this at its start.

interface FieldBase {
  name: string
  /**
   * place: where the files are; it never changes. server: the address of a server, which can move. login: its identity,
   * and the user there. secret: stored separately from the settings, and forgotten when the server or a login changes.
   * option: any other one.
   */
  role: 'place' | 'server' | 'login' | 'option'
  /** Its option on the command line, with a description; omitted: none. */
  option?: readonly [flags: string, help: string]
  /** An argument of the command line contains it when a destination is added: the option only changes it. */
  isArgument?: true
  /** Ways to log in that use this field; omitted: all. */
  logins?: readonly string[]
  /** The server presents it in a test, and a person confirms it. A test can do without it. */
  isPresented?: true
  /** An example, in the window. */
  placeholder?: string
  /** The window describes it by the word `window.destinations.hint.NAME` of this name. */
  hint?: string
}

export interface TextField extends FieldBase {
  type: 'text'
  longest: number
  pattern?: readonly [form: RegExp, must: string]
  /** A stricter form for new values: stored settings may have others. */
  typed?: RegExp
  /** Removes parts of a typed value that have no meaning. */
  clean?: (text: string) => string
  /** Null or "": it may be left empty. */
  default?: string | null
}
export interface UrlField extends FieldBase {
  type: 'url'
  /** Each request has the password: other computers on the way must not read it. */
  isPrivate?: true
}
interface NumberField extends FieldBase {
  type: 'port' | 'days'
  most: number
  default?: number | null
}
interface ChoiceField extends FieldBase {
  type: 'choice'
  choices: readonly string[]
  default: string
}
interface SwitchField extends FieldBase {
  type: 'switch'
  default: boolean
}
/** An absolute path on this computer. */
interface PathField extends FieldBase {
  type: 'directory' | 'file'
  default?: null
}
/** SHA-256 of a certificate (DER), 64 lower-case hexadecimal digits. */
interface DigestField extends FieldBase {
  type: 'digest'
  default?: null
}
/** This computer's folder in a store that is used without a Holdfast receiver; omitted: the computer's name. */
interface OwnFolderField extends FieldBase {
  type: 'own-folder'
}
export interface SecretField extends Omit<FieldBase, 'role'> {
  role: 'secret'
  type: 'secret'
  /** True if the destination cannot be used without this secret. */
  isRequired: boolean
}

/**
 * A field of a kind of destination. Its label in the window has the key `window.destinations.field.NAME`, and the
 * sentence about an invalid value `window.destinations.invalid.NAME`.
 */
export type DestinationField =
  | TextField
  | UrlField
  | NumberField
  | ChoiceField
  | SwitchField
  | PathField
  | DigestField
  | OwnFolderField
  | SecretField
/** A field whose value is in the settings. */
export type PlainField = Exclude<DestinationField, SecretField>

type BareValue<F> = F extends { choices: readonly (infer C)[] }
  ? C
  : F extends { type: 'port' | 'days' }
    ? number
    : F extends { type: 'switch' }
      ? boolean
      : string
/** The value of a field in the settings. */
export type ValueOf<F> = F extends { default: null } ? BareValue<F> | null : BareValue<F>
/** The values of fields in the settings. Secrets are stored separately. */
export type ValuesOf<F extends DestinationField> = {
  [One in Exclude<F, { type: 'secret' }> as One['name']]: ValueOf<One>
}

/** How the command line adds a destination of a kind. */
interface KindCommand<V> {
  description: string
  /** Names and descriptions of its arguments. */
  arguments: readonly (readonly [name: string, description: string])[]
  /** Returns the fields that the arguments contain; null: they have another form. */
  read(...words: string[]): Partial<V> | null
  /** The sentence about arguments of another form, with the first one as `target`. */
  wrong?: string
  /** Completes what the options leave open. @param secrets names of the given ones. */
  infer?(values: Partial<V>, secrets: readonly string[]): Partial<V>
}

/** A kind of destination, as settings, command line and window have it. `V`: the values of its fields. */
export interface Kind<F extends DestinationField, V> {
  /** In the order of its form, apart from the name and the encryption that all have. */
  fields: readonly F[]
  /** The key of the sentence above its form in the window. */
  explanation?: string
  /** This computer encrypts contents for it, if a person wants that. */
  encrypts: boolean
  /** GiB a day that are read back to find damage, unless a person changes that. */
  usualGib: number
  /** It has no request to sync a file: what it stored may be lost when its server crashes. */
  neverSyncs?: true
  /** Returns the server that its connections lead to; null: it is a part of this computer's file system. */
  getServer(values: V): { host: string; port: number } | null
  /** Returns where the files are, for display. */
  formatLocation(values: V): string
  /** Returns a default name; "" if the values do not suffice. */
  suggestName(values: Partial<V>): string
  /** Omitted: it is paired with instead. */
  command?: KindCommand<V>
}

export const defineKind = <const F extends readonly DestinationField[], const E extends boolean>(
  kind: Kind<F[number], ValuesOf<F[number]>> & { fields: F; encrypts: E },
) => kind

/** Longest lock of stored contents: a hundred years. */
export const LONGEST_LOCK_DAYS = 36_500

// Fields that several kinds have.

export const ownFolder = {
  name: 'folder',
  role: 'place',
  type: 'own-folder',
  hint: 'folder',
  option: ['--folder <name>', "this computer's folder there (default: its host name)"],
} as const
export const host = {
  name: 'host',
  role: 'server',
  type: 'text',
  longest: 255,
  typed: /^[^\s/@]+$/,
  isArgument: true,
  option: ['--host <host>', 'the address that the receiver or SFTP server has now'],
} as const
export const port = {
  name: 'port',
  role: 'server',
  type: 'port',
  most: 65_535,
  isArgument: true,
  option: ['--port <port>', 'its port'],
} as const
/** The fingerprint of a certificate that no authority has signed; null: one has signed it. */
export const certificate = {
  name: 'certificate',
  role: 'login',
  type: 'digest',
  isPresented: true,
  default: null,
  option: [
    '--certificate <sha256>',
    'a certificate that no authority has signed, with or without colons; without, it is shown and asked about',
  ],
} as const

/** Returns the host and port of an address. */
export function getUrlServer(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
}

/** True if an address has no secret: addresses are displayed and exported. */
export function isPlainAddress(address: string): boolean {
  const parsed = URL.parse(address)
  // Text that is not an address at all is refused by the url check.
  if (parsed === null) return true
  const { username, password, search, hash } = parsed
  return [username, password, search, hash].every((part) => part === '')
}

/** True if no other computer can read what is sent to this address. */
export function isPrivateAddress(address: string): boolean {
  const { protocol, hostname } = URL.parse(address) ?? {}
  return protocol !== 'http:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname ?? '')
}

/** node:path is not used, because the window has this, too. */
export const isAbsolutePath = (path: string): boolean => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path)

/** Removes surrounding spaces and parts without a meaning. */
export function cleanTyped(field: DestinationField, text: string): string {
  const trimmed = text.trim()
  if (field.type === 'url') return trimmed.replace(/\/+$/, '')
  return field.type === 'text' && field.clean !== undefined ? field.clean(trimmed) : trimmed
}

/** True if a typed value that is not empty can be a field's. */
export function isGoodTyped(field: DestinationField, text: string): boolean {
  switch (field.type) {
    case 'text':
      return (field.typed ?? field.pattern?.[0])?.test(text) !== false
    case 'url':
      return (
        /^https?:\/\//i.test(text) &&
        URL.canParse(text) &&
        isPlainAddress(text) &&
        (field.isPrivate !== true || isPrivateAddress(text))
      )
    case 'port':
    case 'days':
      return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= field.most
    case 'directory':
    case 'file':
      return isAbsolutePath(text)
    case 'own-folder':
      return !/[/\\]/.test(text) && !/^\.+$/.test(text)
    default:
      return true
  }
}
