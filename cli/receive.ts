import { hostname } from 'node:os'
import type { Command } from 'commander'
import { destination, pino } from 'pino'
import { CODE_MINUTES } from '../core/receive/codes.ts'
import { invite } from '../core/receive/invitation.ts'
import type { Receiver, ReceiverEvents } from '../core/receive/receiver.ts'
import { startStoreReceiver } from '../core/receive/receiver.ts'
import { addressOf } from '../core/wire/pairing-code.ts'
import type { Message } from '../core/words/message.ts'
import { message } from '../core/words/message.ts'
import { Problem } from '../core/words/problem.ts'
import { englishWords } from '../core/words/words.ts'
import { type RuleOptions, rulesOf, withRules } from './store-rules.ts'

interface ReceiveOptions extends RuleOptions {
  store: string
  host: string
  port: string
  name: string
}

/** On a terminal the log is plain sentences, elsewhere it is JSON lines on stderr. */
function openTerminalLog(): ReceiverEvents['log'] {
  if (process.stderr.isTTY) return (level, text) => void (level !== 'debug' && console.error(text))
  const log = pino({ base: { name: 'holdfast-receive' } }, destination({ dest: 2, sync: true }))
  return (level, text) => log[level](text)
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new Problem('transfer.portInvalid', { port: text })
  return port
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

async function printInvitation(store: string): Promise<void> {
  const { code } = await invite(store, Date.now())
  const say = (sentence: Message) => void (process.stdout.isTTY && console.log(englishWords(sentence)))
  say(message('transfer.pairingCode', { minutes: CODE_MINUTES }))
  console.log(code)
  say(message('transfer.pairingHint'))
}

async function receive(options: ReceiveOptions): Promise<void> {
  const log = openTerminalLog()
  const receiver: Receiver = await startStoreReceiver(
    {
      storeDirectory: options.store,
      host: options.host,
      port: portOf(options.port),
      name: options.name,
      trusted: [],
      rules: rulesOf(options),
      manifestThread: new URL('./workers/manifest-thread.ts', import.meta.url),
    },
    { onChange: () => undefined, log },
  )
  const address = addressOf(options.host, receiver.port)
  log('info', englishWords(message('transfer.listening', { address, path: receiver.storeDirectory })))
  const { fingerprint } = receiver
  log('info', englishWords(message('transfer.receiverFingerprint', { fingerprint })))
  const stopped = untilStopped()
  if (receiver.pairedSenders === 0) await printInvitation(options.store)
  await stopped
  await receiver.close()
  log('info', englishWords(message('transfer.receiverOver')))
}

/** `holdfast receive`: the other end, in this process, until it is stopped. */
export function registerReceive(program: Command): void {
  const command = program
    .command('receive')
    .description('receive the files of paired computers and keep them in a directory')
    .requiredOption('--store <directory>', 'where the files are kept')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <number>', 'port to listen on', '7766')
    .option('--name <name>', 'what senders call this receiver', hostname() || 'Holdfast')
  withRules(command).action(receive)
}
