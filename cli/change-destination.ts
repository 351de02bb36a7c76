import { isIPv6 } from 'node:net'
import path from 'node:path'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { destinationCatalog } from '../core/settings/destination-catalog.ts'
import { changedDestinationSchema } from '../core/settings/destination-schema.ts'
import { namedDestination } from '../core/settings/destinations.ts'
import { readSftpTarget } from '../core/settings/sftp-target.ts'
import { confirmDestination, secretsFor } from './add-destination.ts'
import { type AddOptions, parseDestination, type Wanted } from './destination-options.ts'
import { toSetting } from './option-words.ts'
import { changeSettings, settingsNow } from './settings-change.ts'
import { translate } from './terminal-words.ts'
import { WrongUsage } from './wrong-usage.ts'

/** Fields of all kinds that can be changed. */
const CHANGEABLE = new Set(
  Object.values(destinationCatalog)
    .flat()
    .filter(({ role }) => role !== 'place' && role !== 'secret')
    .map(({ name }) => name),
)

/**
 * Parses an SFTP server's new address, which may include a user and a port.
 * @throws WrongUsage cli.destinations.sftpHost
 */
function movedTo(
  address: string,
  { port, user }: AddOptions,
): Partial<Record<'host' | 'port' | 'user', unknown>> {
  // An IPv6 address without a port needs no brackets.
  if (isIPv6(address)) return {}
  const target = readSftpTarget(address)
  // The directory on the server stays the same: a path in the address would be ignored.
  if (target === null || target.path !== undefined)
    throw new WrongUsage('cli.destinations.sftpHost', { target: address })
  return {
    host: target.host,
    ...(target.port === undefined || port !== undefined ? {} : { port: target.port }),
    ...(target.user === undefined || user !== undefined ? {} : { user: target.user }),
  }
}

/**
 * Returns the destination with the changed connection fields. Without a given host key, a new key that the server
 * presents has to be confirmed.
 * @throws WrongUsage cli.destinations.notOfKind, cli.destinations.invalid, cli.destinations.sftpHost
 */
function changedBy(before: Wanted, options: AddOptions): Wanted {
  const values: Record<string, unknown> = { ...options, lockDays: toSetting(options.lock) }
  const given = [...CHANGEABLE].filter((name) => values[name] !== undefined)
  if (options.knownHosts !== undefined && before.kind !== 'sftp')
    throw new WrongUsage('cli.destinations.notOfKind', { option: '--known-hosts', name: before.name })
  const strange = given.find((name) => !(name in before))
  if (strange !== undefined) {
    const hyphened = strange.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const option = strange === 'lockDays' ? '--lock' : `--${hyphened}`
    throw new WrongUsage('cli.destinations.notOfKind', { option, name: before.name })
  }
  const changes = {
    ...Object.fromEntries(given.map((name) => [name, values[name]])),
    ...(before.kind === 'sftp' && options.host !== undefined ? movedTo(options.host, options) : {}),
  }
  const { keyFile } = options
  return parseDestination({
    ...before,
    ...('certificate' in before && (given.includes('endpoint') || given.includes('url'))
      ? { certificate: null }
      : {}),
    ...changes,
    ...(keyFile === undefined ? {} : { login: 'file', keyFile: path.resolve(keyFile) }),
  })
}

/** `holdfast destinations change NAME`: changes how a destination is reached, not where in it the files are. */
export async function changeDestination(directory: string, name: string, options: AddOptions): Promise<void> {
  const { id, ...before } = namedDestination((await settingsNow(directory)).destinations, name)
  if (before.kind === 'folder') throw new UserError('cli.destinations.changeNone', { name: before.name })
  const wanted = changedBy(before, options)
  const isOtherLogin = 'login' in before && 'login' in wanted && before.login !== wanted.login
  const secrets = await secretsFor(wanted, options, isOtherLogin)
  const known = before.kind === 'sftp' ? before.hostKey : undefined
  const destination = changedDestinationSchema.parse(
    await confirmDestination(directory, wanted, { secrets, id, known, knownHosts: options.knownHosts }),
  )
  const input = { id, destination, secrets }
  await changeSettings(directory, () => ({ command: 'changeDestination', input }))
  console.log(translate('cli.destinations.changed', { name: before.name }))
}
