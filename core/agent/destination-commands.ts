import { randomUUID } from 'node:crypto'
import type { TestStage } from '../send/messages.ts'
import { completed, secretsOfDestination, withAdded, withDestinationChanged } from '../settings/adding.ts'
import type { Destination } from '../settings/destination-schema.ts'
import {
  refuseMore,
  withChosen,
  withDestination,
  withoutDestination,
  withRenamed,
} from '../settings/destinations.ts'
import { newEncryptionKey } from '../settings/encryption-key.ts'
import type { Settings } from '../settings/schema.ts'
import { secretOwners } from '../settings/secrets.ts'
import { parsePairingCode } from '../wire/pairing-code.ts'
import { Problem } from '../words/problem.ts'
import { done } from './answering.ts'
import type { CommandHandlers } from './contract.ts'
import type { Desk } from './settings/desk.ts'
import { placedFolder } from './settings/place-folder.ts'

/** The commands that are about where files go. */
export function destinationCommands(desk: Desk) {
  const set = (update: (settings: Settings) => Settings) => done(() => desk.change(update))
  return {
    pair: ({ code, name }) =>
      done(async () => {
        refuseMore(desk.settings.get(), parsePairingCode(code))
        // The code works once: it is not used up where what it gives cannot be written.
        desk.settings.tryWriting()
        const paired = await desk.pair({
          code: code.trim(),
          name: name ?? desk.computerName,
        })
        const isKnown = desk.settings.get().destinations.some(({ id }) => id === paired.id)
        desk.change((settings) => withDestination(settings, paired))
        if (isKnown) desk.restart(paired.id)
      }),
    addDestination: ({ destination, secrets }) =>
      done(() =>
        put(desk, completed(destination, randomUUID(), desk.computerName), secrets, 'adding', withAdded),
      ),
    changeDestination: ({ id, destination, secrets }) =>
      done(() =>
        put(desk, completed(destination, id, desk.computerName), secrets, 'kept', withDestinationChanged),
      ),
    testDestination: async ({ id, destination, secrets }) => {
      // What would not be added is not called good.
      if (id === undefined && destination.kind === 'folder') await placed(desk, { ...destination, id: '' })
      return desk.test({
        destination,
        secrets: id === undefined ? secrets : withKeptSecrets(desk, { ...destination, id }, secrets),
        stage: id === undefined ? 'given' : 'kept',
      })
    },
    newEncryptionKey,
    renameDestination: ({ id, name }) => set((settings) => withRenamed(settings, id, name)),
    removeDestination: ({ id }) =>
      done(async () => {
        desk.change((settings) => withoutDestination(settings, id))
        await desk.secrets.keepOnly(secretOwners(desk.settings.get()))
      }),
    setDestinations: ({ id, destinations }) => set((settings) => withChosen(settings, id, destinations)),
  } satisfies Partial<CommandHandlers>
}

/** A folder by its real path. @throws Problem refuse.… where it can be none. */
async function placed(desk: Desk, destination: Destination): Promise<Destination> {
  if (destination.kind !== 'folder') return destination
  const facts = await desk.inspect(destination.path)
  return placedFolder(destination, facts, desk.settings.get(), desk.layout)
}

/** What is refused leaves no secret behind. */
async function put(
  desk: Desk,
  given: Destination,
  secrets: Record<string, string>,
  stage: TestStage,
  update: (settings: Settings, destination: Destination) => Settings,
): Promise<void> {
  update(desk.settings.get(), given)
  desk.settings.tryWriting()
  const destination = await placed(desk, given)
  update(desk.settings.get(), destination)
  const all = withKeptSecrets(desk, destination, secrets)
  const { works, sentence } = await desk.test({ destination, secrets: all, stage })
  if (!works) throw new Problem(sentence.key, sentence.params)
  update(desk.settings.get(), destination)
  await desk.secrets.set(secretsOfDestination(destination), secrets)
  desk.change((settings) => update(settings, destination))
}

/**
 * What is given, and what is kept of the destination's secrets besides.
 * @throws Problem alert.secretsUnreadable where nothing is given, and what is kept cannot be read.
 */
function withKeptSecrets(
  desk: Desk,
  destination: Parameters<typeof secretsOfDestination>[0] & { name: string },
  given: Record<string, string>,
): Record<string, string> {
  const { id, name } = destination
  if (Object.keys(given).length === 0 && desk.secrets.unreadable().includes(id))
    throw new Problem('alert.secretsUnreadable', { name })
  const names = new Set(secretsOfDestination(destination).fields.map((field) => field.name))
  const kept = Object.entries(desk.secrets.get()[id] ?? {}).filter(([field]) => names.has(field))
  const all = { ...Object.fromEntries(kept), ...given }
  // An empty one is taken away.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}
