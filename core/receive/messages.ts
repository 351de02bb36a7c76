import { z } from 'zod'
import { messageSchema } from '../words/message-schema.ts'
import type { WorkerDefinition } from '../worker/definition.ts'

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
    /** Senders that are accepted without pairing: the embedded receiver's own computer. */
    trusted: z.array(z.object({ fingerprint: z.string(), name: z.string() })),
  }),
  /** How it runs, or why it cannot start; then it tries again by itself. */
  report: z.union([runningSchema, z.object({ problem: messageSchema })]),
  requests: {},
} satisfies WorkerDefinition
