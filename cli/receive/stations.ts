import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import type { RecordedCommand } from '../../core/agent/contract.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { renderReceived } from '../../core/lib/i18n/received.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { toReason } from '../../core/platform/system-error.ts'
import { getUserName } from '../../core/platform/user-name.ts'
import { LONGEST_WORD } from '../../core/protocol/limits.ts'
import type { KeptProposal } from '../../core/protocol/proposal.ts'
import { isReceiverRunning } from '../../core/receive/pairing/invitation.ts'
import { createProposal, withoutText } from '../../core/receive/proposing.ts'
import {
  getSenderCondition,
  groupSenders,
  type Judging,
  judgeAlone,
  orderSenders,
  type SenderCondition,
  type SenderOrder,
  senderOrders,
} from '../../core/receive/senders/fleet.ts'
import { readSeen, type SeenSenders, type ToldStatus } from '../../core/receive/senders/last-seen.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { chooseSender, openSenders, type Sender, type Senders } from '../../core/store/senders/senders.ts'
import { withDataDirectory } from '../ask/data-directory.ts'
import { recordAlone } from '../ask/record-alone.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { localTime } from '../terminal/moment.ts'
import { parsePath } from '../terminal/path-words.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { chooseStore } from './choose-store.ts'

interface SendersOptions {
  store: string
  judging: Judging
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
  /** False: its version takes no proposed settings; null: not known yet. */
  takesProposals: boolean | null
  /** The settings that were last proposed to it, and its decision; null: none. */
  proposal: Omit<KeptProposal, 'text'> | null
}

function buildRow(sender: Sender, seen: SeenSenders, running: boolean, judging: Judging): Row {
  const { seenAt, connected, told, usage, takesProposals, absences } = seen
  const { name, fingerprint, pairedAt, revokedAt, folder, label } = sender
  const { files = null, bytes = null, spaceBytes = null } = usage.get(folder) ?? {}
  const { status = null, statusAt = null, failingSince = null } = told.get(folder) ?? {}
  const lastSeenAt = seenAt.get(folder) ?? null
  const isConnected = running && revokedAt === null && connected.includes(folder)
  const facts = {
    ...{ name, folder, pairedAt, statusAt, connected: isConnected, seenAt: lastSeenAt },
    ...{ level: status?.level ?? null, absences: absences.get(folder) },
  }
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
    condition: revokedAt === null ? getSenderCondition(facts, judging) : null,
    takesProposals: takesProposals.get(folder) ?? null,
    proposal: withoutText(sender.proposal),
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
  ...(['lastSeen', 'status', 'proposal', 'folder'] as const),
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
      proposalText(row),
      quoteControls(row.folder),
    ]),
  ])
  for (const line of lines) console.log(line.trimEnd())
}

/** Prints the sentence of a report that needs attention, with the cause of a disk's failure. */
function printFailure({ name, status, condition }: Row): void {
  if (status === null || condition === null || (status.level !== 'failing' && status.level !== 'attention'))
    return
  const sentence = renderReceived(status, terminalWords)
  console.log(quoteControls(translate('cli.senders.reports', { name, sentence })))
}

/** Formats the state of a proposal; a computer that takes none shows that even while one waits for it. */
function proposalText({ takesProposals, proposal }: Pick<Row, 'takesProposals' | 'proposal'>): string {
  const state = proposal?.state ?? null
  if (takesProposals === false && (state === null || state === 'waiting'))
    return translate('cli.senders.proposal.unable')
  return state === null ? '–' : translate(`cli.senders.proposal.${state}`)
}

const isAccepted = ({ condition }: Row) => condition !== null

