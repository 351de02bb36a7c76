/** The id of the desktop's own notifications, or the terminal's lines. The settings have no entry for it. */
export const NATIVE = 'native'

/**
 * A field of a channel's form. Its label has the key `channel.TYPE.NAME`; that of a general field,
 * `channel.field.NAME`.
 */
export interface Field {
  name: string
  /** secret: stored separately from the settings, and never shown again. */
  kind: 'text' | 'url' | 'broker' | 'email' | 'port' | 'certificate' | 'choice' | 'minutes' | 'secret'
  required: boolean
  /** The value if none is given. */
  default?: string
  choices?: readonly string[]
  /**
   * False: the secrets go to the same server as the same user, whatever this value is, such as a recipient. Omitted: a
   * change of it forgets the secrets (core/settings/secrets.ts).
   */
  isPlace?: false
}

export interface CatalogEntry {
  fields: readonly Field[]
  /** Address of the service's own documentation about the required values. */
  help: string
  /** True if a person can add it in the window or on the command line; otherwise only in the settings file. */
  isAddable: boolean
  /** The default template; if omitted, the title, a new line and the body. */
  template?: string
}

/** Names that a template may contain in braces. `event`: "touch failed" for a disk, otherwise the title. */
export const templateNames = [
  'title',
  'body',
  'event',
  'project',
  'resource',
  'path',
  'step',
  'computer',
  'since',
  'duration',
  'cause',
] as const

const buildField =
  (kind: Field['kind']) =>
  (name: string, required = true, given?: string): Field => {
    return { name, kind, required, ...(given === undefined ? {} : { default: given }) }
  }
const text = buildField('text')
const secret = buildField('secret')
const anyPlace = (field: Field): Field => ({ ...field, isPlace: false })
const url = buildField('url')

/**
 * All kinds of channels except the native one, with the fields of their forms. The settings schema and the window
 * import this, so it contains no code of the channels. An address is a secret if it suffices for posting.
 */
export const catalog = {
  line: {
    fields: [anyPlace(text('to')), secret('token'), url('endpoint', false, 'https://api.line.me')],
    help: 'https://developers.line.biz/en/docs/messaging-api/sending-messages/',
    isAddable: true,
  },
  'line-notify': {
    fields: [url('endpoint'), secret('token')],
    help: 'https://notify-bot.line.me/doc/en/',
    isAddable: true,
    // The template of the read-only monitor. LINE Notify puts its label before the first line.
    template: '\n[PROJ_CODE] {project}, in {resource}\n>>> {event}\n{cause}',
  },
  mail: {
    fields: [
      text('host'),
      { name: 'port', kind: 'port', required: false },
      {
        name: 'security',
        kind: 'choice',
        required: false,
        default: 'tls',
        choices: ['tls', 'starttls', 'none'],
      },
      anyPlace({ name: 'from', kind: 'email', required: true }),
      anyPlace({ name: 'to', kind: 'email', required: true }),
      text('user', false),
      secret('password', false),
      { name: 'certificate', kind: 'certificate', required: false },
    ],
    help: '',
    isAddable: true,
  },
  ntfy: {
    fields: [url('server', false, 'https://ntfy.sh'), anyPlace(text('topic')), secret('token', false)],
    help: 'https://docs.ntfy.sh/publish/',
    isAddable: true,
  },
  slack: {
    fields: [secret('url')],
    help: 'https://api.slack.com/messaging/webhooks',
    isAddable: true,
  },
  teams: {
    fields: [secret('url')],
    help: 'https://learn.microsoft.com/en-us/power-automate/teams/overview',
    isAddable: true,
  },
  telegram: {
    fields: [anyPlace(text('chat')), secret('token'), url('endpoint', false, 'https://api.telegram.org')],
    help: 'https://core.telegram.org/bots/api#sendmessage',
    isAddable: true,
  },
  webhook: {
    fields: [secret('url'), secret('key', false)],
    help: '',
    isAddable: true,
  },
  command: {
    fields: [text('program')],
    help: '',
    isAddable: false,
  },
  ping: {
    fields: [secret('url'), anyPlace({ name: 'every', kind: 'minutes', required: false, default: '5' })],
    help: 'https://healthchecks.io/docs/http_api/',
    isAddable: true,
  },
} as const satisfies Record<string, CatalogEntry>

