import { isDeepStrictEqual } from 'node:util'
import { errorText } from '../files/system-error.ts'
import type { StoreRules } from '../store/limits/rules.ts'
import { DEFAULT_RULES } from '../store/limits/rules.ts'
import { Problem, sentenceOf } from '../words/problem.ts'
import type { ConfigOf } from '../worker/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import type { receiverDefinition } from './messages.ts'
import type { Receiver, ReceiverOptions } from './receiver.ts'
import { startStoreReceiver } from './receiver.ts'
import { answerRequests, sendersOf } from './requests.ts'

type Definition = typeof receiverDefinition
type Config = ConfigOf<Definition>
/** The scripts of the threads that it starts. */
type Threads = Pick<ReceiverOptions, 'storeThread'>

/** A store that cannot be used now, or a port that is taken, is tried again after this. */
const RETRY_MS = 3_000
/** What it has received, who is connected, and what senders say of themselves: a person looks at it. */
const REPORT_EVERY_MS = 1_000

/** The receiver as a worker: it follows its configuration, and keeps trying while the store cannot be used. */
export function startReceiver(threads: Threads) {
  return (context: WorkerContext<Definition>): WorkerHandlers<Definition> => serve(context, threads)
}

const rulesOf = ({ quotaBytes }: Config): StoreRules => ({
  ...DEFAULT_RULES,
  quota: { each: { bytes: quotaBytes, files: null }, of: {} },
})

function serve(context: WorkerContext<Definition>, threads: Threads): WorkerHandlers<Definition> {
  let config: Config | null = null
  let receiver: Receiver | null = null
  let retrying: NodeJS.Timeout | null = null
  let over = false
  /** The change that is under way. */
  let applying = Promise.resolve()
  /** The number of the latest start: what an earlier one opens is closed again. */
  let latest = 0

  const report = () => {
    if (receiver === null) return
    const { port, fingerprint, storeDirectory, refusedConnections, counters } = receiver
    const { receivedFiles, receivedBytes } = counters
    const received = { receivedFiles, receivedBytes, refusedConnections }
    context.report({ port, fingerprint, storeDirectory, ...received, senders: sendersOf(receiver) })
  }
  const reporting = setInterval(report, REPORT_EVERY_MS)

  const start = async (): Promise<void> => {
    if (config === null || over) return
    latest += 1
    const mine = latest
    try {
      const started = await startStoreReceiver(
        { ...config, rules: rulesOf(config), ...threads },
        { log: context.log },
      )
      if (over || mine !== latest) return await started.close()
      receiver = started
      report()
    } catch (thrown) {
      if (mine !== latest) return
      context.log('error', errorText(thrown))
      context.report({ problem: sentenceOf(thrown) })
      retrying = setTimeout(() => void start(), RETRY_MS)
    }
  }

  const close = async (): Promise<void> => {
    // A start that is under way may wait for its disk for ever: it is not waited for.
    latest += 1
    if (retrying !== null) clearTimeout(retrying)
    retrying = null
    await receiver?.close()
    receiver = null
  }

  return {
    async configure(next) {
      const isSame = isDeepStrictEqual(config, next)
      config = next
      if (isSame && receiver !== null) return
      applying = close().then(start)
      await applying
    },
    requests: answerRequests(async () => {
      await applying
      if (receiver === null || config === null) throw new Problem('agent.workerAway', { worker: 'receiver' })
      return config.storeDirectory
    }, report),
    async stop() {
      over = true
      clearInterval(reporting)
      await close()
    },
  }
}
