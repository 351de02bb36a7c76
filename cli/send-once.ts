import path from 'node:path'
import { type OpenAgent, openAgent } from '../core/agent/open.ts'
import type { AppState, SourceState } from '../core/agent/state-schema.ts'
import { type Message, message } from '../core/words/message.ts'
import { englishWords } from '../core/words/words.ts'
import { terminalHost } from './terminal-host.ts'

/** A receiver that cannot be reached for this long ends the run: cron starts the next one. */
const GIVE_UP_AFTER_MS = 60_000
const LOOK_EVERY_MS = 200

export interface OnceOptions {
  directory: string
  dataDirectory: string
  kind: 'continuous' | 'batch'
  prefix: string
  /** gitignore patterns of what is left out. */
  ignore: readonly string[]
}

/**
 * Sends what a directory holds now, waits until it is durable, and ends (isocket's scan.sh). The directory is
 * not added to the settings. @returns the exit code: 0 only when everything is durable.
 */
export async function sendOnce(options: OnceOptions): Promise<number> {
  const { dataDirectory, kind, prefix, ignore } = options
  const open = await openAgent(dataDirectory, terminalHost(dataDirectory, console.error), {
    onlyThisRun: true,
  })
  try {
    const refusals = await open.protect([path.resolve(options.directory)], { kind, prefix, ignore })
    for (const refusal of refusals) console.error(englishWords(refusal))
    if (refusals.length > 0) return 2
    return await finish(open)
  } finally {
    await open.close()
  }
}

async function finish(open: OpenAgent): Promise<number> {
  for (;;) {
    const { state } = open.agent.store.snapshot()
    const failure = failureOf(state, Date.now())
    if (failure !== null) {
      console.error(englishWords(failure))
      return 1
    }
    if (state.sources.every(isSettled) && (await isNothingWaiting(open))) break
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  const { totals } = open.agent.store.snapshot().state
  if (totals.parkedFiles > 0) {
    console.error(englishWords(message('cli.once.parked', { count: totals.parkedFiles })))
    return 1
  }
  console.log(englishWords(message('cli.once.done', { count: totals.sentFiles })))
  return 0
}

/** Why waiting longer is of no use; null while it is. */
function failureOf(state: AppState, now: number): Message | null {
  const { connection } = state.destination
  const isAway = connection.state === 'unreachable' && now - connection.since > GIVE_UP_AFTER_MS
  if (connection.state === 'refused' || isAway) {
    const reason = englishWords(connection.problem ?? state.status.sentence)
    return message('cli.once.unreachable', { reason })
  }
  const incident = state.incidents.find(({ endedAt }) => endedAt === null)
  return incident === undefined
    ? null
    : message('cli.once.unreachable', { reason: englishWords(incident.sentence) })
}

/** The source has been listed, and every batch directory is marked, or is the newest one that still fills. */
function isSettled({ scanned }: SourceState): boolean {
  if (scanned === null || !['watching', 'polling'].includes(scanned.phase)) return false
  return scanned.batches.every(
    ({ phase, waiting }) => phase !== 'waiting' && phase !== 'closing' && waiting === 0,
  )
}

/** Asked of the ledger itself: the state may be a report behind. */
async function isNothingWaiting(open: OpenAgent): Promise<boolean> {
  const query = { source: null, state: 'waiting', before: null, limit: 1 } as const
  return (await open.handlers.files(query)).files.length === 0
}
