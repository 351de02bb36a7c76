import { storeLayout } from '../../store/layout.ts'
import { rulesOf } from '../../store/limits/rule-words.ts'
import { quotasOfNobody, type StoreRules } from '../../store/limits/rules.ts'
import { addressOf } from '../../wire/pairing-code.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { sentenceOf } from '../../words/problem.ts'
import { englishWords } from '../../words/words.ts'
import { ISOCKET_FOLDER } from '../isocket/connection.ts'
import type { IsocketOptions } from '../isocket/listener.ts'
import type { ReceiverEvents, ReceiverOptions } from '../receiver.ts'
import { startStoreReceiver } from '../receiver.ts'
import type { ReceiveConfig } from './config.ts'
import { readSecrets, takeOver } from './config.ts'
import type { Metrics } from './metrics.ts'
import { createMetrics } from './metrics.ts'
import { startReceiverTell } from './tell.ts'
import type { Web } from './web.ts'
import { openWeb, pagesOf } from './web.ts'

/** A receiver with its pages, as `holdfast receive` runs it. */
export type ReceiveService = Awaited<ReturnType<typeof startService>>

const isocketOf = ({ isocketPort, isocketHost }: ReceiveConfig): IsocketOptions | null =>
  isocketPort === null ? null : { host: isocketHost, port: isocketPort }

/** @throws Problem when the store cannot be used, or an address cannot be listened on. */
export async function startService(
  {
    config,
    storeThread,
    setUpStores,
    alertStoreThread,
  }: { config: ReceiveConfig; alertStoreThread: URL } & Required<
    Pick<ReceiverOptions, 'storeThread' | 'setUpStores'>
  >,
  log: ReceiverEvents['log'],
) {
  const layout = storeLayout(config.store)
  let current = config
  let metrics: Metrics | null = null
  let web: Web | null = null
  const say = (level: 'info' | 'warn' | 'error', sentence: Message) => log(level, englishWords(sentence))

  const { store: storeDirectory, host, port, name } = config
  const rules = rulesOf(config)
  const secrets = await readSecrets(config.alerts.secretsFile)
  const receiver = await startStoreReceiver(
    {
      storeDirectory,
      setUpStores,
      host,
      port,
      name,
      rules,
      storeThread,
      isocket: isocketOf(config),
    },
    { onDurable: (seconds) => metrics?.onDurable(seconds), log },
  )
  const tell = startReceiverTell(
    { receiver, layout, floor: rules.floor, alertStoreThread, log },
    name,
    config.alerts,
    secrets,
  )
  const address = addressOf(host, receiver.port)
  say('info', message('transfer.listening', { address, path: receiver.storeDirectory }))

  /** No error: the sender may be paired later. */
  const tellQuotas = (given: StoreRules) => {
    const folders = receiver.senderStates().map(({ folder }) => folder)
    const nobody = quotasOfNobody(given, [ISOCKET_FOLDER, ...folders])
    if (nobody.length === 0) return
    const said = { folders: nobody.join(', '), path: receiver.storeDirectory }
    say('warn', message('transfer.quotaNobody', said))
  }
  tellQuotas(rules)

  const openPages = async (metricsPort: number | null): Promise<Web | null> => {
    if (metricsPort === null) return null
    metrics ??= await createMetrics()
    return openWeb(metricsPort, pagesOf(receiver, layout, metrics, rules.floor))
  }
  const showPages = (pages: Web | null) => {
    web = pages
    if (pages !== null)
      say('info', message('transfer.metricsAt', { address: addressOf('127.0.0.1', pages.port) }))
  }

  try {
    showPages(await openPages(config.metricsPort))
  } catch (thrown) {
    await tell.stop()
    await receiver.close()
    throw thrown
  }

  /** All of it or nothing: what is old is given up when everything new is there. */
  const take = async (next: ReceiveConfig): Promise<void> => {
    const before = web
    const nextSecrets = await readSecrets(next.alerts.secretsFile)
    const isSame = next.metricsPort === current.metricsPort
    const pages = isSame ? before : await openPages(next.metricsPort)
    try {
      await receiver.configure({ name: next.name, isocket: isocketOf(next) })
    } catch (thrown) {
      if (!isSame) await pages?.close()
      throw thrown
    }
    current = takeOver(current, next).taken
    tell.configure(next.name, next.alerts, nextSecrets)
    if (isSame) return
    showPages(pages)
    await before?.close()
  }

  let reloading: Promise<void> = Promise.resolve()
  return {
    receiver,
    /** Takes over what can change while it runs, and says what cannot; after a failure all is as before. */
    reload(load: () => Promise<ReceiveConfig>) {
      reloading = reloading.then(async () => {
        try {
          const next = await load()
          // Kept until the next start, which would refuse them: whoever wrote them is here to be told now.
          const nextRules = rulesOf(next)
          const { fixed } = takeOver(current, next)
          await take(next)
          say('info', message('transfer.configTaken'))
          if (fixed.length > 0) say('warn', message('transfer.configFixed', { fields: fixed.join(', ') }))
          tellQuotas(nextRules)
        } catch (thrown) {
          say('error', sentenceOf(thrown))
          say('warn', message('transfer.configKept'))
        }
      })
      return reloading
    },
    async close() {
      await tell.stop()
      await web?.close()
      await receiver.close()
    },
  }
}
