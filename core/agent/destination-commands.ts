import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
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
import type { Agent } from './agent.ts'
import { change, outcomeOf } from './answering.ts'
import type { CommandHandlers } from './contract.ts'
import { deleteLocalCopies } from './local-copies.ts'
import { placedFolder } from './settings/place-folder.ts'

/** The commands that are about where files go. */
export function destinationCommands(agent: Agent) {
  const set = (update: (settings: Settings) => Settings) => change(agent, () => agent.change(update))
  return {
    pair: ({ code, name }) =>
      change(agent, async () => {
        refuseMore(agent.settings.get(), parsePairingCode(code))
        // The code works once: it is not used up where what it gives cannot be written.
        agent.settings.tryWriting()
        const paired = await agent.senders.request('pair', {
          code: code.trim(),
          name: name ?? agent.host.computerName,
        })
        const isKnown = agent.settings.get().destinations.some(({ id }) => id === paired.id)
        agent.change((settings) => withDestination(settings, paired))
        if (isKnown) agent.senders.restart(paired.id)
      }),
    addDestination: ({ destination, secrets }) =>
      change(agent, () =>
        put(agent, completed(destination, randomUUID(), hostname()), secrets, 'adding', withAdded),
      ),
    changeDestination: ({ id, destination, secrets }) =>
      change(agent, () =>
        put(agent, completed(destination, id, hostname()), secrets, 'kept', withDestinationChanged),
      ),
    testDestination: async ({ id, destination, secrets }) => {
      // What would not be added is not called good.
      if (id === undefined && destination.kind === 'folder') await placed(agent, { ...destination, id: '' })
      return agent.senders.request('test', {
        destination,
        secrets: id === undefined ? secrets : withKeptSecrets(agent, { ...destination, id }, secrets),
        stage: id === undefined ? 'given' : 'kept',
      })
    },
    newEncryptionKey,
    renameDestination: ({ id, name }) => set((settings) => withRenamed(settings, id, name)),
    removeDestination: ({ id }) =>
      change(agent, async () => {
        agent.change((settings) => withoutDestination(settings, id))
        await agent.secrets.keepOnly(secretOwners(agent.settings.get()))
      }),
    deleteLocalCopies: () => outcomeOf(() => deleteLocalCopies(agent)),
    setDestinations: ({ id, destinations }) => set((settings) => withChosen(settings, id, destinations)),
  } satisfies Partial<CommandHandlers>
}

/** A folder by its real path. @throws Problem refuse.… where it can be none. */
async function placed(agent: Agent, destination: Destination): Promise<Destination> {
  if (destination.kind !== 'folder') return destination
  const facts = await agent.checker.request('inspect', { path: destination.path })
  return placedFolder(destination, facts, agent.settings.get(), agent.layout)
}

/** What is refused leaves no secret behind. */
async function put(
  agent: Agent,
  given: Destination,
  secrets: Record<string, string>,
  stage: TestStage,
  update: (settings: Settings, destination: Destination) => Settings,
): Promise<void> {
  update(agent.settings.get(), given)
  agent.settings.tryWriting()
  const destination = await placed(agent, given)
  update(agent.settings.get(), destination)
  const all = withKeptSecrets(agent, destination, secrets)
  const { works, sentence } = await agent.senders.request('test', { destination, secrets: all, stage })
  if (!works) throw new Problem(sentence.key, sentence.params)
  update(agent.settings.get(), destination)
  await agent.secrets.set(secretsOfDestination(destination), secrets)
  agent.change((settings) => update(settings, destination))
}

/**
 * What is given, and what is kept of the destination's secrets besides.
 * @throws Problem alert.secretsUnreadable where nothing is given, and what is kept cannot be read.
 */
function withKeptSecrets(
  agent: Agent,
  destination: Parameters<typeof secretsOfDestination>[0] & { name: string },
  given: Record<string, string>,
): Record<string, string> {
  const { id, name } = destination
  if (Object.keys(given).length === 0 && agent.secrets.unreadable().includes(id))
    throw new Problem('alert.secretsUnreadable', { name })
  const names = new Set(secretsOfDestination(destination).fields.map((field) => field.name))
  const kept = Object.entries(agent.secrets.get()[id] ?? {}).filter(([field]) => names.has(field))
  const all = { ...Object.fromEntries(kept), ...given }
  // An empty one is taken away.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}
