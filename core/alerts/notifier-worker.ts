import { message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import type { Incident, Notice, TimelineQuestion } from './incident.ts'
import { Notifier, openAlertStore } from './notifier.ts'
import type { NotifierConfig, notifierDefinition } from './notifier-messages.ts'

/** Runs the notifier as a worker: networks and their libraries must not block or crash the agent. */
export function startNotifier(
  storeThread: URL,
): (context: WorkerContext<typeof notifierDefinition>) => WorkerHandlers<typeof notifierDefinition> {
  return (context) => {
    let notifier: Notifier | null = null
    const begin = (config: NotifierConfig) => {
      const { file } = config
      const store = openAlertStore(storeThread, file, ({ why, aside }) => {
        const key = why === 'newer' ? 'alert.storeNewer' : 'alert.storeBroken'
        context.report({ notice: message(key, { path: file, aside }) })
      })
      return new Notifier(config, store, {
        show: (show) => context.report({ show }),
        channels: (channels, isIdle) => context.report({ channels, isIdle }),
        log: (level, text) => context.log(level, text),
      })
    }
    const running = (): Notifier => {
      if (notifier === null) throw new UserError('agent.starting')
      return notifier
    }
    return {
      configure: (config) => {
        if (notifier === null) notifier = begin(config)
        else notifier.configure(config)
        return Promise.resolve()
      },
      requests: {
        tell: async ({ notices }: { notices: Notice[] }) => {
          await running().tell(notices)
          return {}
        },
        record: async ({ incidents }: { incidents: Incident[] }) => {
          await running().record(incidents)
          return {}
        },
        test: ({ channel }: { channel: string }) => running().test(channel),
        timeline: (question: TimelineQuestion) => running().timeline(question),
      },
      stop: async () => notifier?.stop(),
    }
  }
}
