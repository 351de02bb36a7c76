import { toSecretId, withoutSink, withSink, withSinkEnabled } from '../../../settings/event-sinks.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import type { eventsContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function eventsHandlers({ events }: Pick<Agent, 'events'>, context: SettingsContext) {
  return {
    addEventSink: ({ sink: given, secrets }) =>
      runAction(() => {
        const sink = { ...given, since: Date.now() }
        context.change((settings) => withSink(settings, sink), { id: toSecretId(sink.id), values: secrets })
      }),
    switchEventSink: ({ id, on }) => setterFor(context)((settings) => withSinkEnabled(settings, id, on)),
    removeEventSink: ({ id }) => setterFor(context)((settings) => withoutSink(settings, id)),
    events: (input) => events.read(input),
    testEventSink: ({ id }) => events.test(id),
  } satisfies HandlersOf<typeof eventsContract>
}
