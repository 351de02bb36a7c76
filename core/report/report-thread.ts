import type { MessagePort } from 'node:worker_threads'
import { serveThread } from '../lib/workers/thread.ts'
import { type ReportRequest, readReport } from './read-report.ts'
import type { Report } from './report-schema.ts'

/** The calls of the thread that builds reports for the main process. */
export interface ReportCalls {
  read: { input: ReportRequest; output: Report }
}

/** Runs the thread: reading a million rows takes seconds, and a store's disk may hang. */
export function runReportThread(port: MessagePort): void {
  serveThread<ReportCalls>(port, { read: readReport })
}
