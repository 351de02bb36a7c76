import path from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { cleanTyped, type DestinationField, type PlainField } from '../../core/backends/fields.ts'
import { type DestinationKind, destinationKinds, getKind } from '../../core/backends/kinds.ts'
import type { WordKey } from '../../core/lib/i18n/message.ts'
import { type TestedDestination, testedDestinationSchema } from '../../core/settings/destination-schema.ts'
import { collect, type NONE, parseLock, toSetting } from '../terminal/option-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'

/** A destination as the user gives it; its host key may still be unknown. */
export type Wanted = TestedDestination

/** The options that all kinds have, and those of the kinds' fields by their attribute names. */
export interface AddOptions extends Readonly<Record<string, unknown>> {
  data?: string
  json?: boolean
  name?: string
  secret?: string[]
  recipient?: string
  hideNames?: boolean
  knownHosts?: string
}

const withSecrets = (command: Command): Command =>
  command.option(
    '--secret <field=file>',
    'a secret, read from a file, or from standard input with "-" (repeatable); else it is taken from HOLDFAST_…, or asked for',
    collect,
  )

/** Adds the options that all kinds of destinations have. */
const withName = (command: Command): Command =>
  command
    .option('--name <name>', 'the name of the destination here')
    .option('--recipient <age1…>', 'encrypt contents for this age recipient')
    .option('--hide-names', 'with --recipient: encrypt names of files and folders, too')
    .option('--json', 'print what was added as JSON, without secrets')

/** A person adds a destination by arguments and options; the test asks about keys and certificates. */
const isNeeded = (field: DestinationField): boolean =>
  !('default' in field) && field.isPresented !== true && field.type !== 'own-folder'

/** Adds the options of fields. @param isNew a destination is added, not changed. */
function withFields(command: Command, fields: readonly DestinationField[], isNew: boolean): Command {
  for (const field of fields) {
    if (field.option === undefined || (isNew && field.isArgument === true)) continue
    const option = new Option(...field.option)
    const parse = getParser(field)
    if (parse !== null) option.argParser(parse)
    command.addOption(option.makeOptionMandatory(isNew && isNeeded(field)))
    // The one exception: no other kind of server has a file of known keys.
    if (field.name === 'hostKey')
      command.option(
        '--known-hosts <file>',
        "take the server's host key from a known_hosts file of OpenSSH, such as ~/.ssh/known_hosts",
      )
  }
  return fields.some(({ type }) => type === 'secret') ? withSecrets(command) : command
}

function getParser(field: DestinationField): ((text: string) => unknown) | null {
  switch (field.type) {
    case 'port':
      return Number
    case 'days':
      return parseLock
    case 'digest':
      return (text) => text.replaceAll(':', '').toLowerCase()
    case 'choice':
      return (text) => {
        if (field.choices.includes(text)) return text
        throw new InvalidArgumentError(`It must be one of ${field.choices.join(', ')}.`)
      }
    default:
      return null
  }
}

/**
 * The fields that can be changed, those of several kinds once. A switch is left out: an option without a value could not
 * turn it back.
 */
export const changeableFields: readonly PlainField[] = [
  ...new Map(
    destinationKinds
      .flatMap((kind) => getKind(kind).fields)
      .flatMap((field) =>
        field.type === 'secret' || field.type === 'switch' || field.role === 'place' ? [] : [field],
      )
      .map((field) => [field.name, field]),
  ).values(),
]

/** Adds the options that change how an existing destination is reached. */
export const withChanges = (command: Command): Command =>
  withSecrets(withFields(command, changeableFields, false))

/** Returns the long flag of a field's option. */
export const getFlag = ({ option }: DestinationField): string => option?.[0].split(' ')[0] ?? ''

/** Returns the values of the fields that were given as options. */
export function readFields(
  fields: readonly DestinationField[],
  options: AddOptions,
): Readonly<Record<string, unknown>> {
  const given = fields.flatMap((field): [string, unknown][] => {
    if (field.option === undefined) return []
    const value = options[new Option(field.option[0]).attributeName()]
    return value === undefined ? [] : [[field.name, toValue(field, value)]]
  })
  return Object.fromEntries(given)
}

function toValue(field: DestinationField, value: unknown): unknown {
  if (field.type === 'switch') return !field.default
  if (field.type === 'days') return toSetting(value as number | typeof NONE)
  return isPath(field) ? path.resolve(String(value)) : value
}

const isPath = ({ type }: DestinationField): boolean => type === 'file' || type === 'directory'

/** @throws WrongUsage cli.destinations.invalid */
export function parseDestination(given: object): Wanted {
  const result = testedDestinationSchema.safeParse(given)
  if (result.success) return result.data
  const [issue] = result.error?.issues ?? []
  const reason = [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')
  throw new WrongUsage('cli.destinations.invalid', { reason })
}

/** @throws WrongUsage cli.destinations.hideNames */
function getEncryption({ recipient, hideNames }: AddOptions) {
  if (hideNames === true && recipient === undefined) throw new WrongUsage('cli.destinations.hideNames')
  return { recipient, hideNames }
}

/** How `holdfast destinations add` adds a destination of one kind. */
interface AddableKind {
  kind: DestinationKind
  description: string
  /** Names and descriptions of its arguments. */
  arguments: readonly (readonly [name: string, description: string])[]
  withOptions: (command: Command) => Command
  /** @param words one for each argument. @throws WrongUsage */
  parse(words: readonly string[], options: AddOptions): Wanted
}

export const addableKinds: readonly AddableKind[] = destinationKinds.flatMap((kind) => {
  const { fields, command: adding, suggestName } = getKind(kind)
  if (adding === undefined) return []
  const { description, arguments: words, read, wrong, infer } = adding
  const parse = (texts: readonly string[], options: AddOptions): Wanted => {
    const found = read(...texts)
    const target = texts[0] ?? ''
    if (found === null) throw new WrongUsage(wrong as WordKey, { target })
    const cleaned = fields.flatMap((field) => {
      const value = (found as Record<string, unknown>)[field.name]
      if (typeof value !== 'string') return []
      return [[field.name, isPath(field) ? path.resolve(value) : cleanTyped(field, value)]]
    })
    const values = { ...found, ...Object.fromEntries(cleaned), ...readFields(fields, options) }
    const secrets = options.secret?.map((pair) => pair.split('=')[0] ?? '') ?? []
    const name = options.name ?? (suggestName(values) || target)
    return parseDestination({ kind, name, ...values, ...infer?.(values, secrets), ...getEncryption(options) })
  }
  const withOptions = (command: Command) => withFields(withName(command), fields, true)
  return [{ kind, description, arguments: words, withOptions, parse }]
})
