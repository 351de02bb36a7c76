import { type Command, Option } from 'commander'
import type { RecordedCommand } from '../core/agent/contract.ts'
import { type Message, message } from '../core/lib/i18n/message.ts'
import { UserError } from '../core/lib/i18n/user-error.ts'
import { LONGEST_WORD } from '../core/protocol/limits.ts'
import { isReceiverRunning } from '../core/receive/pairing/invitation.ts'
import {
  getSenderCondition,
  groupSenders,
  orderSenders,
  type SenderCondition,
  type SenderOrder,
  senderOrders,
} from '../core/receive/senders/fleet.ts'
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
  sort: SenderOrder
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
  /** A text by which senders are grouped; empty: none. */
  label: string
  /** Its usage of the store, older versions included, and what it may still store; null: not known. */
  files: number | null
  bytes: number | null
  spaceBytes: number | null
  /** Which attention it needs; null: it may not send any more. */
  condition: SenderCondition | null
}

function buildRow(sender: Sender, { seenAt, connected, told, usage }: SeenSenders, running: boolean): Row {
  const { name, fingerprint, pairedAt, revokedAt, folder, label } = sender
  const { files = null, bytes = null, spaceBytes = null } = usage.get(folder) ?? {}
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
    ...{ label, files, bytes, spaceBytes },
    condition: revokedAt === null ? getSenderCondition(facts, Date.now()) : null,
  }
}

const timeText = (at: number | null) => (at === null ? '–' : localTime(at).slice(0, 16).replace('T', ' '))

/** Formats the level and the age of the report, which stays the last one of a computer that has failed. */
function statusText({ status, statusAt }: Row): string {
  if (status === null || statusAt === null) return '–'
  return translate(`transfer.senderStatus.${status.level}`, { age: Date.now() - statusAt })
}

const COLUMNS = [
  ...(['name', 'label', 'fingerprint', 'state', 'paired', 'version', 'used', 'space', 'oldest'] as const),
  ...(['lastSeen', 'status', 'folder'] as const),
]

/** Formats a size, or the age of a moment. */
const sizeText = (bytes: number | null) =>
  bytes === null ? '–' : translate('cli.senders.size', { size: bytes })
const ageText = (at: number | null) =>
  at === null ? '–' : translate('cli.senders.age', { age: Math.max(0, Date.now() - at) })

function printTable(rows: readonly Row[]): void {
  const lines = tableLines([
    COLUMNS.map((column) => translate(`cli.senders.${column}`)),
    ...rows.map((row) => [
      quoteControls(row.name),
      row.label === '' ? '–' : quoteControls(row.label),
      row.fingerprint.slice(0, SHOWN_DIGITS),
      translate(`cli.senders.is.${row.state}`),
      timeText(row.pairedAt),
      quoteControls(row.status?.version ?? '–'),
      sizeText(row.bytes),
      sizeText(row.spaceBytes),
      ageText(row.status?.oldestWaitingAt ?? null),
      row.connected ? translate('cli.senders.now') : timeText(row.lastSeenAt),
      statusText(row),
      quoteControls(row.folder),
    ]),
  ])
  for (const line of lines) console.log(line.trimEnd())
}

const isAccepted = ({ condition }: Row) => condition !== null

async function list({ store, json, sort }: SendersOptions): Promise<void> {
  const layout = storeLayout(store)
  const senders = await openList(store)
  const running = (await isReceiverRunning(layout)) === true
  const seen = await readSeen(layout.seen)
  const known = senders.list().map((sender) => buildRow(sender, seen, running))
  const ordered = orderSenders(
    known.map((row) => ({
      row,
      ...{ name: row.name, connected: row.connected, seenAt: row.lastSeenAt, bytes: row.bytes ?? 0 },
      ...{ level: row.status?.level ?? null, oldestWaitingAt: row.status?.oldestWaitingAt ?? null },
    })),
    Date.now(),
    sort,
  ).map(({ row }) => row)
  // Revoked senders come last.
  const rows = [...ordered.filter(isAccepted), ...ordered.filter((row) => !isAccepted(row))]
  if (json === true) for (const row of rows) console.log(jsonText(row))
  else if (rows.length === 0) say(message('transfer.sendersNone', { path: layout.root }))
  else {
    printTable(rows)
    const paired = rows.filter(isAccepted)
    const countWell = (some: readonly Row[]) => ({
      well: some.filter(({ condition }) => condition === 'well').length,
      count: some.length,
    })
    if (paired.length > 1) say(message('cli.senders.well', countWell(paired)))
    for (const [label, group] of groupSenders(paired))
      if (label !== '') say(message('cli.senders.wellOf', { label, ...countWell(group) }))
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

async function setLabel(who: string, label: string, { store }: SendersOptions): Promise<void> {
  const senders = await openList(store)
  const sender = chooseSender(senders.list(), who, storeLayout(store).root)
  if (label.length > LONGEST_WORD || quoteControls(label) !== label)
    throw new WrongUsage('transfer.senderNameInvalid', { name: label })
  await record(store, senders, 'labelSender', { fingerprint: sender.fingerprint, label }, () =>
    senders.label(sender.fingerprint, label.trim()),
  )
  say(message('transfer.senderLabelled', { name: sender.name, label: label.trim() }))
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
    .description('list, rename, label and revoke the computers that are paired with a receiver')
    .requiredOption('--store <directory>', 'the store of the receiver', parsePath)
    .option('--json', 'one JSON object a line', false)
    .addOption(
      new Option('--sort <order>', 'the order of the list').choices(senderOrders).default('condition'),
    )
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
    .command('label')
    .description('set the text by which the list is grouped, such as a site')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .argument('<label>', 'the text; an empty one removes it')
    .action((who: string, label: string, _: object, command: Command) =>
      setLabel(who, label, command.optsWithGlobals<SendersOptions>()),
    )
  senders
    .command('revoke')
    .description('stop accepting files of a sender until it is paired again; its files stay')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .action((who: string, _: object, command: Command) =>
      revoke(who, command.optsWithGlobals<SendersOptions>()),
    )
}
