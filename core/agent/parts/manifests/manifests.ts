import type { ManifestRequest } from '../../../fixity/make-manifest.ts'
import { LATE, withTimeout } from '../../../lib/async/timing.ts'
import type { Message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { openThread, type Thread } from '../../../lib/workers/thread.ts'
import type { ReportCalls } from '../../../report/report-thread.ts'
import { getSource } from '../../../settings/changes.ts'
import { destinationIds } from '../../../settings/destinations.ts'
import type { CommandInput, CommandOutput } from '../../contract.ts'
import type { AgentServices, Part } from '../../services.ts'

/** Time limit of a manifest that a view waits for. */
const WITHIN_MS = 60_000
/** Limit of manifests that wait for the thread. Further ones are refused at once. */
const MOST_WAITING = 4

type Services = Pick<AgentServices, 'settings' | 'layout' | 'host'>

/** Makes manifests for views, in a thread of their own: the disk that one is saved to may hang. */
export class Manifests implements Part {
  readonly #agent: Services
  readonly #thread: Thread<ReportCalls> | null

  constructor(agent: Services) {
    this.#agent = agent
    const { reportThread } = agent.host
    this.#thread = reportThread && openThread<ReportCalls>(reportThread, { youngMb: 64 })
  }

  /** Answers a view. @throws UserError refuse.noSource, fixity.notThere, fixity.tooLong, fixity.busy */
  async answer(input: CommandInput<'manifest'>): Promise<CommandOutput<'manifest'>> {
    const request = this.#request(input)
    const made = await withTimeout(WITHIN_MS, this.#ready().call('manifestTexts', request))
    if (made === LATE) throw new UserError('fixity.busy')
    return accepted(made)
  }

  /**
   * Writes a manifest to a file, or into a directory (bagit, ro-crate).
   * @throws UserError refuse.noSource, fixity.notThere, fixity.notWritten, fixity.busy
   */
  async save(input: CommandInput<'manifest'>, to: string): Promise<Omit<CommandOutput<'manifest'>, 'texts'>> {
    return accepted(await this.#ready().call('saveManifest', { request: this.#request(input), to }))
  }

  /** Resolves to false if a hung disk blocks the thread. */
  async close(): Promise<boolean> {
    return (await this.#thread?.close()) ?? true
  }

  /** @throws UserError fixity.busy */
  #ready(): Thread<ReportCalls> {
    if (this.#thread === null || this.#thread.unanswered >= MOST_WAITING) throw new UserError('fixity.busy')
    return this.#thread
  }

  #request({ id, form, destination = null, license = null }: CommandInput<'manifest'>): ManifestRequest {
    const { settings, layout, host } = this.#agent
    const { path, name } = getSource(settings.get(), id)
    const own = destinationIds(settings.get(), getSource(settings.get(), id))
    if (destination !== null && !own.includes(destination))
      throw new UserError('fixity.notThere', { name, destination })
    return {
      ledger: layout.ledger,
      source: { id, path, name },
      destinations: destination === null ? own : [destination],
      ...{ form, license, agent: `Holdfast ${host.version}` },
    }
  }
}

function accepted<T>(made: { output: T } | { refusal: Message }): T {
  if ('output' in made) return made.output
  throw new UserError(made.refusal.key, made.refusal.params)
}
