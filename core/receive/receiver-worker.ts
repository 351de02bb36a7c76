import { isDeepStrictEqual } from 'node:util'
import { HourlyCounts } from '../lib/hourly-counts.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import type { RequestInput, RequestOutput, WorkerConfig } from '../lib/workers/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { errorText } from '../platform/system-error.ts'
import { CODE_MINUTES } from '../protocol/limits.ts'
import { storeLayout } from '../store/layout.ts'
import type { StoreRules } from '../store/quota/admission.ts'
import { chooseSender, openSenders, type Senders } from '../store/senders/senders.ts'
import { invite, readInvitation } from './pairing/invitation.ts'
import { createProposal, withoutText } from './proposing.ts'
import { type Receiver, type ReceiverOptions, startStoreReceiver } from './receiver.ts'
import {
  MOST_SENDERS,
  type ReceivedSender,
  type RunningReport,
  type receiverDefinition,
} from './receiver-messages.ts'
import { judgeAlone, orderSenders } from './senders/fleet.ts'
import { createStoreProbe, findProblems, type StoreProbe } from './service/health.ts'
import { createMetrics, type Metrics } from './service/metrics.ts'

type Definition = typeof receiverDefinition
type Config = WorkerConfig<Definition>
/** The scripts of the receiver's threads. */
type Threads = Pick<ReceiverOptions, 'storeThread'>

/** Callbacks for a host in the same process, besides the reports. */
export interface ReceiverWatch {
  started(receiver: Receiver): void
  /** It could not start, which the host logs; another attempt follows. */
  failed(error: unknown): void
}

/** Retry interval if the store is unusable, or the port is taken. */
const RETRY_MS = 3_000
/** Interval of reports: counters, connections and sender status, for display. */
const REPORT_EVERY_MS = 1_000
/** Intervals of testing the store: while it is healthy, and after a failed test. */
const PROBE_EVERY_MS = 60_000
const PROBE_AGAIN_MS = 5_000
const HEALTHY: RunningReport['store'] = { problems: [], failures: 0 }

/** Valid names of senders, as in the list of senders. */
const NAME = /^\P{Cc}{1,200}$/u

/** Lists the senders that may send, the gravest first. */
function listSenders(receiver: Pick<Receiver, 'senderStates' | 'usage'>): ReceivedSender[] {
  const states = receiver.senderStates().map(({ status, proposal: kept, ...state }): ReceivedSender => {
    const { level = null, sentence = null, words = null, causes = [], version = null } = status ?? {}
    const { waitingFiles = null, oldestWaitingAt = null } = status ?? {}
    const told = { level, sentence, words, causes, version, waitingFiles, oldestWaitingAt }
    return { ...state, ...told, ...receiver.usage(state.folder), proposal: withoutText(kept) }
  })
  return orderSenders(states, judgeAlone(Date.now())).slice(0, MOST_SENDERS)
}

/** A receiver that follows its configuration, and retries while the store is unusable. */
class KeptReceiver {
  readonly #threads: Threads
  readonly #context: WorkerContext<Definition>
  readonly #watch: ReceiverWatch | null
  readonly #reporting = setInterval(() => this.report(), REPORT_EVERY_MS)
  #config: Config | null = null
  #receiver: Receiver | null = null
  #retrying: NodeJS.Timeout | undefined
  #probing: NodeJS.Timeout | undefined
  #probe: StoreProbe | null = null
  #store: RunningReport['store'] = HEALTHY
  /** Counts the files of each sender, by its folder. */
  readonly #hours = new HourlyCounts()
  /** Created by the first request for them, from which on they measure the latency. */
  #metrics: Metrics | null = null
  #isOver = false
  /** The change in progress. */
  #applying = Promise.resolve()
  /** Number of the latest start. A receiver that an earlier start opens is closed again. */
  #latest = 0

  constructor(threads: Threads, context: WorkerContext<Definition>, watch: ReceiverWatch | null) {
    this.#threads = threads
    this.#context = context
    this.#watch = watch
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
    const totals = senders.map(({ folder, files }) => [folder, files] as const)
    this.#hours.note(new Set(totals.map(([folder]) => folder)), totals, Date.now())
    const store = this.#store
    this.#context.report({ port, fingerprint, storeDirectory, ...received, store, senders })
  }

  readDay(): Record<string, number[]> {
    return this.#hours.read(Date.now())
  }

