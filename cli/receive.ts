import { hostname } from 'node:os'
import type { Command } from 'commander'
import { destination, pino } from 'pino'
import { invite } from '../core/receive/invitation.ts'
import type { Receiver, ReceiverEvents } from '../core/receive/receiver.ts'
import { startStoreReceiver } from '../core/receive/receiver.ts'
import { addressOf } from '../core/wire/pairing-code.ts'
import { message } from '../core/words/message.ts'
import { Problem } from '../core/words/problem.ts'
import { englishWords } from '../core/words/words.ts'
import { printInvitation } from './print-invitation.ts'

interface ReceiveOptions {
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

async function receive(options: ReceiveOptions): Promise<void> {
  const log = openTerminalLog()
  const receiver: Receiver = await startStoreReceiver(
    {
      storeDirectory: options.store,
      host: options.host,
      port: portOf(options.port),
      name: options.name,
      trusted: [],
    },
    { onChange: () => undefined, log },
  )
  const address = addressOf(options.host, receiver.port)
  log('info', englishWords(message('transfer.listening', { address, path: receiver.storeDirectory })))
  const { fingerprint } = receiver
  log('info', englishWords(message('transfer.receiverFingerprint', { fingerprint })))
  const stopped = untilStopped()
  if (receiver.pairedSenders === 0) {
    const onTerminal = process.stdout.isTTY === true
    const say = (text: string) => void (onTerminal && console.log(text))
    printInvitation(await invite(options.store, Date.now()), { say, qr: onTerminal })
  }
  await stopped
  await receiver.close()
  log('info', englishWords(message('transfer.receiverOver')))
}

/** `holdfast receive`: the other end, in this process, until it is stopped. */
export function registerReceive(program: Command): void {
  program
    .command('receive')
    .description('receive the files of paired computers and keep them in a directory')
    .requiredOption('--store <directory>', 'where the files are kept')
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--port <number>', 'port to listen on', '7766')
    .option('--name <name>', 'what senders call this receiver', hostname() || 'Holdfast')
    .action(receive)
}
