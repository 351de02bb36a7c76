import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type OpenAgent, openAgent } from '../core/agent/open.ts'
import type { AppState, SourceState } from '../core/agent/state/schema.ts'
import { openLedger } from '../core/ledger/ledger.ts'
import { type Listed, type ListOptions, listCandidates } from '../core/scan/preview/list.ts'
import { destinationIds } from '../core/settings/destinations.ts'
import type { SourceFilters } from '../core/settings/schema.ts'
import { type Message, message, type WordKey } from '../core/words/message.ts'
import { englishWords } from '../core/words/words.ts'
import { createComplaints, createFailures, GIVE_UP_AFTER_MS, usedDestinations } from './once-trouble.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalHost } from './terminal-host.ts'
import { terminalWords } from './terminal-words.ts'

const LOOK_EVERY_MS = 300
/** When nothing has changed for so long, and the quiet period, the directories themselves are asked what is left. */
const STILL_MS = 3_000
/** Why a file that is not sent will not be sent by waiting longer. */
const UNSENT: ReadonlySet<WordKey> = new Set([
  'scan.why.writing',
  'scan.why.unreadable',
  'scan.why.name',
  'scan.why.parked',
])

/** Why a batch directory is not marked though all of it is sent. */
const NO_MARK: ReadonlySet<WordKey> = new Set(['scan.markFailed', 'scan.batchFailed'])

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
    for (const refusal of refusals) console.error(terminalWords(refusal))
    if (refusals.length > 0) return 2
    return await finish(open)
  } finally {
    await open.close()
  }
}

async function finish(open: OpenAgent): Promise<number> {
  const complain = createComplaints()
  const failureOf = createFailures()
  const stillness = createStillness()
  for (;;) {
    const { state } = open.agent.store.snapshot()
    const now = performance.now()
    complain(state, now)
    const failure = failureOf(state, Date.now(), now)
    if (failure !== null) {
      console.error(terminalWords(failure))
      return 1
    }
    const rest = restOf(state)
    if (rest === 'done' || stillness(rest, state, now)) {
      const compared = await compare(open)
      const isOver = rest === 'done' || compared.unsent.length + compared.young > 0
      if (compared.isDone && isOver) return tell(state, compared)
      const unmarked = compared.isDone ? unmarkedIn(state, stillness.lasts(now)) : null
      if (unmarked !== null) {
        console.error(terminalWords(unmarked))
        return 1
      }
    }
    await delay(LOOK_EVERY_MS)
  }
}

function tell(state: AppState, { sent, unsent, young }: Compared): number {
  if (young > 0) console.error(terminalWords(message('cli.once.young', { count: young })))
  for (const { path: name, why } of unsent) {
    console.error(`${quoteControls(name)}: ${why === null ? '' : terminalWords(why)}`)
  }
  if (unsent.length > 0) {
    console.error(terminalWords(message('cli.once.unsent', { count: unsent.length })))
    return 1
  }
  const isOnlyHere = usedDestinations(state).every(({ kind }) => kind === 'embedded')
  const key = isOnlyHere ? 'cli.once.doneHere' : 'cli.once.done'
  console.log(terminalWords(message(key, { count: sent })))
  return 0
}

/**
 * What is left, as far as the state knows. marks: all that can be sent is, and a batch directory has no mark yet; it
 * may never get one, as what cannot be sent is in it.
 */
function restOf(state: AppState): 'files' | 'marks' | 'done' {
  const { sources, totals } = state
  const isListed = ({ scanned }: SourceState) =>
    scanned !== null && (scanned.phase === 'watching' || scanned.phase === 'polling')
  const isThere = usedDestinations(state).every(({ connection }) => connection.state === 'connected')
  if (!isThere || totals.waitingFiles > 0 || !sources.every(isListed)) return 'files'
  const isMarked = ({ phase, waiting }: Batch) => phase !== 'waiting' && phase !== 'closing' && waiting === 0
  return batchesOf(state).every(isMarked) ? 'done' : 'marks'
}

type Batch = NonNullable<SourceState['scanned']>['batches'][number]
const batchesOf = ({ sources }: AppState): Batch[] => sources.flatMap(({ scanned }) => scanned?.batches ?? [])

/** Whether nothing but marks has been left, and nothing has changed, for a while: said again after ever longer ones. */
function createStillness() {
  let known = ''
  let since = 0
  let askAt = 0
  const isStill = (rest: ReturnType<typeof restOf>, state: AppState, now: number): boolean => {
    const seen = JSON.stringify([rest, state.totals, batchesOf(state)])
    if (seen !== known || rest !== 'marks') {
      known = seen
      since = now
      // A directory that nobody closed is marked when it has rested for the quiet period.
      askAt = now + STILL_MS + 1_000 * state.settings.scan.quietSeconds
    }
    if (now < askAt) return false
    askAt = now + (now - since)
    return true
  }
  return Object.assign(isStill, { lasts: (now: number) => now - since })
}

/** Everything is durable; why a mark will not come, as far as is known. */
function unmarkedIn(state: AppState, stillMs: number): Message | null {
  const problems = state.sources.flatMap(({ scanned }) => scanned?.problems ?? [])
  const problem = problems.find(({ key }) => NO_MARK.has(key))
  if (problem !== undefined) return message('cli.once.unreachable', { reason: englishWords(problem) })
  const patience = GIVE_UP_AFTER_MS + 2_000 * state.settings.scan.quietSeconds
  if (stillMs < patience) return null
  const names = batchesOf(state).filter(({ phase }) => phase === 'waiting' || phase === 'closing')
  return message('cli.once.unmarked', { names: names.map(({ name }) => name).join(', ') })
}

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
