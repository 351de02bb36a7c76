import { randomUUID } from 'node:crypto'
import type { ChannelTested } from '../../../alerts/incident.ts'
import { ignoreError } from '../../../dropped-errors.ts'
import {
  BEGINNING,
  type CloudEvent,
  type Cursor,
  type EventFilter,
  type EventNames,
  formatCursor,
  getEventNames,
  readCursor,
  toCloudEvent,
} from '../../../events/cloud-event.ts'
import { EventLog } from '../../../events/event-log.ts'
import { Sinks } from '../../../events/sinks.ts'
import { message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { getSink, toSecretId } from '../../../settings/event-sinks.ts'
import type { CommandInput, CommandOutput } from '../../contract.ts'
import type { AgentServices, Part } from '../../services.ts'

/** Events of one chunk of a stream. */
const FOLLOWED_AT_ONCE = 500
/** Delay before old events are removed for the first time. */
const PRUNE_AFTER_MS = 60_000

type Services = Pick<AgentServices, 'settings' | 'secrets' | 'host' | 'layout' | 'proxy' | 'log' | 'store'>

/** The agent's events: for readers, and for the sinks of the settings. A one-shot run only removes old ones. */
export class AgentEvents implements Part {
  readonly #agent: Services
  readonly #log: EventLog | null
  readonly #sinks: Sinks | null

  constructor(agent: Services) {
    const { host, layout, log, store } = agent
    this.#agent = agent
    const thread = host.eventThread
    this.#log = thread === null ? null : new EventLog(thread, layout.directory, log)
    this.#sinks =
      this.#log === null || host.kind === 'once'
        ? null
        : new Sinks(this.#log, { changed: (eventSinks) => store.update({ eventSinks }), log })
    // A start of the agent must not wait for it; a one-shot run ends soon.
    const afterMs = host.kind === 'once' ? 0 : PRUNE_AFTER_MS
    void this.#log?.pruneRegularly(afterMs, () => agent.settings.get().events)
  }

  /** Applies the settings to the sinks. */
  apply(): void {
    const { settings, secrets, host } = this.#agent
    const { sinks } = settings.get().events
    const known = secrets.get()
    this.#sinks?.configure({
      sinks,
      secrets: Object.fromEntries(sinks.map(({ id }) => [id, known[toSecretId(id)] ?? {}])),
      proxy: this.#agent.proxy(),
      computer: host.computerName,
      names: this.#names(),
    })
  }

  /** Returns events behind a place. @throws UserError events.cursor, events.notRead */
  async read({ since, limit, types, sources }: CommandInput<'events'>): Promise<CommandOutput<'events'>> {
    const from = since === null ? BEGINNING : readCursor(since)
    const filter = { types, sources }
    const page = (await this.#log?.read(from, filter, limit)) ?? {
      events: [],
      start: from,
      cursor: from,
      more: false,
    }
    return {
      events: page.events.map((event) => toCloudEvent(event, this.#names())),
      cursor: formatCursor(page.cursor),
      more: page.more,
    }
  }

  /** Yields the events behind a place, as they come; an empty list now and then, so that a reader may end. */
  async *follow(from: Cursor, filter: EventFilter, signal: AbortSignal): AsyncGenerator<CloudEvent[]> {
    for (let place = from; this.#log !== null && !signal.aborted; ) {
      const page = await this.#log
        .next(place, filter, FOLLOWED_AT_ONCE, signal)
        .catch(ignoreError('a reader whose connection ends reads again from its cursor', null))
      if (page === null) return
      place = page.cursor
      yield page.events.map((event) => toCloudEvent(event, this.#names()))
    }
  }

  /** Sends a test event to a sink. @throws UserError events.noSink */
  async test(id: string): Promise<ChannelTested> {
    const sink = getSink(this.#agent.settings.get(), id)
    const result = await this.#sinks?.test(sink, randomUUID())
    if (result === undefined) throw new UserError('agent.starting')
    return result.done
      ? { delivered: true, sentence: message('events.tested', { name: sink.name }) }
      : { delivered: false, sentence: result.reason }
  }

  async close(): Promise<boolean> {
    this.#sinks?.stop()
    return (await this.#log?.stop()) ?? true
  }

  #names(): EventNames {
    const { settings, host, layout } = this.#agent
    return getEventNames(settings.get(), host.computerName, layout.directory)
  }
}
