import { z } from 'zod'
import { messageSchema } from '../i18n/message-schema.ts'

/**
 * The messages between the supervisor and one kind of worker. Both ends validate with it: `config` and `requests` are
 * sent to the worker, `report` to the supervisor.
 */
export interface WorkerDefinition {
  name: string
  config: z.ZodType
  report: z.ZodType
  /** Requests that a supervisor may send to the worker, by name. */
  requests: Record<string, { input: z.ZodType; output: z.ZodType }>
}

export type WorkerConfig<D extends WorkerDefinition> = z.infer<D['config']>
export type WorkerReport<D extends WorkerDefinition> = z.infer<D['report']>
export type RequestName<D extends WorkerDefinition> = keyof D['requests'] & string
export type RequestInput<D extends WorkerDefinition, N extends RequestName<D>> = z.infer<
  D['requests'][N]['input']
>
export type RequestOutput<D extends WorkerDefinition, N extends RequestName<D>> = z.infer<
  D['requests'][N]['output']
>

/** Supervisor to worker. `nudge` means that there may be work: it has no payload and may be lost or repeated. */
export const toWorkerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('configure'), config: z.unknown() }),
  z.object({ type: z.literal('request'), id: z.number(), name: z.string(), input: z.unknown() }),
  z.object({ type: z.literal('nudge') }),
  z.object({ type: z.literal('stop') }),
])
export type ToWorker = z.infer<typeof toWorkerSchema>

/**
 * Worker to supervisor. `nudge` asks the supervisor to nudge the workers that wait for this one. `crowded` means that
 * calls wait for a thread of the pool. `stopped` means that the process has closed its files, or has used up the time for
 * it, and ends, though calls that hang may keep it.
 */
export const fromWorkerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), pid: z.number() }),
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('report'), report: z.unknown() }),
  z.object({ type: z.literal('response'), id: z.number(), output: z.unknown() }),
  z.object({ type: z.literal('failure'), id: z.number(), sentence: messageSchema }),
  z.object({ type: z.literal('nudge') }),
  z.object({ type: z.literal('crowded') }),
  z.object({ type: z.literal('stopped') }),
  z.object({
    type: z.literal('log'),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
  }),
])
export type FromWorker = z.infer<typeof fromWorkerSchema>
export type LogLevel = Extract<FromWorker, { type: 'log' }>['level']
