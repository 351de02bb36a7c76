import { isDeepStrictEqual } from 'node:util'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import type { RequestInput, WorkerConfig } from '../lib/workers/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { errorText } from '../platform/system-error.ts'
import { storeLayout } from '../store/layout.ts'
import { DEFAULT_RULES, type StoreRules } from '../store/quota/admission.ts'
import { chooseSender, openSenders, type Senders } from '../store/senders/senders.ts'
import { CODE_MINUTES, invite } from './pairing/invitation.ts'
import { type Receiver, type ReceiverOptions, startStoreReceiver } from './receiver.ts'
import { MOST_SENDERS, type ReceivedSender, type receiverDefinition } from './receiver-messages.ts'
import type { SenderState } from './senders/last-seen.ts'

type Definition = typeof receiverDefinition
type Config = WorkerConfig<Definition>
/** The scripts of the receiver's threads. */
type Threads = Pick<ReceiverOptions, 'storeThread'>

/** Retry interval if the store is unusable, or the port is taken. */
const RETRY_MS = 3_000
/** Interval of reports: counters, connections and sender status, for display. */
const REPORT_EVERY_MS = 1_000

/** Valid names of senders, as in the list of senders. */
const NAME = /^\P{Cc}{1,200}$/u

const buildRules = ({ quotaBytes, keep }: Config): StoreRules => ({
  ...DEFAULT_RULES,
  keep,
  quota: { each: { bytes: quotaBytes, files: null }, of: {} },
})

/** Lists the senders that may send, most recently seen first. */
function listSenders(receiver: Pick<Receiver, 'senderStates' | 'usage'>): ReceivedSender[] {
  const last = ({ connected, seenAt }: SenderState) => (connected ? Number.POSITIVE_INFINITY : (seenAt ?? 0))
  return receiver
    .senderStates()
    .sort((one, other) => last(other) - last(one) || one.name.localeCompare(other.name))
    .slice(0, MOST_SENDERS)
    .map(({ fingerprint, name, folder, seenAt, connected, status, statusAt }) => {
      const { files, bytes } = receiver.usage(folder)
      const told = {
        level: status?.level ?? null,
        sentence: status?.sentence ?? null,
        words: status?.words ?? null,
        statusAt,
      }
      return { fingerprint, name, folder, seenAt, connected, ...told, files, bytes }
    })
}

/** A receiver that follows its configuration, and retries while the store is unusable. */
class KeptReceiver {
  readonly #threads: Threads
  readonly #context: WorkerContext<Definition>
  readonly #reporting = setInterval(() => this.report(), REPORT_EVERY_MS)
  #config: Config | null = null
  #receiver: Receiver | null = null
  #retrying: NodeJS.Timeout | undefined
  #isOver = false
  /** The change in progress. */
  #applying = Promise.resolve()
  /** Number of the latest start. A receiver that an earlier start opens is closed again. */
  #latest = 0

  constructor(threads: Threads, context: WorkerContext<Definition>) {
    this.#threads = threads
    this.#context = context
  }

  async configure(next: Config): Promise<void> {
    const isSame = isDeepStrictEqual(this.#config, next)
    this.#config = next
    if (isSame && this.#receiver !== null) return
    await this.#startAnew()
  }

  report(): void {
    if (this.#receiver === null) return
    const { port, fingerprint, storeDirectory, refusedConnections, counters } = this.#receiver
    const { receivedFiles, receivedBytes } = counters
    const received = { receivedFiles, receivedBytes, refusedConnections }
    const senders = listSenders(this.#receiver)
    this.#context.report({ port, fingerprint, storeDirectory, ...received, senders })
  }

  /** Returns the directory of the store. @throws UserError if it cannot be used now. */
  async store(): Promise<string> {
    await this.#applying
    if (this.#receiver === null || this.#config === null)
      throw new UserError('agent.workerAway', { worker: 'receiver' })
    return this.#config.storeDirectory
  }

  async senders(): Promise<Senders> {
    return openSenders(storeLayout(await this.store()).senders, () => undefined)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#reporting)
    await this.#close()
  }

  async #startAnew(): Promise<void> {
    const closed = this.#close()
    this.#applying = closed.then(() => this.#start())
    // Not awaiting the start: on a dead disk it never ends, and the next configuration may use another disk.
    await closed
  }

  async #start(): Promise<void> {
    if (this.#config === null || this.#isOver) return
    this.#latest += 1
    const mine = this.#latest
    try {
      const started = await startStoreReceiver(
        { ...this.#config, rules: buildRules(this.#config), ...this.#threads },
        { log: this.#context.log, onReplaced: () => void this.#startAnew() },
      )
      if (this.#isOver || mine !== this.#latest) return await started.close()
      this.#receiver = started
      this.report()
    } catch (error) {
      if (mine !== this.#latest) return
      this.#context.log('error', errorText(error))
      this.#context.report({ problem: toSentence(error) })
      this.#retrying = setTimeout(() => void this.#start(), RETRY_MS)
    }
  }

  async #close(): Promise<void> {
    // A start in progress is not awaited, because it may wait for its disk forever.
    this.#latest += 1
    clearTimeout(this.#retrying)
    await this.#receiver?.close()
    this.#receiver = null
  }
}

/** Starts the receiver as a worker. */
export const startReceiver =
  (threads: Threads) =>
  (context: WorkerContext<Definition>): WorkerHandlers<Definition> => {
    const receiver = new KeptReceiver(threads, context)
    return {
      configure: (config) => receiver.configure(config),
      // The user's changes are written to the list of senders, which the receiver watches.
      requests: {
        async invite({ replaces }: RequestInput<Definition, 'invite'>) {
          const store = await receiver.store()
          const replaced =
            replaces === null ? null : chooseSender((await receiver.senders()).list(), replaces, store)
          const { code } = await invite(store, Date.now(), replaced?.folder)
          return { code, minutes: CODE_MINUTES }
        },
        async renameSender({ fingerprint, name }: RequestInput<Definition, 'renameSender'>) {
          const wanted = name.trim()
          if (!NAME.test(wanted)) throw new UserError('transfer.senderNameInvalid', { name })
          await (await receiver.senders()).rename(fingerprint, wanted)
          receiver.report()
          return {}
        },
        async revokeSender({ fingerprint }: RequestInput<Definition, 'revokeSender'>) {
          await (await receiver.senders()).revoke(fingerprint, Date.now())
          receiver.report()
          return {}
        },
      },
      stop: () => receiver.stop(),
    }
  }
