import os from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { createLimitedLog } from '../wire/limited-log.ts'
import { folderName } from '../wire/names.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import { Problem, sentenceOf } from '../words/problem.ts'
import { englishWords } from '../words/words.ts'
import type { ConfigOf, InputOf, ReportOf } from '../worker/definition.ts'
import { createRetry } from '../worker/retry.ts'
import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import type { Ledger } from './ledger.ts'
import { openLedger } from './ledger.ts'
import type { Link } from './link.ts'
import { openLink } from './link.ts'
import type { Connection, senderDefinition } from './messages.ts'
import { pairWithReceiver } from './pair.ts'
import type { Pump } from './pump.ts'
import { openPump } from './pump.ts'
import { createRates } from './rates.ts'
import type { Renewal } from './renewal.ts'
import { openRenewal } from './renewal.ts'

type Definition = typeof senderDefinition
type Config = ConfigOf<Definition>
type Report = ReportOf<Definition>

const REPORT_EVERY_MS = 250
const NUDGE_EVERY_MS = 100
/** Rows in one transaction when many are moved; between two the event loop turns. */
const CHUNK_ROWS = 1_000
const TRANSFERS = 20
/** A receiver's disk that has left a call unanswered for longer than this is said to hang. */
const STALLED_MS = 30_000

/** Runs `work` at most once in `everyMs`, the last time after the last call. */
function throttled(everyMs: number, work: () => void): { (): void; stop(): void } {
  let timer: NodeJS.Timeout | null = null
  const call = () => {
    timer ??= setTimeout(() => {
      timer = null
      work()
    }, everyMs)
  }
  return Object.assign(call, {
    stop: () => {
      if (timer !== null) clearTimeout(timer)
    },
  })
}

/** What the sender needs to be one destination's: made anew when the destination changes. */
interface Route {
  link: Link
  pump: Pump
}