export type ChannelType = keyof typeof catalog
export const channelTypes = Object.keys(catalog) as ChannelType[]

export function getFields(type: ChannelType): readonly Field[] {
  return catalog[type].fields
}

/** Returns the secrets of a channel. A user name makes its password required. */
export function getSecretFields(
  type: ChannelType,
  options: Readonly<Record<string, string>> = {},
): readonly Field[] {
  const secrets = getFields(type).filter(({ kind }) => kind === 'secret')
  const isLogin = (options.user ?? '') !== ''
  return secrets.map((field) => (field.name === 'password' && isLogin ? { ...field, required: true } : field))
}

/**
 * Returns the secrets that a channel needs and does not have.
 * @param stored names of its stored secrets
 */
export function missingSecrets(
  { type, options }: { type: ChannelType; options: Readonly<Record<string, string>> },
  stored: readonly string[],
): Field[] {
  return getSecretFields(type, options).filter(({ name, required }) => required && !stored.includes(name))
}

/** Returns the place that the secrets of an entry go to: its kind, its server and its user. */
export const getPlace = (
  kind: string,
  fields: readonly Field[],
  values: Readonly<Record<string, string>>,
): string =>
  JSON.stringify([
    kind,
    ...fields
      .filter((field) => field.kind !== 'secret' && field.isPlace !== false)
      .map(({ name }) => values[name] ?? ''),
  ])

/** Returns why a value cannot be used; null: it can. `given` is already trimmed. */
export function refuseValue(
  field: Pick<Field, 'name' | 'kind' | 'required' | 'choices'>,
  given: string,
): 'missing' | 'invalid' | null {
  if (given === '') return field.required ? 'missing' : null
  // A private key is also a secret.
  const longest = field.kind === 'secret' ? 10_000 : 2_000
  if (given.length > longest || given.includes('\0')) return 'invalid'
  return hasFormat[field.kind](given, field) ? null : 'invalid'
}

/** For each kind of field, returns true if a value has its format. */
const hasFormat: Record<Field['kind'], (given: string, field: Pick<Field, 'name' | 'choices'>) => boolean> = {
  url: isWebAddress,
  // The address of an MQTT broker.
  broker: (given) => /^mqtts?:\/\/[^/@\s]+\/?$/.test(given) && URL.canParse(given),
  secret: (given, { name }) => name !== 'url' || isWebAddress(given),
  email: (given) => readAddresses(given) !== null,
  certificate: (given) => readFingerprint(given) !== null,
  port: (given) => /^\d{1,5}$/.test(given) && Number(given) > 0 && Number(given) < 65_536,
  minutes: (given) => /^\d{1,4}$/.test(given) && Number(given) > 0,
  choice: (given, { choices }) => choices?.includes(given) === true,
  text: (given) => !/[\r\n]/.test(given),
}

function isWebAddress(given: string): boolean {
  return URL.canParse(given) && ['http:', 'https:'].includes(new URL(given).protocol)
}

/** The sender or a recipient of mail: a person or a program. */
interface MailAddress {
  /** '': no name is given. */
  name: string
  /** `station@example.org`, or a local name of the mail server such as `root`. */
  address: string
}

/**
 * Parses mail addresses in the format of RFC 5322, with or without names, separated by commas or semicolons; null:
 * the text is no such list.
 */
export function readAddresses(text: string): MailAddress[] | null {
  const part = /(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^,;"<>])+/g
  if (/[^\s,;]/.test(text.replace(part, ''))) return null
  const parts = (text.match(part) ?? []).map((one) => one.trim()).filter((one) => one !== '')
  const found = parts.map((one) => {
    const [, name = '', inBrackets] = /^([^<>]*)<([^<>]*)>$/.exec(one) ?? []
    const address = (inBrackets ?? one).trim()
    const quoted = /^"(.*)"$/.exec(name.trim())?.[1]
    return { name: quoted?.replace(/\\(.)/g, '$1') ?? name.trim(), address }
  })
  const isWhole = found.every(({ address }) => /^[^\s@"]+(@[^\s@"]+)?$/.test(address))
  return isWhole && found.length > 0 ? found : null
}

/**
 * Returns a SHA-256 fingerprint, with or without colons, as 64 lower-case hexadecimal digits; null: the text is no
 * fingerprint.
 */
export function readFingerprint(text: string): string | null {
  const digits = text.replaceAll(':', '').trim().toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : null
}
