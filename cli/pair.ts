import type { Command } from 'commander'
import { CODE_MINUTES } from '../core/receive/codes.ts'
import { invite } from '../core/receive/invitation.ts'
import { message } from '../core/words/message.ts'
import { Problem } from '../core/words/problem.ts'
import { englishWords } from '../core/words/words.ts'
import { dataDirectoryOf, withDataDirectory } from './data-directory.ts'
import { pairWith } from './pair-with.ts'

interface PairOptions {
  store?: string
  json: boolean
  data?: string
  name?: string
}

async function printInvitation(store: string, json: boolean): Promise<void> {
  const { code, running } = await invite(store, Date.now())
  if (json) {
    console.log(JSON.stringify({ code, minutes: CODE_MINUTES, receiverRunning: running }))
    return
  }
  // The code alone goes to stdout, so that a script can take it from there.
  if (!running) console.error(englishWords(message('transfer.receiverStopped', { path: store })))
  console.error(englishWords(message('transfer.pairingCode', { minutes: CODE_MINUTES })))
  console.log(code)
  console.error(englishWords(message('transfer.pairingHint')))
}

/** `holdfast pair CODE` at the sender, `holdfast pair --store DIR` at the receiver. */
export function registerPair(program: Command): void {
  const command = program
    .command('pair')
    .description('pair a sender with a receiver: make a code at the receiver, enter it at the sender')
    .argument('[code]', 'the pairing code that the receiver shows (holdfast://…)')
    .option('--store <directory>', 'make a code for the receiver of this store')
    .option('--json', 'print the code as JSON', false)
    .option('--name <name>', "what the receiver calls this computer, and its folder's name there")
  withDataDirectory(command).action(async (code: string | undefined, options: PairOptions) => {
    if (code !== undefined && options.store === undefined) {
      await pairWith(code, dataDirectoryOf(options), options.name)
    } else if (code === undefined && options.store !== undefined) {
      await printInvitation(options.store, options.json)
    } else throw new Problem('transfer.pairWhat')
  })
}
