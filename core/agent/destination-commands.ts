import { randomUUID } from 'node:crypto'
import { LATE, withTimeout } from '../lib/async/with-timeout.ts'
import { formatAddress } from '../lib/i18n/address.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { findDisk, readMounts } from '../platform/mounts/mountinfo.ts'
import { parsePairingCode } from '../protocol/pairing-code.ts'
import type { TestStage } from '../send/sender-messages.ts'
import {
  completeDestination,
  secretsOfDestination,
  withAdded,
  withDestinationChanged,
} from '../settings/adding.ts'
import type { Destination } from '../settings/destination-schema.ts'
import {
  destinationIds,
  refuseMore,
  withDestination,
  withoutDestination,
  withRenamed,
} from '../settings/destinations.ts'
import { newEncryptionKey } from '../settings/encryption-key.ts'
import { ownKnownHosts, readKnownHostIn } from '../settings/known-hosts.ts'
import type { Settings } from '../settings/schema.ts'
import { secretOwners } from '../settings/secrets.ts'
import { runAction } from './answering.ts'
import type { CommandHandlers, CommandInput } from './contract.ts'
import type { SettingsContext } from './settings/context.ts'
import { placedFolder } from './settings/place-folder.ts'

/** Returns the handlers of the commands that change destinations. */
export function destinationCommands(context: SettingsContext) {
  const set = (update: (settings: Settings) => Settings) => runAction(() => context.change(update))
  return {
    pair: ({ code, name }) =>
      runAction(async () => {
        refuseMore(context.settings.get(), parsePairingCode(code))
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
      // The test must not pass for a folder that adding would refuse.
      const folder =
        isNew && destination.kind === 'folder'
          ? await resolveFolder(context, { ...destination, id: '' })
          : destination
      const test = await context.test({
        destination,
        secrets: isNew ? secrets : withKeptSecrets(context, { ...destination, id }, secrets),
        stage: isNew ? 'given' : 'kept',
      })
      if (folder.kind !== 'folder' || !test.works) return test
      const warning = await findSameDiskWarning(context, folder.path, id)
      return { ...test, found: { ...test.found, ...(warning !== null && { warning }) } }
    },
    readKnownHosts,
    newEncryptionKey,
    renameDestination: ({ id, name }) => set((settings) => withRenamed(settings, id, name)),
    removeDestination: ({ id }) =>
      runAction(async () => {
        context.change((settings) => withoutDestination(settings, id))
        await context.secrets.keepOnly(secretOwners(context.settings.get()))
      }),
  } satisfies Partial<CommandHandlers>
}

async function readKnownHosts(server: { host: string; port: number }) {
  const file = ownKnownHosts()
  const { keys, hasAuthority } = await readKnownHostIn(file, server)
  const said = { file, address: formatAddress(server.host, server.port) }
  const [found] = keys
  if (found !== undefined) return { keys, sentence: message('sftp.knownHosts.found', { ...said, found }) }
  const key = hasAuthority ? 'sftp.knownHosts.authority' : 'sftp.knownHosts.none'
  return { keys, sentence: message(key, said) }
}

/** Timeout of a test for reading the disk of a source, which may hang. */
const LOOK_WITHIN_MS = 1_000

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
      const facts = await withTimeout(LOOK_WITHIN_MS, inspect(path)).catch((): typeof LATE => LATE)
      return facts !== LATE && facts.real !== null && findDisk(facts.real, mounts) === disk ? [name] : []
    }),
  )
  const [name, ...others] = names.flat()
  if (name === undefined) return null
  return message('test.sameDisk', { name, count: others.length + 1, more: others.length })
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
  const destination = await resolveFolder(context, given)
  update(context.settings.get(), destination)
  const all = withKeptSecrets(context, destination, secrets)
  const { works, sentence } = await context.test({ destination, secrets: all, stage })
  if (!works) throw new UserError(sentence.key, sentence.params)
  update(context.settings.get(), destination)
  await context.secrets.set(secretsOfDestination(destination), secrets)
  context.change((settings) => update(settings, destination))
}

/**
 * Adds the destination's stored secrets to the given ones.
 * @throws UserError alert.secretsUnreadable if none are given and the stored ones cannot be read
 */
function withKeptSecrets(
  context: SettingsContext,
  destination: Parameters<typeof secretsOfDestination>[0] & { name: string },
  given: Record<string, string>,
): Record<string, string> {
  const { id, name } = destination
  if (Object.keys(given).length === 0 && context.secrets.unreadable().includes(id))
    throw new UserError('alert.secretsUnreadable', { name })
  const names = new Set(secretsOfDestination(destination).fields.map((field) => field.name))
  const kept = Object.entries(context.secrets.get()[id] ?? {}).filter(([field]) => names.has(field))
  const all = { ...Object.fromEntries(kept), ...given }
  // An empty value removes the secret.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}
