import { randomUUID } from 'node:crypto'
import type { TestStage } from '../../../backends/backend-messages.ts'
import { encrypterFor } from '../../../backends/encrypted/age.ts'
import { LATE, withTimeout } from '../../../lib/async/timing.ts'
import { formatAddress } from '../../../lib/i18n/formats.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { findDisk, readMounts } from '../../../platform/mounts.ts'
import { parseEnteredCode } from '../../../protocol/short-code.ts'
import type { Destination } from '../../../settings/destination-schema.ts'
import {
  completeDestination,
  destinationIds,
  refuseMore,
  secretsOfDestination,
  withAdded,
  withDestination,
  withDestinationChanged,
  withEjected,
  withoutDestination,
  withRenamed,
} from '../../../settings/destinations.ts'
import { ownKnownHosts, readKnownHostIn } from '../../../settings/known-hosts.ts'
import type { Settings } from '../../../settings/schema.ts'
import type { SecretOwner } from '../../../settings/secret-owner.ts'
import { newEncryptionKey, refuseSecret, staysAtPlace } from '../../../settings/secrets.ts'
import { placedFolder } from '../../accept-path.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { CommandInput } from '../../contract.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import { eject } from '../destinations/ejecting.ts'
import { deleteLocalCopies } from '../destinations/local-copies.ts'
import type { destinationsContract } from './contract.ts'

/** Time limit for finding the disk of a source, which may hang, during the test of a folder. */
const INSPECT_WITHIN_MS = 1_000

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function destinationsHandlers(
  agent: Parameters<typeof deleteLocalCopies>[0],
  context: SettingsContext,
) {
  const set = setterFor(context)
  return {
    pair: ({ code, name }) =>
      runAction(async () => {
        refuseMore(context.settings.get(), parseEnteredCode(code))
        // The code works once, so it must not be used up if the settings cannot be saved.
        context.settings.tryWriting()
        const paired = await context.pair({
          code: code.trim(),
          name: name ?? context.computerName,
        })
        const isKnown = context.settings.get().destinations.some(({ id }) => id === paired.id)
        context.change((settings) => withDestination(settings, paired))
        if (isKnown) context.restart(paired.id)
      }),
    addDestination: ({ destination, secrets }) =>
      runAction(() =>
        saveDestination(context, { id: randomUUID(), destination, secrets }, 'adding', withAdded),
      ),
    changeDestination: (input) =>
      runAction(() => saveDestination(context, input, 'kept', withDestinationChanged)),
    testDestination: async ({ id, destination, secrets }) => {
      const isNew = id === undefined
      await requireRecipient(destination)
      // The test must fail for a folder that `addDestination` would refuse.
      const folder =
        isNew && destination.kind === 'folder'
          ? await resolveFolder(context, { ...destination, id: '' })
          : destination
      const test = await context.test({
        destination,
        secrets: isNew
          ? secrets
          : withKeptSecrets(context, secretsOfDestination({ ...destination, id }), secrets),
        stage: isNew ? 'given' : 'kept',
      })
      if (folder.kind !== 'folder' || !test.works) return test
      const warning = await findSameDiskWarning(context, folder.path, id)
      return { ...test, found: { ...test.found, ...(warning !== null && { warning }) } }
    },
    readKnownHosts,
    newEncryptionKey,
    ejectDestination: ({ id }) => eject(context, id),
    useDestination: ({ id }) => set((settings) => withEjected(settings, id, null)),
    renameDestination: ({ id, name }) => set((settings) => withRenamed(settings, id, name)),
    removeDestination: ({ id }) => set((settings) => withoutDestination(settings, id)),
    deleteLocalCopies: () => runAction(() => deleteLocalCopies(agent)),
  } satisfies HandlersOf<typeof destinationsContract>
}

