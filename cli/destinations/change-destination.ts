import { isIPv6 } from 'node:net'
import { getKind } from '../../core/backends/kinds.ts'
import { readSftpTarget } from '../../core/backends/sftp/target.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { changedDestinationSchema } from '../../core/settings/destination-schema.ts'
import { namedDestination } from '../../core/settings/destinations.ts'
import { changeSettings, settingsNow } from '../ask/settings-change.ts'
import { translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { confirmDestination, secretsFor } from './add-destination.ts'
import {
  type AddOptions,
  changeableFields,
  getFlag,
  parseDestination,
  readFields,
  type Wanted,
} from './destination-options.ts'

/**
 * Parses an SFTP server's new address, which may include a user and a port.
 * @throws WrongUsage cli.destinations.sftpHost
 */
function movedTo(
  address: string,
  { port, user }: Readonly<Record<string, unknown>>,
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
  if (options.knownHosts !== undefined && before.kind !== 'sftp')
    throw new WrongUsage('cli.destinations.notOfKind', { option: '--known-hosts', name: before.name })
  const given = readFields(changeableFields, options)
  const strange = changeableFields.find(({ name }) => given[name] !== undefined && !(name in before))
  if (strange !== undefined)
    throw new WrongUsage('cli.destinations.notOfKind', { option: getFlag(strange), name: before.name })
  const isMoved = getKind(before.kind).fields.some(
    ({ name, role }) => role === 'server' && given[name] !== undefined,
  )
  return parseDestination({
    ...before,
    ...('certificate' in before && isMoved ? { certificate: null } : {}),
    ...given,
    ...(before.kind === 'sftp' && typeof given.host === 'string' ? movedTo(given.host, given) : {}),
    ...(given.keyFile === undefined ? {} : { login: 'file' }),
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
