import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openAgent } from '../../core/agent/open.ts'
import { createLocalPages, serveLocalPages } from '../../core/agent/web/local-pages.ts'
import { inProcessStarter } from '../../core/agent/workers/in-process.ts'
import { ignoreError, warnUnlessCode } from '../../core/dropped-errors.ts'
import { formatAddress } from '../../core/lib/i18n/formats.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import { serveWorker } from '../../core/lib/workers/serve.ts'
import { errorText } from '../../core/platform/system-error.ts'
import { ISOCKET_FOLDER } from '../../core/receive/isocket/isocket.ts'
import { prepareStore, type Receiver, type ReceiverEvents } from '../../core/receive/receiver.ts'
import { receiverDefinition } from '../../core/receive/receiver-messages.ts'
import { startReceiver } from '../../core/receive/receiver-worker.ts'
import { type ReceiveConfig, readSecrets } from '../../core/receive/service/config.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { makeDirectory } from '../../core/settings/default-directory.ts'
import { openSecrets, saveSettings } from '../../core/settings/secrets.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { findUnusedQuotas } from '../../core/store/quota/admission.ts'
import { parseRules } from '../../core/store/quota/quota-options.ts'
import { resolveDataDirectory } from '../ask/data-directory.ts'
import { terminalHost } from '../terminal-host.ts'
import { workerScript } from '../worker-script.ts'
import { toEnteredSecrets, withReceiveConfig } from './receive-settings.ts'

type Log = ReceiverEvents['log']

/** More than the settings and secrets of a receiver take, as they are written anew before the old file is replaced. */
const DATA_BYTES = 64 * 1024

interface Data {
  directory: string
  /** Called when the agent has ended. */
  leave(): void
}

/**
 * Returns the data directory of the agent of a store. Without a place that can be written, the agent works with what is
 * set up there, and remembers further changes beside the options only until it ends.
 */
function openData(store: string, log: Log): Data {
  const digest = createHash('sha256').update(store).digest('hex').slice(0, 12)
  const directory = path.join(resolveDataDirectory({}), 'receivers', digest)
  try {
    makeDirectory(directory)
    tryWriting(directory)
    return { directory, leave: () => undefined }
  } catch (error) {
    log('warn', `${directory} cannot be written, and a temporary directory is used: ${String(error)}`)
    const temporary = mkdtempSync(path.join(tmpdir(), 'holdfast-receive-'))
    copySettings(directory, temporary)
    return { directory: temporary, leave: () => rmSync(temporary, { recursive: true, force: true }) }
  }
}

/** @throws if the directory has no space for the settings and the secrets, or is read-only. */
function tryWriting(directory: string): void {
  const file = path.join(directory, `.write-test-${process.pid}`)
  try {
    writeFileSync(file, Buffer.alloc(DATA_BYTES), { mode: 0o600 })
  } finally {
    rmSync(file, { force: true })
  }
}

/** Copies the settings, the secrets and the tokens of a data directory that cannot be written. */
function copySettings(from: string, to: string): void {
  try {
    for (const name of readdirSync(from).filter((one) => one.endsWith('.json')))
      copyFileSync(path.join(from, name), path.join(to, name))
  } catch (error) {
    warnUnlessCode(error, ['ENOENT', 'ENOTDIR'], 'the channels and the page are not those that were set up')
  }
}

/** Lets readers of a data directory find the incidents, which are in the store. */
function linkAlerts(data: string, alerts: string): void {
  try {
    symlinkSync(alerts, getDataLayout(data).alerts)
  } catch (error) {
    warnUnlessCode(error, ['EEXIST'], 'the events of the failures are not found')
  }
}