async function list({ store, judging, json, sort }: SendersOptions): Promise<void> {
  const layout = storeLayout(store)
  const senders = await openList(store)
  const running = (await isReceiverRunning(layout)) === true
  const seen = await readSeen(layout.seen)
  const known = senders.list().map((sender) => buildRow(sender, seen, running, judging))
  const ordered = orderSenders(
    known.map((row) => ({
      ...{ ...row, row, seenAt: row.lastSeenAt, bytes: row.bytes ?? 0 },
      ...{ absences: seen.absences.get(row.folder), level: row.status?.level ?? null },
      oldestWaitingAt: row.status?.oldestWaitingAt ?? null,
    })),
    judging,
    sort,
  ).map(({ row }) => row)
  // Revoked senders come last.
  const rows = [...ordered.filter(isAccepted), ...ordered.filter((row) => !isAccepted(row))]
  if (json === true) for (const row of rows) console.log(jsonText(row))
  else if (rows.length === 0) say(message('transfer.sendersNone', { path: layout.root }))
  else {
    printTable(rows)
    for (const row of rows) printFailure(row)
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
) => recordAlone(storeLayout(store).alerts, { receiving: { senders: list() } }, command, input, run)

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

interface ProposalOptions extends SendersOptions {
  label?: string
  withdraw?: boolean
}

/**
 * Returns the accepted senders with a label, or the one that `who` names.
 * @throws UserError transfer.labelUnknown, transfer.proposalNotPaired, and as `chooseSender`
 */
function chooseSenders(
  senders: Senders,
  who: string | undefined,
  { label, store }: ProposalOptions,
): Sender[] {
  const { root } = storeLayout(store)
  if ((who === undefined) === (label === undefined)) throw new WrongUsage('cli.senders.whoOrLabel')
  if (who !== undefined) {
    const sender = chooseSender(senders.list(), who, root)
    if (getSenderState(sender) !== 'paired')
      throw new UserError('cli.senders.proposalNotPaired', { name: sender.name })
    return [sender]
  }
  const found = senders.list().filter((one) => one.label === label && getSenderState(one) === 'paired')
  if (found.length === 0) throw new UserError('cli.senders.labelUnknown', { label: label ?? '', path: root })
  return found
}

async function propose(args: readonly string[], options: ProposalOptions): Promise<void> {
  const { store, json, label } = options
  // With a label, the file is the only argument.
  const [who, file] = label === undefined ? args : [undefined, ...args]
  if (file === undefined || args.length > (label === undefined ? 2 : 1))
    throw new WrongUsage('cli.senders.whoOrLabel')
  const list = await openList(store)
  const senders = chooseSenders(list, who, options)
  const proposal = createProposal(await readProposal(file), getUserName(), Date.now())
  const fingerprints = senders.map(({ fingerprint }) => fingerprint)
  await record(store, list, 'proposeSettings', { fingerprints }, () => list.propose(fingerprints, proposal))
  const seen = await readSeen(storeLayout(store).seen)
  for (const { name, folder } of senders) {
    const takesProposals = seen.takesProposals.get(folder) ?? null
    if (json === true) console.log(jsonText({ name, id: proposal.id, takesProposals }))
    else
      say(message(takesProposals === false ? 'cli.senders.proposedUnable' : 'cli.senders.proposed', { name }))
  }
}

async function readProposal(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UserError('proposal.notRead', { file, reason: toReason(error) }, { cause: error })
  }
}

