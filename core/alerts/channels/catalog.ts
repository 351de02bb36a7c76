/** The id of the desktop's own notifications, or the terminal's lines; it is no entry of the settings. */
export const NATIVE = 'native'

/** One field of a channel's form. Its label is the word `channel.TYPE.NAME`, of the general ones `channel.field.NAME`. */
export interface Field {
  name: string
  /** secret: kept apart from the settings, and never shown again. */
  kind: 'text' | 'url' | 'email' | 'port' | 'certificate' | 'choice' | 'minutes' | 'secret'
  required: boolean
  /** What is taken while nothing is given. */
  default?: string
  choices?: readonly string[]
}

export interface CatalogEntry {
  fields: readonly Field[]
  /** Where its own documentation says how to get what it needs. */
  help: string
  /** It can be added by a person in the window or on the command line; else the settings file alone names it. */
  isAddable: boolean
  /** What a message is made by while no other template is given; else: the title, a new line and the body. */
  template?: string
}

/** What a template may name, in braces. `event`: "touch failed" of a disk, else the title. */
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
] as const

const fieldOf =
  (kind: Field['kind']) =>
  (name: string, required = true, given?: string): Field => {
    return { name, kind, required, ...(given === undefined ? {} : { default: given }) }
  }
const text = fieldOf('text')
const secret = fieldOf('secret')
const url = fieldOf('url')

/**
 * Every kind of channel besides the native one, and what its form asks for. Of the settings schema and the window: no
 * code of the channels themselves. An address that lets whoever knows it write is a secret.
 */
export const catalog = {
  line: {
    fields: [text('to'), secret('token'), url('endpoint', false, 'https://api.line.me')],
    help: 'https://developers.line.biz/en/docs/messaging-api/sending-messages/',
    isAddable: true,
  },
  'line-notify': {
    fields: [url('endpoint'), secret('token')],
    help: 'https://notify-bot.line.me/doc/en/',
    isAddable: true,
    // The read-only monitor's own: LINE Notify puts its label before the first line.
    template: '\n[PROJ_CODE] {project}, in {resource}\n>>> {event}',
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
      { name: 'from', kind: 'email', required: true },
      { name: 'to', kind: 'email', required: true },
      text('user', false),
      secret('password', false),
      { name: 'certificate', kind: 'certificate', required: false },
    ],
    help: 'https://nodemailer.com/smtp/',
    isAddable: true,
  },
  ntfy: {
    fields: [url('server', false, 'https://ntfy.sh'), text('topic'), secret('token', false)],
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
    fields: [text('chat'), secret('token'), url('endpoint', false, 'https://api.telegram.org')],
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
    fields: [secret('url'), { name: 'every', kind: 'minutes', required: false, default: '5' }],
    help: 'https://healthchecks.io/docs/http_api/',
    isAddable: true,
  },
} as const satisfies Record<string, CatalogEntry>

export type ChannelType = keyof typeof catalog
export const channelTypes = Object.keys(catalog) as ChannelType[]

export function fieldsOf(type: ChannelType): readonly Field[] {
  return catalog[type].fields
}

/** A channel that logs in as a user needs that user's password. */
export function secretFieldsOf(
  type: ChannelType,
  options: Readonly<Record<string, string>> = {},
): readonly Field[] {
  const secrets = fieldsOf(type).filter(({ kind }) => kind === 'secret')
  const isLogin = (options.user ?? '') !== ''
  return secrets.map((field) => (field.name === 'password' && isLogin ? { ...field, required: true } : field))
}

/** The secrets that a channel needs and does not have. @param stored names of those that it has. */
export function missingSecrets(
  { type, options }: { type: ChannelType; options: Readonly<Record<string, string>> },
  stored: readonly string[],
): Field[] {
  return secretFieldsOf(type, options).filter(({ name, required }) => required && !stored.includes(name))
}

/** Why a value cannot be used; null: it can. `given` is trimmed already. */
export function refuseValue(
  field: Pick<Field, 'name' | 'kind' | 'required' | 'choices'>,
  given: string,
): 'missing' | 'invalid' | null {
  if (given === '') return field.required ? 'missing' : null
  // A private key is one, too.
  const longest = field.kind === 'secret' ? 10_000 : 2_000
  if (given.length > longest || given.includes('\0')) return 'invalid'
  switch (field.kind) {
    case 'url':
      return isWebAddress(given) ? null : 'invalid'
    case 'secret':
      return field.name !== 'url' || isWebAddress(given) ? null : 'invalid'
    case 'email':
      return readAddresses(given) === null ? 'invalid' : null
    case 'certificate':
      return readFingerprint(given) === null ? 'invalid' : null
    case 'port':
      return /^\d{1,5}$/.test(given) && Number(given) > 0 && Number(given) < 65_536 ? null : 'invalid'
    case 'minutes':
      return /^\d{1,4}$/.test(given) && Number(given) > 0 ? null : 'invalid'
    case 'choice':
      return field.choices?.includes(given) === true ? null : 'invalid'
    case 'text':
      return /[\r\n]/.test(given) ? 'invalid' : null
    default:
      return field.kind satisfies never
  }
}

function isWebAddress(given: string): boolean {
  return URL.canParse(given) && ['http:', 'https:'].includes(new URL(given).protocol)
}

/** A person or a program that mail goes to, or comes from. */
export interface MailAddress {
  /** '': none is given. */
  name: string
  /** `station@example.org`, or a name of the mail server itself such as `root`. */
  address: string
}

/** Mail addresses as RFC 5322 has them, with names or without, separated by commas or semicolons; null: it is no such list. */
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

/** A SHA-256 fingerprint as 64 lower-case hexadecimal digits, of one with or without colons; null: it is none. */
export function readFingerprint(text: string): string | null {
  const digits = text.replaceAll(':', '').trim().toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : null
}
