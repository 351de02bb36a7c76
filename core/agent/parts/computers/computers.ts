import { isDeepStrictEqual } from 'node:util'
import { KeptConnection } from '../../../backends/keep-connected.ts'
import { readReceived } from '../../../lib/i18n/received.ts'
import type { ProxyRoute } from '../../../lib/network/proxy.ts'
import type { Settings } from '../../../settings/schema.ts'
import type { AgentServices, Part } from '../../services.ts'
import type { ComputerState } from '../../state/schema.ts'
import { describeUnreachable, openOverviews, type Target } from './connect.ts'
import type { Overview } from './overview.ts'

/** Longest delay between two attempts to connect. */
const RETRY_SECONDS = 30

interface Watch {
  /** With the proxy: a change of it opens the connection anew. */
  target: Target & { proxy: ProxyRoute | null }
  connection: KeptConnection<null>
}

type Services = Pick<AgentServices, 'host' | 'settings' | 'secrets' | 'store' | 'log' | 'proxy'>

/** Keeps a connection to each computer of the settings. Its status is in the state, whose conditions report it. */
export class WatchedComputers implements Part {
  readonly #agent: Services
  readonly #watches = new Map<string, Watch>()

  constructor(agent: Services) {
    this.#agent = agent
  }

  apply(): void {
    const { settings, secrets, host } = this.#agent
    if (host.kind === 'once') return
    const known = secrets.get()
    const proxy = this.#agent.proxy()
    const targets = new Map(
      settings
        .get()
        .computers.map(({ id, ...one }) => [id, { ...one, token: known[id]?.token ?? '', proxy }]),
    )
    for (const [id, { target, connection }] of this.#watches) {
      if (isDeepStrictEqual(target, targets.get(id))) continue
      void connection.stop()
      this.#watches.delete(id)
    }
    for (const [id, target] of targets) {
      if (!this.#watches.has(id)) this.#watches.set(id, { target, connection: this.#watch(id, target) })
    }
  }

  end(): void {
    for (const { connection } of this.#watches.values()) void connection.stop()
    this.#watches.clear()
  }

  #watch(id: string, target: Watch['target']): KeptConnection<null> {
    const show = (overview: Overview) => this.#update(id, (state) => withOverview(state, overview))
    const onState = (
      state: ComputerState['connection']['state'],
      problem: ComputerState['connection']['problem'],
    ) => this.#update(id, (one) => withConnection(one, { state, problem }, Date.now()))
    return new KeptConnection<null>(
      {
        retrySeconds: RETRY_SECONDS,
        toTrouble: (reason) => ({ state: 'unreachable', problem: describeUnreachable(reason, target) }),
        open: async ({ signal, end }) => {
          const { localAddress } = await openOverviews(target, signal, { onOverview: show, onEnd: end })
          return { session: null, isToItself: false, localAddress, close: () => undefined }
        },
      },
      {
        onState,
        onTrouble: () => undefined,
        onSession: () => undefined,
        log: (level, text) => this.#agent.log(level, `${target.name}: ${text}`),
      },
    )
  }

  #update(id: string, change: (state: ComputerState) => ComputerState): void {
    const { store } = this.#agent
    store.update({ computers: store.state.computers.map((one) => (one.id === id ? change(one) : one)) })
  }
}

/** Returns the states of the computers in the settings. One whose address has not changed keeps its state. */
export function computerStates(
  { computers }: Pick<Settings, 'computers'>,
  before: readonly ComputerState[],
  now: number,
): ComputerState[] {
  return computers.map(({ id, name, address }) => {
    const known = before.find((one) => one.id === id && one.address === address)
    const connection = { state: 'connecting' as const, since: now, problem: null }
    return { connection, status: null, ...known, id, name, address }
  })
}

function withOverview(state: ComputerState, overview: Overview): ComputerState {
  const { level, version, senders } = overview
  const failures = overview.failures?.map((one) => ({ id: one.id, ...readReceived(one) })) ?? []
  return {
    ...state,
    status: { level, version, senders, failures, sentence: readReceived(overview).sentence },
  }
}

function withConnection(
  computer: ComputerState,
  connection: Omit<ComputerState['connection'], 'since'>,
  now: number,
): ComputerState {
  const before = computer.connection
  const isChange = (before.state === 'connected') !== (connection.state === 'connected')
  return { ...computer, connection: { ...connection, since: isChange ? now : before.since } }
}