/** Shows the last proposals to senders, or withdraws those that wait. */
async function showProposals(who: string | undefined, options: ProposalOptions): Promise<void> {
  const { store, json, withdraw } = options
  const list = await openList(store)
  const senders = chooseSenders(list, who, options)
  const fingerprints = senders.map(({ fingerprint }) => fingerprint)
  if (withdraw === true)
    await record(store, list, 'withdrawProposals', { fingerprints }, () => list.withdraw(fingerprints))
  const { takesProposals: known } = await readSeen(storeLayout(store).seen)
  for (const before of senders) {
    const { name, folder, fingerprint } = before
    const proposal = list.known(fingerprint)?.proposal ?? null
    const takesProposals = known.get(folder) ?? null
    const settings: unknown = proposal === null ? null : JSON.parse(proposal.text)
    if (json === true) {
      console.log(
        jsonText({
          name,
          takesProposals,
          proposal: proposal && { ...withoutText(proposal), proposed: settings },
        }),
      )
      continue
    }
    if (proposal === null) {
      const wasWithdrawn = withdraw === true && before.proposal !== null
      say(message(wasWithdrawn ? 'cli.senders.proposalWithdrawn' : 'cli.senders.proposalNone', { name }))
      continue
    }
    const { by, at, decidedAt, sentence } = proposal
    const state = proposalText({ takesProposals, proposal })
    const params = { name, by, at, state: decidedAt === null ? state : `${state}, ${timeText(decidedAt)}` }
    say(message('cli.senders.proposalIs', params))
    if (sentence !== null)
      console.log(`  ${quoteControls(renderReceived({ ...proposal, sentence }, terminalWords))}`)
    for (const line of JSON.stringify(settings, null, 2).split('\n')) console.log(`  ${quoteControls(line)}`)
  }
}

/** Runs a command with its options, and with the store that it is about. */
async function run(command: Command, action: (options: ProposalOptions) => Promise<void>): Promise<void> {
  const options = command.optsWithGlobals<
    Omit<ProposalOptions, 'store' | 'judging'> & { store?: string; data?: string }
  >()
  const { directory: store, ...alerts } = await chooseStore(options)
  await action({ ...options, store, judging: judgeAlone(Date.now(), alerts) })
}

/** `holdfast stations`: lists and edits the senders of a store's receiver, whether it runs or not. */
export function registerStations(program: Command): void {
  const stations = program
    .command('stations')
    // Options may follow `rename` and `revoke` as well.
    .enablePositionalOptions(false)
    .description(
      'list the computers that are paired with a receiver, those that fail or are silent first; rename, label and revoke ' +
        'them, and propose settings to them',
    )
    .option('--store <folder>', 'the store of the receiver (default: that of this computer)', parsePath)
    .option('--json', 'one JSON object a line', false)
    .addOption(
      new Option('--sort <order>', 'the order of the list').choices(senderOrders).default('condition'),
    )
    .action((_: object, command: Command) => run(command, list))
  withDataDirectory(stations)
  stations
    .command('rename')
    .description('give a station another name; its folder in the store stays')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .argument('<name>', 'the new name')
    .action((who: string, name: string, _: object, command: Command) =>
      run(command, (options) => rename(who, name, options)),
    )
  stations
    .command('label')
    .description('set the text by which the list is grouped, such as a site')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .argument('<label>', 'the text; an empty one removes it')
    .action((who: string, label: string, _: object, command: Command) =>
      run(command, (options) => setLabel(who, label, options)),
    )
  stations
    .command('revoke')
    .description('stop accepting files of a station until it is paired again; its files stay')
    .argument('<who>', 'its name, or the beginning of its fingerprint')
    .action((who: string, _: object, command: Command) => run(command, (options) => revoke(who, options)))
  stations
    .command('propose')
    .description(
      'propose settings of a JSON file to a station or a group; each decides itself (docs/many.md)',
    )
    .argument(
      '<who...>',
      'the name of the station, or the beginning of its fingerprint, and the file; with --label only the file',
    )
    .option('--label <label>', 'to all stations with this label')
    .action((args: string[], _: object, command: Command) =>
      run(command, (options) => propose(args, options)),
    )
  stations
    .command('proposal')
    .description('show the settings that were last proposed to a station or a group, and the decision')
    .argument('[who]', 'its name, or the beginning of its fingerprint')
    .option('--label <label>', 'those of all stations with this label')
    .option('--withdraw', 'withdraw those that still wait for a decision')
    .action((who: string | undefined, _: object, command: Command) =>
      run(command, (options) => showProposals(who, options)),
    )
}
