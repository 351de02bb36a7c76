import { unparkAll } from '../ledger/background-jobs.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { RequestInput } from '../lib/workers/definition.ts'
import type { WorkerHandlers } from '../lib/workers/serve.ts'
import { loadIdentity } from '../protocol/identity.ts'
import { ownName } from './computer-name.ts'
import { TEST_MS } from './destinations/connection-test.ts'
import { pairWithReceiver } from './destinations/receiver/pair.ts'
import { testDestination } from './destinations/test-destination.ts'
import type { senderDefinition } from './sender-messages.ts'

type RequestsDefinition = typeof senderDefinition

/** The access that the sender's requests need. */
export interface RequestsHost {
  /** @throws UserError agent.workerAway before the first configuration is carried out. */
  ledger(): Ledger
  /** @throws UserError agent.workerAway before the first configuration is carried out. */
  identityDirectory(): string
  destination(): string | null
  /** Files may have become waiting. */
  arrived(): void
  changed(): void
  signal: AbortSignal
}

export function answerRequests(host: RequestsHost): WorkerHandlers<RequestsDefinition>['requests'] {
  return {
    async files(query: RequestInput<RequestsDefinition, 'files'>) {
      const destination = host.destination()
      const destinations = query.destinations ?? (destination === null ? [] : [destination])
      return host.ledger().files(destinations, query)
    },
    async retry({ source, file }: RequestInput<RequestsDefinition, 'retry'>) {
      const destination = host.destination()
      if (destination === null) return { files: 0 }
      const ledger = host.ledger()
      const files =
        file === undefined
          ? await unparkAll(ledger, destination, source)
          : Number(ledger.unparkRow(destination, file))
      host.arrived()
      return { files }
    },
    async test({ destination, secrets, stage }: RequestInput<RequestsDefinition, 'test'>) {
      const identity = await loadIdentity(host.identityDirectory())
      const signal = AbortSignal.any([host.signal, AbortSignal.timeout(TEST_MS)])
      return testDestination(destination, { identity, name: ownName(), secrets, stage, signal })
    },
    async pair({ code, name }: RequestInput<RequestsDefinition, 'pair'>) {
      const identity = await loadIdentity(host.identityDirectory())
      host.changed()
      return pairWithReceiver(code, name, identity, host.signal)
    },
  }
}
