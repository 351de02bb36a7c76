/**
 * A field of a kind of destination. Its label in the window has the key `window.destinations.field.NAME`; its option on
 * the command line is its name with hyphens; of lockDays it is --lock.
 */
export interface DestinationField {
  name: string
  /**
   * place: where the files are; it never changes. server: the address of a server, which can move. login: its identity,
   * and the user there. secret: stored separately from the settings, and forgotten when the server or a login changes.
   * option: any other one.
   */
  role: 'place' | 'server' | 'login' | 'secret' | 'option'
  /** True if the destination cannot be used without this secret. */
  isRequired?: boolean
  /** Ways to log in that use this secret; omitted: all. */
  logins?: readonly string[]
}

const place = (name: string): DestinationField => ({ name, role: 'place' })
const server = (name: string): DestinationField => ({ name, role: 'server' })
const login = (name: string): DestinationField => ({ name, role: 'login' })
const option = (name: string): DestinationField => ({ name, role: 'option' })
const secret = (name: string, isRequired: boolean, ...logins: string[]): DestinationField => ({
  ...{ name, role: 'secret', isRequired },
  ...(logins.length === 0 ? {} : { logins }),
})

/**
 * The fields of each kind, apart from the name and the encryption that all have. Formats and defaults are in
 * destination-schema.ts. The command line and the window import this, so it contains no code of the kinds.
 */
export const destinationCatalog = {
  // A receiver is known by its certificate, wherever it is.
  receiver: [place('fingerprint'), option('host'), option('port')],
  folder: [place('path')],
  sftp: [
    ...[place('path'), place('folder'), server('host'), server('port')],
    ...[login('user'), option('login'), option('keyFile'), login('hostKey')],
    secret('password', true, 'password'),
    secret('key', true, 'key'),
    secret('passphrase', false, 'key', 'file'),
  ],
  s3: [
    ...[place('bucket'), place('prefix'), place('folder'), server('endpoint')],
    ...[option('region'), option('pathStyle'), option('storageClass'), option('lockDays')],
    ...[login('certificate'), secret('accessKey', false), secret('secretKey', false)],
  ],
  webdav: [
    ...[place('folder'), server('url'), login('user'), login('certificate')],
    secret('password', true),
  ],
} as const satisfies Record<string, readonly DestinationField[]>

export type DestinationKind = keyof typeof destinationCatalog
export const destinationKinds = Object.keys(destinationCatalog) as DestinationKind[]

export const getDestinationFields = (kind: DestinationKind): readonly DestinationField[] =>
  destinationCatalog[kind]

/** Returns the secrets of a kind, for a way to log in if it has several. */
export const getDestinationSecrets = (kind: DestinationKind, login = ''): readonly DestinationField[] =>
  getDestinationFields(kind).filter(
    ({ role, logins }) => role === 'secret' && (logins === undefined || logins.includes(login)),
  )

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