  async metrics(): Promise<string> {
    this.#metrics ??= await createMetrics()
    const [receiver, probe, config] = [this.#receiver, this.#probe, this.#config]
    if (receiver === null || probe === null || config === null) return ''
    const found = await probe()
    const isHealthy = findProblems(found, receiver, config.rules.floor).length === 0
    return this.#metrics.page(receiver, found, isHealthy)
  }

  /** Tests the store now. @throws UserError if it cannot be used now. */
  async health(): Promise<RequestOutput<Definition, 'health'>> {
    const [receiver, probe, config] = [this.#receiver, this.#probe, this.#config]
    if (receiver === null || probe === null || config === null)
      throw new UserError('agent.workerAway', { worker: 'receiver' })
    const found = await probe()
    return {
      problems: findProblems(found, receiver, config.rules.floor),
      freeBytes: found === 'unanswered' ? null : found.free,
      stalledSeconds: Math.round(receiver.stalledMs / 1000),
    }
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
      const { rules } = this.#config
      const started = await startStoreReceiver(
        { ...this.#config, ...this.#threads },
        {
          log: this.#context.log,
          onDurable: (seconds) => this.#metrics?.onDurable(seconds),
          onReplaced: () => void this.#startAnew(),
        },
      )
      if (this.#isOver || mine !== this.#latest) return await started.close()
      this.#receiver = started
      this.report()
      this.#probe = createStoreProbe(storeLayout(started.storeDirectory))
      this.#watch?.started(started)
      void this.#probeStore(started, this.#probe, rules)
    } catch (error) {
      if (mine !== this.#latest) return
      if (this.#watch === null) this.#context.log('error', errorText(error))
      else this.#watch.failed(error)
      this.#context.report({ problem: toSentence(error) })
      this.#retrying = setTimeout(() => void this.#start(), RETRY_MS)
    }
  }

  async #probeStore(receiver: Receiver, probe: StoreProbe, rules: StoreRules): Promise<void> {
    const problems = findProblems(await probe(), receiver, rules.floor)
    if (receiver !== this.#receiver) return
    const isHealthy = problems.length === 0
    this.#store = isHealthy ? HEALTHY : { problems, failures: this.#store.failures + 1 }
    const delay = isHealthy ? PROBE_EVERY_MS : PROBE_AGAIN_MS
    this.#probing = setTimeout(() => void this.#probeStore(receiver, probe, rules), delay)
  }

  async #close(): Promise<void> {
    // A start in progress is not awaited, because it may wait for its disk forever.
    this.#latest += 1
    clearTimeout(this.#retrying)
    clearTimeout(this.#probing)
    await this.#receiver?.close()
    this.#receiver = null
  }
}

/** Starts the receiver as a worker. */
export const startReceiver =
  (threads: Threads, watch: ReceiverWatch | null = null) =>
  (context: WorkerContext<Definition>): WorkerHandlers<Definition> => {
    const receiver = new KeptReceiver(threads, context, watch)
    return {
      configure: (config) => receiver.configure(config),
      // The user's changes are written to the list of senders, which the receiver watches.
      requests: {
        metrics: async () => ({ text: await receiver.metrics() }),
        health: () => receiver.health(),
        async invite({ replaces, uses = 1, minutes = CODE_MINUTES }: RequestInput<Definition, 'invite'>) {
          const store = await receiver.store()
          const replaced =
            replaces === null ? null : chooseSender((await receiver.senders()).list(), replaces, store)
          const terms = { minutes, uses }
          const { code, short, expiresAt } = await invite(store, Date.now(), replaced?.folder, terms)
          return { code, short, ...terms, expiresAt }
        },
        readInvitation: async ({ code }: RequestInput<Definition, 'readInvitation'>) =>
          readInvitation(await receiver.store(), code, Date.now()),
        day: async () => ({ received: receiver.readDay() }),
        async labelSender({ fingerprint, label }: RequestInput<Definition, 'labelSender'>) {
          const wanted = label.trim()
          if (wanted !== '' && !NAME.test(wanted))
            throw new UserError('transfer.senderNameInvalid', { name: label })
          await (await receiver.senders()).label(fingerprint, wanted)
          receiver.report()
          return {}
        },
        async renameSender({ fingerprint, name }: RequestInput<Definition, 'renameSender'>) {
          const wanted = name.trim()
          if (!NAME.test(wanted)) throw new UserError('transfer.senderNameInvalid', { name })
          await (await receiver.senders()).rename(fingerprint, wanted)
          receiver.report()
          return {}
        },
        async proposeSettings({ fingerprints, text, by }: RequestInput<Definition, 'proposeSettings'>) {
          const proposal = createProposal(text, by, Date.now())
          await (await receiver.senders()).propose(fingerprints, proposal)
          receiver.report()
          return {}
        },
        async withdrawProposals({ fingerprints }: RequestInput<Definition, 'withdrawProposals'>) {
          await (await receiver.senders()).withdraw(fingerprints)
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
