import type { MessagePort } from 'node:worker_threads'
import {
  type ManifestRequest,
  type ManifestResult,
  type ManifestTexts,
  readAsText,
  saveManifest,
} from '../fixity/make-manifest.ts'
import type { Message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { serveThread } from '../lib/workers/thread.ts'
import { type ReportRequest, readReport } from './read-report.ts'
import type { Report } from './report-schema.ts'

/** A refusal is returned: an error between threads loses its sentence. */
type OrRefusal<T> = { output: T } | { refusal: Message }

/** The calls of the threads that build reports and manifests for the main process. */
export interface ReportCalls {
  read: { input: ReportRequest; output: Report }
  saveManifest: { input: { request: ManifestRequest; to: string }; output: OrRefusal<ManifestResult> }
  manifestTexts: { input: ManifestRequest; output: OrRefusal<ManifestTexts> }
}

/** Runs such a thread: reading a million rows takes seconds, and a disk may hang. */
export function runReportThread(port: MessagePort): void {
  serveThread<ReportCalls>(port, {
    read: readReport,
    saveManifest: ({ request, to }) => orRefusal(saveManifest(request, to)),
    manifestTexts: (request) => orRefusal(readAsText(request)),
  })
}

async function orRefusal<T>(work: Promise<T>): Promise<OrRefusal<T>> {
  try {
    return { output: await work }
  } catch (error) {
    if (error instanceof UserError) return { refusal: error.sentence }
    throw error
  }
}
