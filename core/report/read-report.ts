import { readIncidentsWithin } from '../alerts/store/database.ts'
import { readCheckSums } from '../check/history/history-store.ts'
import { readLedgerFigures } from '../ledger/figures.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorText } from '../platform/system-error.ts'
import { storeLayout } from '../store/layout.ts'
import { readArrivals } from '../store/query/arrivals.ts'
import { readSenderNames } from '../store/senders/senders.ts'
import { buildReport, MOST_LISTED, type ReportFigures, type ReportSubject } from './build-report.ts'
import type { Report } from './report-schema.ts'

/** Limit of the incidents that are read: those of stations count, even if the report does not list them. */
const MOST_READ_INCIDENTS = 10_000

/** The subject of a report, and the files that have its data. null: that part does not belong to the report. */
export interface ReportRequest extends ReportSubject {
  ledger: string | null
  history: string | null
  alerts: string | null
  /** The directory of a receiver's store. */
  store: string | null
}

/**
 * Reads the data and builds the report. Nothing is created or changed, and other processes may write meanwhile. A part
 * that cannot be read is left out, and a note gives the reason. Blocks for up to some seconds: it runs in a thread, or
 * in a separate process.
 */
export async function readReport(request: ReportRequest): Promise<Report> {
  const { ledger, history, alerts, store, ...subject } = request
  const { from } = subject.period
  const to = Math.min(subject.period.to, Math.max(subject.now, from))
  const notes: Message[] = []
  /** Reads a part; null: it is not part of the report, or its data cannot be read. */
  const read = async <T>(
    place: string | null,
    work: (place: string) => T | Promise<T>,
  ): Promise<T | null> => {
    if (place === null) return null
    try {
      return await work(place)
    } catch (error) {
      notes.push(
        error instanceof UserError
          ? error.sentence
          : message('report.partUnread', { path: place, reason: errorText(error) }),
      )
      return null
    }
  }
  const figures: Omit<ReportFigures, 'notes'> = {
    ledger: await read(ledger, (file) => readLedgerFigures(file, from, to, MOST_LISTED) ?? NO_LEDGER),
    checks: await read(history, (file) => readCheckSums(file, from, to) ?? { paths: [], since: null }),
    incidents: await read(alerts, (file) => readIncidentsWithin(file, from, to, MOST_READ_INCIDENTS)),
    arrivals: await read(store, (directory) => {
      const { manifest, root } = storeLayout(directory)
      const found = readArrivals(manifest, from, to)
      if (found === null) throw new UserError('store.manifestNone', { path: manifest, store: root })
      return found
    }),
    stations:
      (await read(store, (directory) => readSenderNames(storeLayout(directory).senders))) ?? new Map(),
  }
  return buildReport(subject, { ...figures, notes })
}

/** An agent that has not sent anything has no ledger yet. */
const NO_LEDGER = { routes: [], proofs: [], expected: [], missing: [], late: [], forgottenAt: null }
