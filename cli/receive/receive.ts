import type { Command } from 'commander'
import { checkDescriptors } from '../../core/agent/workers/enough-threads.ts'
import { logDroppedErrors } from '../../core/dropped-errors.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import { endNow } from '../../core/lib/workers/process.ts'
import { invite } from '../../core/receive/pairing/invitation.ts'
import { type GivenConfig, loadConfig } from '../../core/receive/service/config.ts'
import { defaultRuleWords, parseRules, ruleWordsSchema } from '../../core/store/quota/quota-options.ts'
import { exitNow } from '../terminal/exit-now.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { parsePath } from '../terminal/path-words.ts'
import { WrongUsage, wrongUsage } from '../terminal/wrong-usage.ts'
import { printInvitation } from './print-invitation.ts'
import { openReceiveHost } from './receive-host.ts'
import { openReceiverLog } from './receiver-log.ts'
import { registerReceiving } from './receiving.ts'
import { type RuleOptions, withRules } from './store-rules.ts'

/**
 * Limit for closing while the store does not answer: longer than isocket's connections, the small files and the
 * manifest take one after the other, and shorter than the service's TimeoutStopSec.
 */
const CLOSE_WITHIN_SECONDS = 10

interface ReceiveOptions extends RuleOptions {
  config?: string
  json: boolean
  store?: string
  host?: string
  port?: string
  name?: string
  isocketPort?: string
  isocketHost?: string
  metricsPort?: string
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new WrongUsage('transfer.portInvalid', { port: text })
  return port
}

/** Refuses invalid options of the command line; errors in the file are reported as the file's. */
function refuseRules(given: GivenConfig): void {
  try {
    parseRules(ruleWordsSchema.parse({ ...defaultRuleWords, ...omitUndefined(given) }))
  } catch (error) {
    throw wrongUsage(error)
  }
}

/** Returns the options given on the command line: they override the file. */
function toGivenConfig({
  config: _,
  json: __,
  port,
  isocketPort,
  metricsPort,
  ...words
}: ReceiveOptions): GivenConfig {
  const ports = Object.entries({ port, isocketPort, metricsPort }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, parsePort(text)]],
  )
  return { ...words, ...Object.fromEntries(ports) }
}

/**
 * Handles SIGHUP as a request to reload the file. A signal that arrives while the receiver is still starting, which may
 * take long, would end the process: it is remembered, and handled when the returned function is called.
 */
function watchReloads(): (reload: () => void) => void {
  let came = false
  let onSignal = () => {
    came = true
  }
  process.on('SIGHUP', () => onSignal())
  return (reload) => {
    onSignal = reload
    if (came) reload()
  }
}

/** Resolves at SIGINT or SIGTERM; without a file to reload also at SIGHUP, the terminal's hang-up (signal(7)). */
function untilStopped(hasFile: boolean): Promise<void> {
  return new Promise((resolve) => {
    const ends: NodeJS.Signals[] = hasFile ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of ends) process.once(signal, () => resolve())
  })
}

async function showInvitation(store: string): Promise<void> {
  const onTerminal = process.stdout.isTTY === true
  const say = (text: string) => void (onTerminal && console.log(text))
  printInvitation(await invite(store, Date.now()), { say, qr: onTerminal })
}

/** Removes the listeners of the library that writes the settings: it repeats the first signal, as if nobody heeded it. */
function heedSignalsAlone(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeAllListeners(signal)
}

async function receive(options: ReceiveOptions): Promise<void> {
  checkDescriptors()
  heedSignalsAlone()
  const log = openReceiverLog(options.json)
  logDroppedErrors(log)
  const given = toGivenConfig(options)
  const file = options.config ?? null
  refuseRules(given)
  const heedReloads = file === null ? null : watchReloads()
  const config = await loadConfig(file, given).catch((error: unknown) => {
    throw file === null ? wrongUsage(error) : error
  })
  if (options.isocketHost !== undefined && config.isocketPort === null)
    throw new WrongUsage('transfer.isocketHostAlone')
  const host = await openReceiveHost(config, file !== null, log)
  const { fingerprint, pairedSenders } = host.receiver
  const stopped = Promise.race([untilStopped(file !== null), host.failed])
  log('info', englishWords(message('transfer.receiverFingerprint', { fingerprint })))
  log('info', englishWords(message('cli.receive.data', { path: host.data })))
  if (pairedSenders === 0)
    log('info', englishWords(message('cli.receiving.noSenders', { store: config.store })))
  heedReloads?.(() => host.reload(() => loadConfig(file, given)))
  // A service has no user at its terminal: there "holdfast pair" makes the codes.
  if (pairedSenders === 0 && file === null) await Promise.race([showInvitation(config.store), stopped])
  await stopped
  const late = setTimeout(() => {
    const params = { path: config.store, seconds: CLOSE_WITHIN_SECONDS }
    log('warn', englishWords(message('transfer.receiverHung', params)))
    endNow()
  }, CLOSE_WITHIN_SECONDS * 1000)
  await host.close().finally(() => clearTimeout(late))
  log('info', englishWords(message('transfer.receiverOver')))
  // A thread whose disk has not answered would keep the process alive.
  exitNow(0)
}

/** `holdfast receive`: runs an agent that only receives, in this process, until it is stopped. */
export function registerReceive(program: Command): void {
  const command = program
    .command('receive')
    .description(
      'receive the files of paired computers in this terminal, until it is stopped; "on" has the agent of this computer ' +
        'receive them. Then pair each computer: holdfast pair',
    )
    .option('--config <file>', 'a JSON file with these options; SIGHUP reloads it')
    .option('--store <folder>', 'the folder where the files are kept', parsePath)
    .option('--host <address>', 'address to listen on (default: 0.0.0.0, all of them)')
    .option('--port <number>', 'port to listen on (default: 7766)')
    .option('--name <name>', "the name of this receiver for stations (default: the computer's name)")
    .option(
      '--isocket-port <number>',
      'accept original isocket clients, too: plain text, without proof of who sends',
    )
    .option('--isocket-host <address>', 'the one address on which they are accepted (default: 127.0.0.1)')
    .option('--metrics-port <number>', 'show /metrics (Prometheus) and /health on this port of 127.0.0.1')
    .option('--json', 'write the log as JSON lines, with times', false)
  withRules(command).action(receive)
  registerReceiving(command)
}