/** Opens the agent of a configuration. @throws UserError if the receiver cannot run. */
async function openOnce(config: ReceiveConfig, hasFile: boolean, log: Log) {
  const { alerts, name, metricsPort } = config
  const say = (level: 'info' | 'warn', sentence: Message) => log(level, englishWords(sentence))
  const rules = parseRules(config)
  const secrets = await readSecrets(alerts.secretsFile)
  const store = storeLayout(config.store)
  const { setUpStores } = getDataLayout(resolveDataDirectory({}))
  await prepareStore(store.root, setUpStores, log)
  const { directory: data, leave } = openData(store.root, log)
  linkAlerts(data, store.alerts)
  const started = Promise.withResolvers<Receiver>()
  // It is awaited below.
  started.promise.catch(ignoreError('the receiver could not start'))
  let hasStarted = false
  const watch = {
    started: (receiver: Receiver) => {
      hasStarted = true
      started.resolve(receiver)
    },
    // The error of a start ends this function, and its caller logs it.
    failed: (error: unknown) => (hasStarted ? log('error', errorText(error)) : started.reject(error)),
  }
  const run = startReceiver({ storeThread: workerScript('store-thread') }, watch)
  const host = terminalHost(() => undefined)
  const starter = inProcessStarter(
    'receiver',
    (port) => serveWorker(port, receiverDefinition, run),
    host.starter,
  )
  const open = await openAgent(
    data,
    { ...host, systemLanguage: alerts.language, computerName: name, starter },
    {
      elsewhere: { alerts: store.alerts, setUpStores },
      inOneProcess: true,
      log: {
        write: (level, text) => log(level, text.replace(/^receiver: /, '')),
        written: async () => undefined,
      },
      prepare: (settings) => {
        const stored = openSecrets(data, null, 'set-aside')
        const { next } = saveSettings(settings, stored, (before) =>
          withReceiveConfig(before, config, hasFile),
        )
        for (const entered of hasFile ? toEnteredSecrets(next, secrets, stored.get()) : [])
          try {
            saveSettings(settings, stored, (same) => same, entered)
          } catch (error) {
            if (!(error instanceof UserError)) throw error
            say('warn', error.sentence)
          }
      },
    },
  ).catch((error: unknown) => {
    leave()
    throw error
  })
  const closing: (() => unknown)[] = [leave, () => starter.ended(), () => open.close()]
  const close = async () => {
    for (const one of closing.splice(0).reverse()) await one()
  }
  try {
    const receiver = await started.promise
    say(
      'info',
      message('transfer.listening', { address: formatAddress(config.host, receiver.port), path: store.root }),
    )
    // Not an error: the sender may be paired later.
    const folders = receiver.senderStates().map(({ folder }) => folder)
    const nobody = findUnusedQuotas(rules, [ISOCKET_FOLDER, ...folders])
    if (nobody.length > 0)
      say('warn', message('transfer.quotaNobody', { folders: nobody.join(', '), path: store.root }))
    if (metricsPort !== null) {
      const pages = await serveLocalPages(metricsPort, createLocalPages(open.agent))
      closing.push(() => pages.close())
      say('info', message('transfer.metricsAt', { address: formatAddress('127.0.0.1', pages.port) }))
    }
    return { receiver, data, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Opens an agent that only receives, in this process, by the options of `holdfast receive`.
 * @param hasFile true if they are in a configuration file.
 * @throws UserError if the store is unusable, or an address cannot be listened on.
 */
export async function openReceiveHost(first: ReceiveConfig, hasFile: boolean, log: Log) {
  let config = first
  let changing: Promise<void> = Promise.resolve()
  let isOver = false
  let isRequested = false
  const failed = Promise.withResolvers<never>()
  let running = await openOnce(config, hasFile, log)
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
      running = await openOnce(next, hasFile, log)
      say('info', message('transfer.configTaken'))
      config = next
    } catch (error) {
      keep(error)
      running = await openOnce(config, hasFile, log)
    }
  }

  return {
    /** The receiver that runs now. */
    get receiver() {
      return running.receiver
    },
    /** Its data directory. */
    get data() {
      return running.data
    },
    /** Rejects when neither the new nor the previous configuration could be used: it has stopped. */
    failed: failed.promise,
    /**
     * Opens it with another configuration. If that one is unusable, it continues as before. Requests during a reload
     * are one further reload.
     */
    reload(load: () => Promise<ReceiveConfig>): void {
      if (isRequested) return
      isRequested = true
      const next = () => {
        isRequested = false
        return change(load)
      }
      changing = changing.then(next).catch(failed.reject)
    },
    async close() {
      isOver = true
      await changing
      await running.close()
    },
  }
}
