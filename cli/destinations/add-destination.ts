import path from 'node:path'
import { type DestinationTest, destinationTestSchema } from '../../core/backends/backend-messages.ts'
import { getKind } from '../../core/backends/kinds.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { formatAddress } from '../../core/lib/i18n/formats.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { createDataDirectory } from '../../core/settings/data-directory.ts'
import type { Destination } from '../../core/settings/destination-schema.ts'
import { givenDestinationSchema, type TestedDestination } from '../../core/settings/destination-schema.ts'
import { formatLocation, namedDestination, secretsOfDestination } from '../../core/settings/destinations.ts'
import { readKnownHostIn } from '../../core/settings/known-hosts.ts'
import { readSecretFiles } from '../alerts/channel-options.ts'
import { ask, changeSettings, settingsNow } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { askSecret, askWhether, secretsInEnvironment } from '../terminal/secret-words.ts'
import { about, named, terminalWords, translate } from '../terminal/terminal-words.ts'
import type { AddOptions, Wanted } from './destination-options.ts'

type Given = Record<string, string>

interface Confirmation {
  secrets: Given
  /** The destination whose stored secrets replace omitted ones. */
  id?: string
  /** The host key that was accepted so far. */
  known?: string | undefined
  /** A known_hosts file to check the server's key against. */
  knownHosts?: string | undefined
}

/** @param id of the destination whose stored secrets are used. */
async function requestTest(
  directory: string,
  destination: TestedDestination,
  secrets: Given,
  id?: string,
): Promise<DestinationTest> {
  const input = { id, destination, secrets }
  return destinationTestSchema.parse(await ask(directory, { command: 'testDestination', input }))
}

/**
 * Returns the secrets given by files or the environment; asks at the terminal for the required ones that are missing.
 * @param isNew the destination has no stored secrets yet.
 */
export async function secretsFor(wanted: Wanted, options: AddOptions, isNew: boolean): Promise<Given> {
  const { fields } = secretsOfDestination({ ...wanted, id: '' })
  const given = { ...secretsInEnvironment(fields.map(({ name }) => name)), ...readSecretFiles(options) }
  for (const { name, required } of isNew ? fields : [])
    if (required && given[name] === undefined) given[name] = await askSecret(name)
  return given
}

/**
 * Asks the user to confirm the key or certificate that the server presents, unless a known_hosts file decides.
 * @throws UserError cli.destinations.hostKey, cli.destinations.certificate if the user declines or there is no
 * terminal; as knownHostKey.
 */
export async function confirmDestination(
  directory: string,
  wanted: Wanted,
  { secrets, id, known, knownHosts }: Confirmation,
): Promise<Wanted> {
  if (wanted.kind === 'sftp' && knownHosts !== undefined)
    return { ...wanted, hostKey: await knownHostKey(directory, wanted, secrets, knownHosts) }
  // A server that presents another key may still have the known one too; only a test with that key shows it.
  const isUnknown =
    wanted.kind === 'sftp' ? wanted.hostKey === '' || wanted.hostKey === known : 'certificate' in wanted
  if (!isUnknown) return wanted
  const { sentence, found } = await requestTest(directory, wanted, secrets, id)
  if (wanted.kind === 'sftp') {
    const { hostKey } = found
    if (hostKey === undefined && wanted.hostKey === '') throw new UserError(sentence.key, sentence.params)
    if (hostKey === undefined) return wanted
    if (hostKey !== known) await requireYes('cli.destinations.hostKey', { host: wanted.host, hostKey })
    return { ...wanted, hostKey }
  }
  const { certificate } = found
  if (!('certificate' in wanted) || certificate === undefined || certificate === wanted.certificate)
    return wanted
  const address = getKind(wanted.kind).fields.find(({ type }) => type === 'url')?.name ?? ''
  const endpoint = String((wanted as Readonly<Record<string, unknown>>)[address])
  await requireYes('cli.destinations.certificate', { endpoint, certificate })
  return { ...wanted, certificate }
}

