import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type OpenAgent, openAgent } from '../core/agent/open.ts'
import type { AppState, SourceState } from '../core/agent/state-schema.ts'
import { destinationIds } from '../core/agent/worker-configs.ts'
import { type Listed, type ListOptions, listCandidates } from '../core/scan/list.ts'
import { openLedger } from '../core/send/ledger.ts'
import type { SourceFilters } from '../core/settings/schema.ts'
import { type Message, message, type WordKey } from '../core/words/message.ts'
import { englishWords } from '../core/words/words.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalHost } from './terminal-host.ts'

/** A receiver that cannot be reached for this long ends the run: cron starts the next one. */
const GIVE_UP_AFTER_MS = 60_000
const LOOK_EVERY_MS = 300
/** What holds the sending up for so long is told, though it may pass. */
const COMPLAIN_AFTER_MS = 3_000
/** Why a file that is not sent will not be sent by waiting longer. */
const UNSENT: ReadonlySet<WordKey> = new Set([
  'scan.why.writing',
  'scan.why.unreadable',
  'scan.why.name',
  'scan.why.parked',
])

export interface OnceOptions {
  directory: string
  dataDirectory: string
  kind: 'continuous' | 'batch'
  prefix: string
  filters: SourceFilters
  /** What other file systems mounted inside hold is left out. */
  oneFileSystem: boolean
  /** Names or ids of the destinations; without, all. */
  to: string[] | undefined
}

/**
 * Sends what a directory holds now, waits until it is durable, and ends (isocket's scan.sh). The directory is
 * not added to the settings. @returns the exit code: 0 only when every file that is there is durable.
 */
export async function sendOnce(options: OnceOptions): Promise<number> {
  const { dataDirectory, kind, prefix, filters, oneFileSystem, to } = options
  const open = await openAgent(dataDirectory, { ...terminalHost(console.error), kind: 'once' })
  try {
    const settings = { kind, prefix, filters, oneFileSystem, ...(to === undefined ? {} : { to }) }
    const refusals = await open.protect([path.resolve(options.directory)], settings)
    for (const refusal of refusals) console.error(englishWords(refusal))
    if (refusals.length > 0) return 2
    return await finish(open)
  } finally {
    await open.close()
  }
}

/** Says what holds the sending up, once each, as soon as it has for a while. */
function createComplaints(): (state: AppState, now: number) => void {
  const since = new Map<string, number>()
  return (state, now) => {
    for (const { connection } of usedDestinations(state)) {
      if (connection.problem === null) continue
      const sentence = englishWords(connection.problem)
      const first = since.get(sentence) ?? now
      since.set(sentence, first)
      if (now - first < COMPLAIN_AFTER_MS) continue
      since.set(sentence, Number.POSITIVE_INFINITY)
      console.error(sentence)
    }
  }
}

async function finish(open: OpenAgent): Promise<number> {
  const complain = createComplaints()
  for (;;) {
    const { state } = open.agent.store.snapshot()
    complain(state, performance.now())
    const failure = failureOf(state, Date.now())
    if (failure !== null) {
      console.error(englishWords(failure))
      return 1
    }
    if (isSettled(state)) {
      const compared = await compare(open)
      if (compared.isDone) return tell(state, compared)
    }
    await delay(LOOK_EVERY_MS)
  }
}

function tell(state: AppState, { sent, unsent, young }: Compared): number {
  if (young > 0) console.error(englishWords(message('cli.once.young', { count: young })))
  for (const { path: name, why } of unsent) {
    console.error(`${quoteControls(name)}: ${why === null ? '' : englishWords(why)}`)
  }
  if (unsent.length > 0) {
    console.error(englishWords(message('cli.once.unsent', { count: unsent.length })))
    return 1
  }
  const isOnlyHere = usedDestinations(state).every(({ kind }) => kind === 'embedded')
  const key = isOnlyHere ? 'cli.once.doneHere' : 'cli.once.done'
  console.log(englishWords(message(key, { count: sent })))
  return 0
}

/** Why waiting longer is of no use; null while it is. */
function failureOf(state: AppState, now: number): Message | null {
  for (const { connection } of usedDestinations(state)) {
    const isAway = connection.state === 'unreachable' && now - connection.since > GIVE_UP_AFTER_MS
    if (connection.state !== 'refused' && !isAway) continue
    const reason = englishWords(connection.problem ?? state.status.sentence)
    return message('cli.once.unreachable', { reason })
  }
  const incident = state.incidents.find(({ endedAt }) => endedAt === null)
  return incident === undefined
    ? null
    : message('cli.once.unreachable', { reason: englishWords(incident.sentence) })
}

/** As far as the state knows: listed, nothing on its way, every batch directory marked or still being filled. */
function isSettled(state: AppState): boolean {
  const { sources, totals } = state
  const isListed = ({ scanned }: SourceState) =>
    scanned !== null &&
    (scanned.phase === 'watching' || scanned.phase === 'polling') &&
    scanned.batches.every(({ phase, waiting }) => phase !== 'waiting' && phase !== 'closing' && waiting === 0)
  const isThere = usedDestinations(state).every(({ connection }) => connection.state === 'connected')
  return isThere && totals.waitingFiles === 0 && sources.every(isListed)
}

const usedDestinations = ({ destinations, sources }: AppState) =>
  destinations.filter(({ id }) => sources.some((source) => source.destinations.some((one) => one.id === id)))

interface Compared {
  isDone: boolean
  /** Files that every destination of their source has. */
  sent: number
  /** Files that waiting longer does not send. */
  unsent: Listed[]
  /** Files that are left to a later run, as they changed too recently. */
  young: number
}

/** The state may be a report behind: the directory itself is compared with the ledger before anything is said. */
async function compare({ agent }: OpenAgent): Promise<Compared> {
  const settings = agent.settings.get()
  const ledger = openLedger(agent.layout.ledger)
  const unsent = new Map<string, Listed>()
  const young = new Set<string>()
  let sent = 0
  try {
    for (const source of settings.sources) {
      const destinations = destinationIds(settings, source)
      sent += Math.min(...destinations.map((one) => ledger.totals(one)[source.id]?.sentFiles ?? 0))
      for (const destination of destinations) {
        const lookup = (name: string) => ledger.lookup(destination, source.id, name)
        const { quietSeconds } = settings.scan
        const sentAs: ListOptions['sentAs'] = (file) => ledger.sentAs(destination, source.id, file)
        for await (const listed of listCandidates({ source, quietSeconds, lookup, sentAs })) {
          if (listed.why === null || listed.why.key === 'scan.why.changing')
            return { isDone: false, sent: 0, unsent: [], young: 0 }
          if (listed.why.key === 'scan.why.tooYoung') young.add(listed.path)
          if (UNSENT.has(listed.why.key)) unsent.set(listed.path, listed)
        }
      }
    }
  } finally {
    ledger.close()
  }
  return { isDone: true, sent, unsent: [...unsent.values()], young: young.size }
}
