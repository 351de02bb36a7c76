import type { Command } from 'commander'
import type { RecordedCommand } from '../core/agent/contract.ts'
import { type Message, message } from '../core/lib/i18n/message.ts'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { isReceiverRunning } from '../core/receive/pairing/invitation.ts'
import { getSenderCondition, type SenderCondition, senderConditions } from '../core/receive/senders/fleet.ts'
import { readSeen, type SeenSenders, type ToldStatus } from '../core/receive/senders/last-seen.ts'
import { getAlertsFile } from '../core/receive/service/receiver-alerting.ts'
import { storeLayout } from '../core/store/layout.ts'
import { chooseSender, openSenders, type Sender, type Senders } from '../core/store/senders/senders.ts'
import { tableLines } from './columns.ts'
import { jsonText } from './json.ts'
import { localTime } from './moment.ts'
import { parsePath } from './path-words.ts'
import { quoteControls } from './quote-controls.ts'
import { recordAlone } from './record-alone.ts'
import { terminalWords, translate } from './terminal-words.ts'
import { WrongUsage } from './wrong-usage.ts'

interface SendersOptions {
  store: string
  json?: boolean
}

/** Digits of a fingerprint that suffice to distinguish senders and to select one. */
const SHOWN_DIGITS = 16

const say = (sentence: Message) => console.log(terminalWords(sentence))

async function openList(store: string): Promise<Senders> {
  // A command does not create a store: a mistyped directory is an error.
  const layout = storeLayout(store)
  if ((await isReceiverRunning(layout)) === null)
    throw new UserError('transfer.receiverNotRunning', { path: layout.root })
  return openSenders(layout.senders, (sentence) => console.error(terminalWords(sentence)))
}

type State = 'paired' | 'revoked' | 'trusted'

function getSenderState({ pairedAt, revokedAt }: Sender): State {
  if (revokedAt !== null) return 'revoked'
  return pairedAt === null ? 'trusted' : 'paired'
}

interface Row {
  name: string
  fingerprint: string
  state: State
  /** Milliseconds since 1970. */
  pairedAt: number | null
  revokedAt: number | null
  lastSeenAt: number | null
  connected: boolean
  /** The sender's last status report, and its time; null if there was none. */
  status: ToldStatus['status'] | null
  statusAt: number | null
  /** Since when the sender has reported a failure; null if it does not. */
  failingSince: number | null
  folder: string
  /** Which attention it needs; null: it may not send any more. */
  condition: SenderCondition | null
}

function buildRow(sender: Sender, { seenAt, connected, told }: SeenSenders, running: boolean): Row {
  const { name, fingerprint, pairedAt, revokedAt, folder } = sender
  const { status = null, statusAt = null, failingSince = null } = told.get(folder) ?? {}
  const lastSeenAt = seenAt.get(folder) ?? null
  const isConnected = running && revokedAt === null && connected.includes(folder)
  const facts = { connected: isConnected, seenAt: lastSeenAt, level: status?.level ?? null }
  return {
    name,
    fingerprint,
    state: getSenderState(sender),
    pairedAt,
    revokedAt,
    lastSeenAt,
    connected: isConnected,
    status,
    statusAt,
    failingSince,
    folder,
    condition: revokedAt === null ? getSenderCondition(facts, Date.now()) : null,
  }
}

const timeText = (at: number | null) => (at === null ? '–' : localTime(at).slice(0, 16).replace('T', ' '))

/** Formats the level and the age of the report, which stays the last one of a computer that has failed. */
function statusText({ status, statusAt }: Row): string {
  if (status === null || statusAt === null) return '–'
  return translate(`transfer.senderStatus.${status.level}`, { age: Date.now() - statusAt })
}

const COLUMNS = ['name', 'fingerprint', 'state', 'paired', 'lastSeen', 'status', 'folder'] as const

function printTable(rows: readonly Row[]): void {
  const lines = tableLines([
    COLUMNS.map((column) => translate(`cli.senders.${column}`)),
    ...rows.map((row) => [
      quoteControls(row.name),
      row.fingerprint.slice(0, SHOWN_DIGITS),
      translate(`cli.senders.is.${row.state}`),
      timeText(row.pairedAt),
      row.connected ? translate('cli.senders.now') : timeText(row.lastSeenAt),
      statusText(row),
      quoteControls(row.folder),
    ]),
  ])
  for (const line of lines) console.log(line.trimEnd())
}

async function list({ store, json }: SendersOptions): Promise<void> {
  const layout = storeLayout(store)
  const senders = await openList(store)
  const running = (await isReceiverRunning(layout)) === true
  const seen = await readSeen(layout.seen)
  const rows = senders.list().map((sender) => buildRow(sender, seen, running))
  const rank = ({ condition }: Row) =>
    condition === null ? senderConditions.length : senderConditions.indexOf(condition)
  rows.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en'))
  if (json === true) for (const row of rows) console.log(jsonText(row))
  else if (rows.length === 0) say(message('transfer.sendersNone', { path: layout.root }))
  else {
    printTable(rows)
    const paired = rows.filter(({ condition }) => condition !== null)
    const well = paired.filter(({ condition }) => condition === 'well').length
    if (paired.length > 1) say(message('cli.senders.well', { well, count: paired.length }))
  }
}

/** Runs a change of the list of senders, and records it in the receiver's store. */
const record = (
  store: string,
  { list }: Senders,
  command: RecordedCommand,
  input: object,
  run: () => Promise<void>,
) => recordAlone(getAlertsFile(storeLayout(store)), { receiving: { senders: list() } }, command, input, run)

async function rename(who: string, name: string, { store }: SendersOptions): Promise<void> {
  const senders = await openList(store)
  const sender = chooseSender(senders.list(), who, storeLayout(store).root)
  if (name.trim() === '' || name.length > 200 || quoteControls(name) !== name)
    throw new WrongUsage('transfer.senderNameInvalid', { name })
  await record(store, senders, 'renameSender', { fingerprint: sender.fingerprint, name }, () =>
    senders.rename(sender.fingerprint, name),
  )
  const { name: before, folder } = sender
  say(message('transfer.senderRenamed', { before, name, folder }))
}

async function revoke(who: string, { store }: SendersOptions): Promise<void> {
  const senders = await openList(store)
  const sender = chooseSender(senders.list(), who, storeLayout(store).root)
  await record(store, senders, 'revokeSender', { fingerprint: sender.fingerprint }, () =>
    senders.revoke(sender.fingerprint, Date.now()),
  )
  const { fingerprint, name, folder } = sender
  say(message('transfer.senderRevoked', { name, fingerprint: fingerprint.slice(0, SHOWN_DIGITS), folder }))
}

/** `holdfast senders`: lists and edits the senders of a store's receiver, whether it runs or not. */
export function registerSenders(program: Command): void {
  const senders = program
    .command('senders')
    // Options may follow `rename` and `revoke` as well.
    .enablePositionalOptions(false)
    .description('list, rename and revoke the computers that are paired with a receiver')
    .requiredOption('--store <directory>', 'the store of the receiver', parsePath)
    .option('--json', 'one JSON object a line', false)
    .action(list)
  senders
    .command('rename')
    .description('give a sender another name; its folder in the store stays')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .argument('<name>', 'the new name')
    .action((who: string, name: string, _: object, command: Command) =>
      rename(who, name, command.optsWithGlobals<SendersOptions>()),
    )
  senders
    .command('revoke')
    .description('stop accepting files of a sender until it is paired again; its files stay')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .action((who: string, _: object, command: Command) =>
      revoke(who, command.optsWithGlobals<SendersOptions>()),
    )
}
