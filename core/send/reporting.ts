import { createLimitedLog } from '../lib/async/limited-log.ts'
import { throttle } from '../lib/async/throttled.ts'
import type { WorkerReport } from '../lib/workers/definition.ts'
import type { WorkerContext } from '../lib/workers/serve.ts'
import type { senderDefinition } from './sender-messages.ts'

type ReportingDefinition = typeof senderDefinition

const REPORT_EVERY_MS = 250

/** The current report of the sender. */
export interface SenderSnapshot {
  report: WorkerReport<ReportingDefinition>
  /** True if the values change with time, so that another report has to follow. */
  isMoving: boolean
}

/** Reports changes to the agent, at most once in REPORT_EVERY_MS; equal reports are skipped. */
export function openReporting(context: WorkerContext<ReportingDefinition>, look: () => SenderSnapshot) {
  const logNotReported = createLimitedLog((text) => context.log('error', text))
  let last = ''
  const tell = () => {
    const { report, isMoving } = look()
    const text = JSON.stringify(report)
    if (text !== last) context.report(report)
    last = text
    if (isMoving) changed()
  }
  const changed = throttle(REPORT_EVERY_MS, () => {
    try {
      tell()
    } catch (error) {
      logNotReported(`report: ${String(error)}`)
    }
  })
  return {
    changed,
    stop() {
      changed.stop()
      logNotReported.end()
    },
  }
}
