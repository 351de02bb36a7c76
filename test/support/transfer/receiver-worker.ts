import path from 'node:path'
import { z } from 'zod'
import type { WorkerContext, WorkerHandlers } from '../../../core/lib/workers/serve.ts'
import { receiverDefinition as definition } from '../../../core/receive/receiver-messages.ts'
import { startReceiver as start } from '../../../core/receive/receiver-worker.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import { pairBefore } from './pair-before.ts'

/** The product's receiver process, with senders that are paired before it begins. */
export const receiverDefinition = {
  ...definition,
  config: z.object({
    storeDirectory: z.string(),
    host: z.string(),
    /** 0: any free port; the report says which. */
    port: z.number().int().min(0).max(65_535),
    name: z.string(),
    paired: z.array(z.object({ fingerprint: z.string(), name: z.string() })),
  }),
}

type Definition = typeof receiverDefinition

export function startReceiver(threads: Parameters<typeof start>[0]) {
  return (context: WorkerContext<Definition>): WorkerHandlers<Definition> => {
    const receiver = start(threads)({ ...context })
    return {
      ...receiver,
      async configure({ paired, ...config }) {
        // A store that cannot be used is the receiver's to tell.
        await pairBefore(config.storeDirectory, paired).catch(() => undefined)
        // It goes with the store: what a test removes it may set up again.
        const setUpStores = path.join(storeLayout(config.storeDirectory).own, 'set-up')
        await receiver.configure({ ...config, setUpStores, rules: DEFAULT_RULES, isocket: null })
      },
    }
  }
}
