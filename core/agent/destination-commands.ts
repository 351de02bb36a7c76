import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { AddedDestination } from '../settings/adding.ts'
import { completed, secretsOfDestination, withAdded, withDestinationChanged } from '../settings/adding.ts'
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
import type { CommandHandlers } from './commands.ts'
import type { Outcome } from './contract.ts'

type DestinationCommands =
  | 'pair'
  | 'addDestination'
  | 'changeDestination'
  | 'testDestination'
  | 'newEncryptionKey'
  | 'renameDestination'
  | 'removeDestination'
  | 'setDestinations'

/** The commands that are about where files go. `change` makes an outcome of what it does. */
export function destinationCommands(
  agent: Agent,
  change: (act: () => void | Promise<void>) => Promise<Outcome>,
): Pick<CommandHandlers, DestinationCommands> {
  const set = (update: (settings: Settings) => Settings) => change(() => agent.change(update))

  const test: CommandHandlers['testDestination'] = async ({ id, destination, secrets }) => {
    const known = id === undefined ? {} : (agent.secrets.get()[id] ?? {})
    const { fields } = secretsOfDestination({ ...destination, id: id ?? '' })
    const names = new Set(fields.map((field) => field.name))
    const kept = Object.entries(known).filter(([name]) => names.has(name))
    return agent.senders.request('test', {
      destination,
      secrets: { ...Object.fromEntries(kept), ...secrets },
    })
  }

  /** @throws Problem the sentence of what does not work */
  const refuseBroken = async (destination: AddedDestination, secrets: Record<string, string>) => {
    const { works, sentence } = await test({ ...destination, destination, secrets })
    if (!works) throw new Problem(sentence.key, sentence.params)
  }

  /** What is refused leaves no secret behind. */
  const put = async (
    destination: AddedDestination,
    secrets: Record<string, string>,
    update: (settings: Settings, destination: AddedDestination) => Settings,
  ) => {
    update(agent.settings.get(), destination)
    agent.settings.tryWriting()
    await refuseBroken(destination, secrets)
    update(agent.settings.get(), destination)
    await agent.secrets.set(secretsOfDestination(destination), secrets)
    agent.change((settings) => update(settings, destination))
  }

  return {
    pair: ({ code, name }) =>
      change(async () => {
        refuseMore(agent.settings.get(), parsePairingCode(code))
        // The code works once: it is not used up where what it gives cannot be written.
        agent.settings.tryWriting()
        const paired = await agent.senders.request('pair', {
          code: code.trim(),
          name: name ?? agent.host.computerName,
        })
        agent.change((settings) => withDestination(settings, paired))
      }),
    addDestination: ({ destination, secrets }) =>
      change(() => put(completed(destination, randomUUID(), hostname()), secrets, withAdded)),
    changeDestination: ({ id, destination, secrets }) =>
      change(() => put(completed(destination, id, hostname()), secrets, withDestinationChanged)),
    testDestination: test,
    newEncryptionKey,
    renameDestination: ({ id, name }) => set((settings) => withRenamed(settings, id, name)),
    removeDestination: ({ id }) =>
      change(async () => {
        agent.change((settings) => withoutDestination(settings, id))
        await agent.secrets.keepOnly(secretOwners(agent.settings.get()))
      }),
    setDestinations: ({ id, destinations }) => set((settings) => withChosen(settings, id, destinations)),
  }
}
