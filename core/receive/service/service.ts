import { formatAddress } from '../../lib/i18n/formats.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { toSentence } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { setProxy } from '../../lib/network/tunnel.ts'
import { getProxyRoute } from '../../settings/proxy.ts'
import { storeLayout } from '../../store/layout.ts'
import { findUnusedQuotas } from '../../store/quota/admission.ts'
import { parseRules } from '../../store/quota/quota-options.ts'
import { ISOCKET_FOLDER } from '../isocket/isocket.ts'
import { type ReceiverEvents, type ReceiverOptions, startStoreReceiver } from '../receiver.ts'
import { type ReceiveConfig, readSecrets } from './config.ts'
import { createStoreProbe } from './health.ts'
import { createMetrics } from './metrics.ts'
import { startReceiverAlerting } from './receiver-alerting.ts'
import { createPages, openWeb } from './web.ts'

/** A receiver with its web pages, as run by `holdfast receive`. */
export type ReceiveService = Awaited<ReturnType<typeof startService>>

/** Options that are not part of the configuration. */
type Scripts = Required<Pick<ReceiverOptions, 'storeThread' | 'setUpStores'>> & { alertStoreThread: URL }

/** @throws UserError if the store is unusable, or an address cannot be listened on. */
async function startOnce(
  { storeThread, setUpStores, alertStoreThread }: Scripts,
  config: ReceiveConfig,
  log: ReceiverEvents['log'],
  onReplaced: () => void,
) {
  const say = (level: 'info' | 'warn', sentence: Message) => log(level, englishWords(sentence))
  const { store: storeDirectory, host, port, name, isocketPort, isocketHost, metricsPort } = config
  const layout = storeLayout(storeDirectory)
  const rules = parseRules(config)
  const secrets = await readSecrets(config.alerts.secretsFile)
  setProxy(getProxyRoute(config.proxy, secrets))
  const metrics = metricsPort === null ? null : await createMetrics()
  const isocket = isocketPort === null ? null : { host: isocketHost, port: isocketPort }
  const receiver = await startStoreReceiver(
    { storeDirectory, setUpStores, host, port, name, rules, storeThread, isocket },
    { onDurable: (seconds) => metrics?.onDurable(seconds), onReplaced, log },
  )
  const probeStore = createStoreProbe(layout)
  const alerting = startReceiverAlerting(
    { receiver, layout, probeStore, floor: rules.floor, alertStoreThread, log },
    name,
    config.alerts,
    secrets,
  )
  const close = async () => {
    await alerting.stop()
    await receiver.close()
  }
  const address = formatAddress(host, receiver.port)
  say('info', message('transfer.listening', { address, path: receiver.storeDirectory }))
  // Not an error: the sender may be paired later.
  const folders = receiver.senderStates().map(({ folder }) => folder)
  const nobody = findUnusedQuotas(rules, [ISOCKET_FOLDER, ...folders])
  if (nobody.length > 0) {
    const said = { folders: nobody.join(', '), path: receiver.storeDirectory }
    say('warn', message('transfer.quotaNobody', said))
  }
  if (metricsPort === null || metrics === null) return { receiver, close }

  try {
    const web = await openWeb(metricsPort, createPages(receiver, probeStore, metrics, rules.floor))
    say('info', message('transfer.metricsAt', { address: formatAddress('127.0.0.1', web.port) }))
    const closeAll = async () => {
      await web.close()
      await close()
    }
    return { receiver, close: closeAll }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * @param onFailed is called when the receiver has stopped: neither the new nor the previous configuration could start.
 * @throws UserError if the store is unusable, or an address cannot be listened on.
 */
export async function startService(
  scripts: Scripts,
  first: ReceiveConfig,
  log: ReceiverEvents['log'],
  onFailed: (why: unknown) => void,
) {
  let config = first
  let changing: Promise<void> = Promise.resolve()
  let isOver = false
  const start = (wanted: ReceiveConfig) => startOnce(scripts, wanted, log, () => reload(async () => config))
  let running = await start(config)
  const say = (level: 'info' | 'warn' | 'error', sentence: Message) => log(level, englishWords(sentence))

  const keep = (error: unknown) => {
    say('error', toSentence(error))
    say('warn', message('transfer.configKept'))
  }

  /** Loads a configuration; null: it is unusable, which is logged. */
  const loaded = async (load: () => Promise<ReceiveConfig>): Promise<ReceiveConfig | null> => {
    try {
      const next = await load()
      parseRules(next)
      await readSecrets(next.alerts.secretsFile)
      return next
    } catch (error) {
      keep(error)
      return null
    }
  }

  const change = async (load: () => Promise<ReceiveConfig>): Promise<void> => {
    const next = await loaded(load)
    if (next === null || isOver) return
    await running.close()
    try {
      running = await start(next)
      if (next !== config) say('info', message('transfer.configTaken'))
      config = next
    } catch (error) {
      keep(error)
      running = await start(config)
    }
  }

  function reload(load: () => Promise<ReceiveConfig>): void {
    changing = changing.then(() => change(load)).catch(onFailed)
  }

  return {
    /** The receiver that runs now. */
    get receiver() {
      return running.receiver
    },
    /** Restarts with another configuration. If that one is unusable, the receiver continues unchanged. */
    reload,
    async close() {
      isOver = true
      await changing
      await running.close()
    },
  }
}