/**
 * Returns the host key that a known_hosts file lists for a server and that the server presents.
 * @throws UserError sftp.knownHosts.…
 */
async function knownHostKey(
  directory: string,
  wanted: Extract<Wanted, { kind: 'sftp' }>,
  secrets: Given,
  given: string,
): Promise<string> {
  const file = path.resolve(given)
  const { keys, revoked, hasAuthority } = await readKnownHostIn(file, wanted)
  const said = { file, address: formatAddress(wanted.host, wanted.port) }
  let found = ''
  for (const hostKey of keys) {
    const { sentence, found: seen } = await requestTest(directory, { ...wanted, hostKey }, secrets)
    if (sentence.key !== 'transfer.sftp.wrongHostKey') return hostKey
    found = seen.hostKey ?? ''
  }
  if (keys.length === 0 && revoked.length > 0)
    found = (await requestTest(directory, { ...wanted, hostKey: '' }, secrets)).found.hostKey ?? ''
  if (revoked.includes(found)) throw new UserError('sftp.knownHosts.revoked', { ...said, found })
  if (keys.length > 0) throw new UserError('sftp.knownHosts.other', { ...said, found })
  throw new UserError(hasAuthority ? 'sftp.knownHosts.authority' : 'sftp.knownHosts.none', said)
}

async function requireYes(
  key: 'cli.destinations.hostKey' | 'cli.destinations.certificate',
  params: Record<string, string>,
): Promise<void> {
  if ((await askWhether([`${key}Asked`, params])) !== true) throw new UserError(key, params)
}

/** `holdfast destinations add …`: tests a destination and adds it, through the agent if it runs. */
export async function addDestination(directory: string, wanted: Wanted, options: AddOptions): Promise<void> {
  createDataDirectory(directory)
  const secrets = await secretsFor(wanted, options, true)
  const destination = givenDestinationSchema.parse(
    await confirmDestination(directory, wanted, { secrets, knownHosts: options.knownHosts }),
  )
  const input = { destination, secrets }
  const after = await changeSettings(directory, () => ({ command: 'addDestination', input }))
  const added = namedDestination(after.destinations, destination.name.trim())
  if (options.json === true) return console.log(jsonText(added))
  const { name } = added
  console.log(translate('cli.destinations.added', { name, address: formatLocation(added) }))
  // The response to the addition carries no notes: a second test yields them.
  await testKept(directory, added).then(
    sayNotes,
    ignoreError('the destination was tested before it was added'),
  )
  const names = named(after.destinations.map((one) => one.name))
  if (after.destinations.length > 1) console.log(translate('cli.destinations.now', { names }))
}

/** Tests a destination of the settings with its stored secrets. */
const testKept = (directory: string, one: Destination) => requestTest(directory, one, {}, one.id)

function sayNotes({ found: { warning, notes } }: DestinationTest): void {
  for (const note of warning === undefined ? notes : [warning, ...notes])
    console.log(`  ${terminalWords(note)}`)
}

/** `holdfast destinations test NAME`; exits with 1 if the test fails. */
export async function testDestination(
  directory: string,
  given: string,
  { json }: { json?: boolean },
): Promise<void> {
  const destination = namedDestination((await settingsNow(directory)).destinations, given)
  const test = await testKept(directory, destination)
  const { works, steps, sentence, found } = test
  if (!works) process.exitCode = 1
  if (json) return console.log(jsonText({ works, steps, sentence, found }))
  console[works ? 'log' : 'error'](terminalWords(sentence))
  for (const { step, done, ms } of steps)
    if (ms !== null) {
      const end = translate(done ? 'cli.step.done' : 'cli.step.failed', { ms })
      console.log(`  ${about(translate(`cli.step.${step}`), end)}`)
    }
  sayNotes(test)
}
