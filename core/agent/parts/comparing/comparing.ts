import { setTimeout as delay } from 'node:timers/promises'
import { toSentence, UserError } from '../../../lib/i18n/user-error.ts'
import { getSource } from '../../../settings/changes.ts'
import type { CommandInput } from '../../contract.ts'
import type { AgentServices, Part } from '../../services.ts'
import type { AppState } from '../../state/schema.ts'
import type { Restores } from '../restore/restores.ts'
import { createReader } from '../restore/restores.ts'

const POLL_MS = 200

type Services = Pick<AgentServices, 'settings' | 'store' | 'host' | 'log'> & {
  restores: Restores
}

/** Compares destinations with manifests, in a process that reads both; nothing is sent again. One at a time. */
export class Comparing implements Part {
  readonly #agent: Services
  readonly #worker: ReturnType<typeof createReader>
  #stopping = new AbortController()

  constructor(agent: Services) {
    this.#agent = agent
    this.#worker = createReader(agent)
  }

  /**
   * @param file absolute path of the manifest, as the person at this computer chose it.
   * @throws UserError fixity.comparing, refuse.noSource
   */
  start(asked: CommandInput<'compareList'>, file: string): void {
    const { settings, store } = this.#agent
    if (store.state.comparison?.phase === 'running') throw new UserError('fixity.comparing')
    const { name } = getSource(settings.get(), asked.id)
    store.update({
      comparison: {
        ...{ phase: 'running', source: asked.id, destination: asked.destination, file, sentence: null },
        ...{ files: 0, bytes: 0, totalFiles: null, damaged: 0, missing: 0, unreadable: 0, differences: [] },
      },
    })
    this.#stopping = new AbortController()
    void this.#run(asked, name, file, this.#stopping.signal)
  }

  /** The process ends: it may hang with a disk. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#worker.rest()
    this.#show({ phase: 'stopped' })
  }

  /** True if files are being read from a destination. */
  isReading(id: string): boolean {
    const { comparison } = this.#agent.store.state
    return comparison?.phase === 'running' && comparison.destination === id
  }

  async end(): Promise<void> {
    this.#stopping.abort()
    await this.#worker.stop()
  }

  async #run(
    { id, destination, identity }: CommandInput<'compareList'>,
    name: string,
    manifest: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { restores } = this.#agent
    try {
      const from = restores.getLibrarySettings(destination, null, identity ?? null)
      const { folders } = await restores.ask('folders', { destination }, {})
      // The worker refuses a folder that is not there.
      const folder = folders.find(({ source }) => source === id)?.name ?? name
      if (!signal.aborted) await this.#worker.request('compare', { from, folder, manifest })
      while (!signal.aborted) {
        const { isEnded, ...compared } = await this.#worker.request('compared', {})
        if (signal.aborted) return
        this.#show({ ...compared, phase: isEnded ? 'done' : 'running' })
        if (isEnded) return
        await delay(POLL_MS, undefined, { ref: false })
      }
    } catch (error) {
      if (!signal.aborted) this.#show({ phase: 'failed', sentence: toSentence(error) })
    }
  }

  /** Changes the running comparison. */
  #show(changes: Partial<NonNullable<AppState['comparison']>>): void {
    const { store } = this.#agent
    const { comparison } = store.state
    if (comparison?.phase === 'running') store.update({ comparison: { ...comparison, ...changes } })
  }
}