/** The sender as a worker: ledger, link and pump, brought together and reported. */
export function startSender(context: WorkerContext<Definition>): WorkerHandlers<Definition> {
  let config: Config | null = null
  /** The last one that was carried out to its end. */
  let applied: Config | null = null
  let renewal: Renewal | null = null
  let ledger: { file: string; open: Ledger } | null = null
  let route: Route | null = null
  let stalledMs = 0
  let connection: Connection = { state: 'idle', since: Date.now(), problem: null }
  let startProblem: Message | null = null
  let lastFile: Report['lastFile'] = {}
  let lastReport = ''
  let over = false
  const rates = createRates()
  const retry = createRetry()
  const stopping = new AbortController()
  const limited = createLimitedLog((text) => context.log('info', text))
  const log: WorkerContext<Definition>['log'] = (level, text) =>
    level === 'info' ? limited(text) : context.log(level, text)

  const destinationId = (): string | null => config?.destination?.id ?? ledger?.open.destination ?? null

  const problemNow = (): Message | null => {
    if (startProblem !== null || connection.state !== 'connected') return startProblem ?? connection.problem
    const name = config?.destination?.name ?? ''
    if (stalledMs > STALLED_MS)
      return message('transfer.storeHung', { name, seconds: Math.round(stalledMs / 1000) })
    return route?.pump.problem ?? null
  }

  const report = () => {
    if (over) return
    const destination = destinationId()
    const current: Report = {
      fingerprint: renewal?.identity.fingerprint ?? null,
      connection: { ...connection, problem: problemNow() },
      totals: destination === null || ledger === null ? {} : ledger.open.totals(destination),
      lastFile,
      transfers: route?.pump.transfers(TRANSFERS) ?? [],
      rates: rates.current(performance.now()),
    }
    const text = JSON.stringify(current)
    if (text !== lastReport) context.report(current)
    lastReport = text
    if (Object.keys(current.rates).length > 0) changed()
  }
  const changed = throttled(REPORT_EVERY_MS, () => {
    try {
      report()
    } catch (thrown) {
      log('error', `report: ${String(thrown)}`)
    }
  })
  const nudge = throttled(NUDGE_EVERY_MS, () => context.nudge())

  const setConnection = (state: Connection['state'], problem: Message | null) => {
    if (state !== connection.state) {
      connection = { state, since: Date.now(), problem }
      if (problem !== null) context.log('warn', englishWords(problem))
      else context.log('info', `connection: ${state}`)
    } else connection = { ...connection, problem }
    changed()
  }

  const closeRoute = () => {
    route?.pump.stop()
    route?.link.stop()
    route = null
    stalledMs = 0
  }

  const openRoute = (next: Config, on: Ledger, me: Renewal) => {
    const { destination, ledgerPath, retrySeconds } = next
    if (destination === null) {
      setConnection('idle', null)
      return
    }
    const pump = openPump(
      { destination, ledger: on, ledgerPath, retrySeconds },
      {
        onSent(files, now) {
          for (const { source, path } of files) lastFile[source] = { path, at: now }
          nudge()
          changed()
        },
        onMarked: nudge,
        onBytes(source, bytes) {
          rates.add(source, bytes, performance.now())
          changed()
        },
        onChange: changed,
        log,
      },
    )
    const link = openLink(
      destination,
      me,
      { name: os.hostname() || 'Holdfast', retrySeconds },
      {
        onSession: (session) => pump.setSession(session),
        onState: setConnection,
        onStalled(ms) {
          stalledMs = ms
          changed()
        },
        log,
      },
    )
    route = { link, pump }
  }

  const openNow = (path: string): Ledger => {
    try {
      return openLedger(path)
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      throw new Problem('transfer.ledgerFailed', { path, reason }, { cause: thrown })
    }
  }

  const openLedgerOf = (file: string): Ledger => {
    if (ledger?.file === file) return ledger.open
    closeRoute()
    ledger?.open.close()
    ledger = null
    const open = openNow(file)
    if (open.notice !== null) context.log('warn', englishWords(open.notice))
    ledger = { file, open }
    return open
  }

  /** Offers everything that any other destination had, or waited for, to the current one. */
  const requeue = async (on: Ledger, to: string): Promise<void> => {
    if (on.destination === to) return
    for (const from of on.destinations()) {
      if (from === to) continue
      let after: number | null = 0
      while (after !== null) {
        if (over || destinationId() !== to) return
        after = on.requeue(from, to, after, CHUNK_ROWS)
        route?.pump.wake()
        changed()
        await turn()
      }
    }
    if (!over && destinationId() === to) on.destination = to
  }

  const forget = async (on: Ledger, source: string): Promise<void> => {
    while (!over && on.forgetSource(source, CHUNK_ROWS) > 0) await turn()
    changed()
  }

  const background = (what: string, work: Promise<void>) => {
    work.catch((thrown: unknown) => log('error', `${what}: ${String(thrown)}`))
  }

  /** The folder's name is part of what the receiver is told, so it is made valid here. */
  const sourcesOf = ({ sources }: Config) =>
    sources.map((source) => ({ ...source, name: folderName(source.name) }))

  const sameRoute = (a: Config, b: Config) =>
    a.identityDirectory === b.identityDirectory &&
    a.ledgerPath === b.ledgerPath &&
    a.retrySeconds === b.retrySeconds &&
    JSON.stringify(a.destination) === JSON.stringify(b.destination)

  const configure = async (next: Config): Promise<void> => {
    const before = applied
    config = next
    if (renewal === null || before?.identityDirectory !== next.identityDirectory)
      renewal = await openRenewal(next.identityDirectory, log)
    renewal.setReceivers(next.destination === null ? [] : [next.destination])
    const on = openLedgerOf(next.ledgerPath)
    // Only a source that was removed while this runs is forgotten: an empty configuration forgets nothing.
    for (const { id } of before?.sources ?? []) {
      if (next.sources.some((source) => source.id === id)) continue
      delete lastFile[id]
      background(`forgetting ${id}`, forget(on, id))
    }
    if (before === null || startProblem !== null || !sameRoute(before, next)) {
      closeRoute()
      if (before?.destination?.id !== next.destination?.id) lastFile = {}
      openRoute(next, on, renewal)
      if (next.destination !== null) background('requeue', requeue(on, next.destination.id))
    }
    startProblem = null
    applied = next
    route?.pump.configure(sourcesOf(next), next.paused)
    changed()
  }

  const ready = (): { on: Ledger; me: Renewal } => {
    if (ledger === null || renewal === null) throw new Error('the sender is not configured yet')
    return { on: ledger.open, me: renewal }
  }

  return {
    async configure(next) {
      await retry.run(async () => {
        try {
          await configure(next)
        } catch (thrown) {
          startProblem = sentenceOf(thrown)
          changed()
          throw thrown
        }
      })
    },

    nudge() {
      route?.pump.wake()
      changed()
    },

    requests: {
      async files(query: InputOf<Definition, 'files'>) {
        const destination = destinationId()
        return destination === null ? { files: [], more: false } : ready().on.files(destination, query)
      },
      async retry({ source }: InputOf<Definition, 'retry'>) {
        const destination = destinationId()
        if (destination === null) return { files: 0 }
        const { on } = ready()
        let files = 0
        for (let some = CHUNK_ROWS; some === CHUNK_ROWS; files += some) {
          some = on.unpark(destination, source, CHUNK_ROWS)
          await turn()
        }
        route?.pump.wake()
        changed()
        return { files }
      },
      async pair({ code, name }: InputOf<Definition, 'pair'>) {
        const { me } = ready()
        await me.replaceExpired()
        changed()
        return pairWithReceiver(code, name, me.identity, stopping.signal)
      },
    },

    async stop() {
      over = true
      retry.stop()
      changed.stop()
      nudge.stop()
      stopping.abort()
      closeRoute()
      ledger?.open.close()
    },
  }
}
