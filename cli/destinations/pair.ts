import { type Command, InvalidArgumentError } from 'commander'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { CODE_MINUTES, MAX_CODE_MINUTES, MAX_CODE_USES } from '../../core/protocol/limits.ts'
import { invite } from '../../core/receive/pairing/invitation.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { chooseSender, foldersIn, openSenders } from '../../core/store/senders/senders.ts'
import { resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { recordAlone } from '../ask/record-alone.ts'
import { chooseStore } from '../receive/choose-store.ts'
import { printInvitation } from '../receive/print-invitation.ts'
import { jsonText } from '../terminal/json.ts'
import { minutesIn } from '../terminal/option-words.ts'
import { parsePath } from '../terminal/path-words.ts'
import { named, terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { pairWith } from './pair-with.ts'

interface PairOptions {
  store?: string
  json?: boolean
  /** If unset: only on a terminal. */
  qr?: boolean
  data?: string
  name?: string
  replaces?: string
  uses?: number
  /** Minutes. */
  for?: number
}

async function makeInvitation(store: string, options: PairOptions): Promise<void> {
  const { json = false, qr, replaces, uses = 1, for: minutes = CODE_MINUTES } = options
  if (replaces !== undefined && uses > 1) throw new WrongUsage('cli.pair.replacesOne')
  const replaced = replaces === undefined ? null : await findSenderFolder(store, replaces)
  const file = storeLayout(store).alerts
  const invitation = await recordAlone(file, {}, 'inviteSender', {}, () =>
    invite(store, Date.now(), replaced, { minutes, uses }),
  )
  const { code, short, running } = invitation
  if (json) {
    console.log(jsonText({ code, short, minutes, uses, receiverRunning: running }))
    return
  }
  if (!running) console.error(translate('transfer.receiverStopped', { path: store }))
  printInvitation(invitation, {
    say: (text) => console.error(text),
    qr: qr ?? process.stderr.isTTY === true,
  })
}

/**
 * Returns the folder of the sender to replace. A folder that is not in the list may still be in the store: the list may
 * have been lost.
 */
async function findSenderFolder(store: string, who: string): Promise<string> {
  const layout = storeLayout(store)
  const { list } = await openSenders(layout.senders, (sentence) => console.error(terminalWords(sentence)))
  if (
    list().some(
      ({ folder, name, fingerprint }) => folder === who || name === who || fingerprint.startsWith(who),
    )
  )
    return chooseSender(list(), who, layout.root).folder
  if ((await foldersIn(layout)).includes(who)) return who
  throw new UserError('transfer.senderUnknown', { who, path: layout.root })
}

function parseUses(text: string): number {
  const uses = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (uses >= 1 && uses <= MAX_CODE_USES) return uses
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_CODE_USES}.`)
}

function parseLifetime(text: string): number {
  const minutes = minutesIn(text)
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= MAX_CODE_MINUTES) return minutes
  throw new InvalidArgumentError('It must be a time such as 30m or 1h, at least 1m, at most 24h.')
}

/** `holdfast pair` at the receiver makes a code, `holdfast pair CODE` at the sender enters it. */
export function registerPair(program: Command): void {
  const command = program
    .command('pair')
    .description(
      'pair two computers: without a code, make one at the receiver; with it, at the station, send files there',
    )
    .argument(
      '[code...]',
      'the pairing code that the receiver shows: holdfast://…, or its address and the short code',
    )
    .option(
      '--store <folder>',
      'make a code for the receiver of this store (default: that of this computer)',
      parsePath,
    )
    .option('--json', 'print the code, or with a code the new destination, as JSON')
    .option('--qr', 'show the code as a QR code, too (as on a terminal)')
    .option('--no-qr', 'show no QR code')
    .option(
      '--replaces <station>',
      'the new station takes over the folder of this one, which has lost its data',
    )
    .option(
      '--uses <count>',
      'the code pairs this many computers, one after the other (default: 1)',
      parseUses,
    )
    .option('--for <time>', 'the code is valid this long: 30m, 1h (default: 15m)', parseLifetime)
    .option('--name <name>', 'the name of this computer and of its folder at the receiver')
  withDataDirectory(command).action(async (words: string[], options: PairOptions) => {
    const code = words.length === 0 ? undefined : words.join(' ')
    const { store, name, json = false } = options
    if (code !== undefined && store === undefined) {
      const qr = options.qr === false ? '--no-qr' : '--qr'
      refuse('transfer.pairReceiverOnly', options, {
        qr,
        replaces: '--replaces',
        uses: '--uses',
        for: '--for',
      })
      await pairWith(code, resolveDataDirectory(options), name, json)
    } else if (code === undefined) {
      const data = store === undefined ? {} : { data: '--data' }
      refuse('transfer.pairSenderOnly', options, { name: '--name', ...data })
      await makeInvitation((await chooseStore(options)).directory, options)
    } else throw new WrongUsage('transfer.pairWhat')
  })
}

/** Refuses options without effect here: the user expects one. */
function refuse(
  key: 'transfer.pairReceiverOnly' | 'transfer.pairSenderOnly',
  options: PairOptions,
  words: Partial<Record<keyof PairOptions, string>>,
): void {
  const given = Object.entries(words).filter(([name]) => options[name as keyof PairOptions] !== undefined)
  if (given.length > 0) throw new WrongUsage(key, { options: named(given.map(([, word]) => word)) })
}
