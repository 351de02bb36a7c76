import { isDeepStrictEqual } from 'node:util'
import { errorText } from '../files/system-error.ts'
import { storeLayout } from '../store/layout.ts'
import type { StoreRules } from '../store/limits/rules.ts'
import { DEFAULT_RULES } from '../store/limits/rules.ts'
import { chooseSender, openSenders } from '../store/senders/senders.ts'
import { Problem, sentenceOf } from '../words/problem.ts'
import type { ConfigOf, InputOf } from '../worker/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import type { ReceivedSender, receiverDefinition } from './messages.ts'
import { MOST_SENDERS } from './messages.ts'
import { CODE_MINUTES, invite } from './pairing/invitation.ts'
import type { Receiver, ReceiverOptions } from './receiver.ts'
import { startStoreReceiver } from './receiver.ts'
import type { SenderState } from './senders/seen.ts'

type Definition = typeof receiverDefinition
type Config = ConfigOf<Definition>
/** The scripts of the threads that it starts. */
type Threads = Pick<ReceiverOptions, 'storeThread'>

/** A store that cannot be used now, or a port that is taken, is tried again after this. */
const RETRY_MS = 3_000
/** What it has received, who is connected, and what senders say of themselves: a person looks at it. */
const REPORT_EVERY_MS = 1_000

/** A name of a sender, as the list of senders has it. */
const NAME = /^\P{Cc}{1,200}$/u

const rulesOf = ({ quotaBytes, keep }: Config): StoreRules => ({
  ...DEFAULT_RULES,
  keep,
  quota: { each: { bytes: quotaBytes, files: null }, of: {} },
})

/** Those that may send now, the ones that were seen last first. */
function sendersOf(receiver: Pick<Receiver, 'senderStates' | 'usage'>): ReceivedSender[] {
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

/** The receiver as a worker: it follows its configuration, and keeps trying while the store cannot be used. */
export const startReceiver =
  (threads: Threads) =>
  (context: WorkerContext<Definition>): WorkerHandlers<Definition> => {
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
          { log: context.log, onReplaced: () => void startAnew() },
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

    const startAnew = async (): Promise<void> => {
      const closed = close()
      applying = closed.then(start)
      // Not for the start: on a dead disk it never ends, and the next configuration may name another one.
      await closed
    }

    const storeNow = async (): Promise<string> => {
      await applying
      if (receiver === null || config === null) throw new Problem('agent.workerAway', { worker: 'receiver' })
      return config.storeDirectory
    }
    const list = async () => openSenders(storeLayout(await storeNow()).senders, () => undefined)

    return {
      async configure(next) {
        const isSame = isDeepStrictEqual(config, next)
        config = next
        if (isSame && receiver !== null) return
        await startAnew()
      },
      // What a person does with the senders is written to their list, which the receiver follows.
      requests: {
        async invite({ replaces }: InputOf<Definition, 'invite'>) {
          const directory = await storeNow()
          const replaced = replaces === null ? null : chooseSender((await list()).list(), replaces, directory)
          const { code } = await invite(directory, Date.now(), replaced?.folder)
          return { code, minutes: CODE_MINUTES }
        },
        async renameSender({ fingerprint, name }: InputOf<Definition, 'renameSender'>) {
          const wanted = name.trim()
          if (!NAME.test(wanted)) throw new Problem('transfer.senderNameInvalid', { name })
          await (await list()).rename(fingerprint, wanted)
          report()
          return {}
        },
        async revokeSender({ fingerprint }: InputOf<Definition, 'revokeSender'>) {
          await (await list()).revoke(fingerprint, Date.now())
          report()
          return {}
        },
      },
      async stop() {
        over = true
        clearInterval(reporting)
        await close()
      },
    }
  }