/** Tests and saves a destination. Stores its secrets only if it is accepted. */
async function saveDestination(
  context: SettingsContext,
  { id, destination: wanted, secrets }: CommandInput<'changeDestination'>,
  stage: TestStage,
  update: (settings: Settings, destination: Destination) => Settings,
): Promise<void> {
  const given = completeDestination(wanted, id, context.computerName)
  update(context.settings.get(), given)
  context.settings.tryWriting()
  await requireRecipient(given)
  const destination = await resolveFolder(context, given)
  update(context.settings.get(), destination)
  const all = withKeptSecrets(context, secretsOfDestination(destination), secrets)
  const { works, sentence } = await context.test({ destination, secrets: all, stage })
  if (!works) throw new UserError(sentence.key, sentence.params)
  update(context.settings.get(), destination)
  context.change((settings) => update(settings, destination), { id, values: secrets })
}

/**
 * Requires that files can be encrypted for the destination's recipient. A place that was begun with a mistyped one would
 * refuse the right one afterwards.
 * @throws UserError transfer.objects.recipient
 */
async function requireRecipient(destination: CommandInput<'testDestination'>['destination']): Promise<void> {
  const { recipient = null } = 'recipient' in destination ? destination : {}
  if (recipient !== null) await encrypterFor(recipient, destination.name ?? '')
}

/**
 * Returns a folder destination with its real path.
 * @throws UserError refuse.… if the folder cannot be a destination
 */
async function resolveFolder(context: SettingsContext, destination: Destination): Promise<Destination> {
  if (destination.kind !== 'folder') return destination
  const facts = await context.inspect(destination.path)
  return placedFolder(destination, facts, context.settings.get(), context.layout)
}

/**
 * Adds the destination's stored secrets to the given ones, if it is still the same place.
 * @throws UserError alert.secretsUnreadable if none are given and the stored ones cannot be read; alert.secretMoved
 */
function withKeptSecrets(
  context: SettingsContext,
  owner: SecretOwner,
  given: Record<string, string>,
): Record<string, string> {
  const { id, name, fields } = owner
  if (!staysAtPlace(context.settings.get(), owner)) {
    const moved = fields.find((field) => field.required && (given[field.name] ?? '') === '')
    if (moved !== undefined) throw refuseSecret('missing', moved.name, id in context.secrets.get())
    return given
  }
  if (Object.keys(given).length === 0 && context.secrets.unreadable().includes(id))
    throw new UserError('alert.secretsUnreadable', { name })
  const names = new Set(fields.map((field) => field.name))
  const kept = Object.entries(context.secrets.get()[id] ?? {}).filter(([field]) => names.has(field))
  const all = { ...Object.fromEntries(kept), ...given }
  // An empty value removes the secret.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}

/**
 * Returns a warning if sources are on the same disk as a folder.
 * @param id of an existing destination
 */
async function findSameDiskWarning(
  { settings: kept, inspect }: SettingsContext,
  folder: string,
  id: string | undefined,
): Promise<Message | null> {
  const settings = kept.get()
  const mounts = readMounts()
  const disk = findDisk(folder, mounts)
  if (disk === null) return null
  const wanted = settings.sources.filter(
    (source) => id === undefined || destinationIds(settings, source).includes(id),
  )
  const names = await Promise.all(
    wanted.map(async ({ name, path }) => {
      // The disk of a source is unknown while it is absent or hangs.
      const facts = await withTimeout(INSPECT_WITHIN_MS, inspect(path)).catch((): typeof LATE => LATE)
      return facts !== LATE && facts.real !== null && findDisk(facts.real, mounts) === disk ? [name] : []
    }),
  )
  const [name, ...others] = names.flat()
  if (name === undefined) return null
  return message('test.sameDisk', { name, count: others.length + 1, more: others.length })
}

async function readKnownHosts(server: { host: string; port: number }) {
  const file = ownKnownHosts()
  const { keys, hasAuthority } = await readKnownHostIn(file, server)
  const params = { file, address: formatAddress(server.host, server.port) }
  const [found] = keys
  if (found !== undefined) return { keys, sentence: message('sftp.knownHosts.found', { ...params, found }) }
  const key = hasAuthority ? 'sftp.knownHosts.authority' : 'sftp.knownHosts.none'
  return { keys, sentence: message(key, params) }
}
