import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import {
  type ChannelType,
  catalog,
  getFields,
  getSecretFields,
  NATIVE,
} from '../../core/alerts/channels/catalog.ts'
import { type Severity, severities } from '../../core/alerts/kinds.ts'
import { type ChannelSettings, channelSchema } from '../../core/alerts/settings.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { pathAt } from '../ask/known-path.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { collect } from '../terminal/option-words.ts'
import { collectPaths } from '../terminal/path-words.ts'
import { named } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'

export interface ChannelOptions {
  data?: string
  name?: string
  option?: string[]
  secret?: string[]
  severity?: ChannelSettings['severity']
  source?: string[]
  allSources?: boolean
  standby?: boolean
  template?: string
}

/** Adds the options for adding or changing a channel. */
export function withChannelOptions(command: Command): Command {
  return command
    .option('--name <name>', 'its name')
    .option('--option <field=value>', 'a field that it needs, such as topic=station-3 (repeatable)', collect)
    .option(
      '--secret <field=file>',
      'a secret, read from a file, or from standard input with "-": token=/run/line-token (repeatable)',
      collect,
    )
    .option(
      '--severity <least>',
      `only failures of at least this severity: ${severities.join(' or ')}`,
      parseSeverity,
    )
    .option('--source <path>', 'only failures of this folder (repeatable)', collectPaths)
    .option('--all-sources', 'failures of all folders')
    .option('--standby', 'only messages that another channel could not deliver')
    .option('--no-standby', 'all messages, whatever other channels do')
    .option('--template <text>', 'the message, with {title}, {body} and \\n; "" for the usual one')
}

export function parseSeverity(text: string): Severity {
  const found = severities.find((one) => one === text)
  if (found === undefined) throw new InvalidArgumentError(`It must be ${severities.join(' or ')}.`)
  return found
}

export function parseChannelType(text: string): ChannelType {
  const types = Object.entries(catalog).filter(([, { isAddable }]) => isAddable)
  const found = types.find(([type]) => type === text)
  if (found === undefined)
    throw new InvalidArgumentError(`It must be one of ${types.map(([type]) => type).join(', ')}.`)
  return found[0] as ChannelType
}

/**
 * Returns the channel with the given options applied.
 * @throws WrongUsage cli.channels.secretHere, cli.channels.noOption, cli.channels.invalid, cli.channels.pair
 */
export function channelWith(
  before: Pick<ChannelSettings, 'id' | 'name' | 'type'> & Partial<ChannelSettings>,
  options: ChannelOptions,
  settings: ShownSettings,
): ChannelSettings {
  const { name, severity, source, allSources, standby, template } = options
  const given = Object.fromEntries((options.option ?? []).map((pair) => splitPair(pair)))
  const known = getFields(before.type)
  const secret = getSecretFields(before.type).find((field) => field.name in given)
  // Every user of this computer could read a secret on the command line.
  if (secret !== undefined) throw new WrongUsage('cli.channels.secretHere', { field: secret.name })
  const unknown = Object.keys(given).find((field) => !known.some((one) => one.name === field))
  if (unknown !== undefined)
    throw new WrongUsage('cli.channels.noOption', {
      field: unknown,
      known: named(known.map(({ kind, name }) => (kind === 'secret' ? `${name} (--secret)` : name))),
    })
  const parsed = channelSchema.safeParse({
    ...before,
    ...omitUndefined({
      ...{ name, severity, standby },
      sources: allSources === true ? null : source?.map((path) => pathAt(settings, path).id),
      template: template === '' ? null : template,
    }),
    options: { ...before.options, ...given },
  })
  if (parsed.success) return parsed.data
  throw new WrongUsage('cli.channels.invalid', { reason: parsed.error.issues[0]?.message ?? '' })
}

/**
 * Reads the given secrets, each file once. They are never printed.
 * @throws UserError check.secretUnreadable; WrongUsage cli.channels.pair
 */
export function readSecretFiles({ secret = [] }: Pick<ChannelOptions, 'secret'>): Record<string, string> {
  return Object.fromEntries(
    secret.map((pair) => {
      const [field, file] = splitPair(pair)
      try {
        return [field, readFileSync(file === '-' ? 0 : file, 'utf8').trim()]
      } catch (error) {
        const reason = errorCode(error) ?? String(error)
        throw new UserError('check.secretUnreadable', { field, path: file, reason }, { cause: error })
      }
    }),
  )
}

export function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw new WrongUsage('cli.channels.pair', { given: pair })
  return [pair.slice(0, at), pair.slice(at + 1)]
}

/** Returns an unused id, derived from a name. */
export function newId(taken: readonly { id: string }[], name: string, type: string): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 30) || type
  const ids = new Set([NATIVE, ...taken.map(({ id }) => id)])
  for (let count = 1; ; count += 1) {
    const id = count === 1 ? base : `${base}-${count}`
    if (!ids.has(id)) return id
  }
}

/**
 * Finds a channel by its id or name.
 * @throws UserError alert.noChannel
 */
export function namedChannel(settings: ShownSettings, given: string): ChannelSettings {
  const { channels } = settings.alerts
  const found = channels.find(({ id }) => id === given) ?? channels.find(({ name }) => name === given)
  if (found === undefined) throw new UserError('alert.noChannel', { id: given })
  return found
}
