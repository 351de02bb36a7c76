import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { errorText } from '../../core/files/system-error.ts'
import { throttled } from '../../core/pacing/throttled.ts'
import type { Receiver, ReceiverOptions } from '../../core/receive/receiver.ts'
import { startStoreReceiver } from '../../core/receive/receiver.ts'
import { DEFAULT_RULES } from '../../core/store/limits/rules.ts'
import { messageSchema } from '../../core/words/message-schema.ts'
import { sentenceOf } from '../../core/words/problem.ts'
import type { ConfigOf, WorkerDefinition } from '../../core/worker/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../../core/worker/serve.ts'

const runningSchema = z.object({
  port: z.number(),
  fingerprint: z.string(),
  storeDirectory: z.string(),
  receivedFiles: z.number(),
  receivedBytes: z.number(),
  refusedConnections: z.number(),
})
export type RunningReport = z.infer<typeof runningSchema>

export const receiverDefinition = {
  name: 'receiver' as const,
  config: z.object({
    storeDirectory: z.string(),
    host: z.string(),
    /** 0: any free port; the report says which. */
    port: z.number().int().min(0).max(65_535),
    name: z.string(),
    /** Senders that are accepted without pairing. */
    trusted: z.array(z.object({ fingerprint: z.string(), name: z.string() })),
  }),
  /** How it runs, or why it cannot start; then it tries again by itself. */
  report: z.union([runningSchema, z.object({ problem: messageSchema })]),
  requests: {},
} satisfies WorkerDefinition

type Definition = typeof receiverDefinition
type Config = ConfigOf<Definition>
/** The scripts of the threads that it starts. */
type Threads = Pick<ReceiverOptions, 'storeThread'>

const REPORT_EVERY_MS = 250
/** A store that cannot be used now, or a port that is taken, is tried again after this. */
const RETRY_MS = 3_000

/** A receiver as a process that a test drives: it follows its configuration, and keeps trying while the store cannot be used. */
export function startReceiver(threads: Threads) {
  return (context: WorkerContext<Definition>): WorkerHandlers<Definition> => serve(context, threads)
}

function serve(context: WorkerContext<Definition>, threads: Threads): WorkerHandlers<Definition> {
  let config: Config | null = null
  let receiver: Receiver | null = null
  let retrying: NodeJS.Timeout | null = null
  let over = false
  /** The number of the latest start: what an earlier one opens is closed again. */
  let latest = 0

  const report = () => {
    if (receiver === null) return
    const { port, fingerprint, storeDirectory, refusedConnections, counters } = receiver
    const { receivedFiles, receivedBytes } = counters
    context.report({ port, fingerprint, storeDirectory, receivedFiles, receivedBytes, refusedConnections })
  }
  const onChange = throttled(REPORT_EVERY_MS, report)

  const start = async (): Promise<void> => {
    if (config === null || over) return
    latest += 1
    const mine = latest
    try {
      const started = await startStoreReceiver(
        { ...config, rules: DEFAULT_RULES, ...threads },
        { onChange, log: context.log },
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
    onChange.stop()
    await receiver?.close()
    receiver = null
  }

  return {
    async configure(next) {
      const before = config
      config = next
      if (receiver !== null && isDeepStrictEqual(before, next)) return
      await close()
      await start()
    },
    requests: {},
    async stop() {
      over = true
      await close()
    },
  }
}
