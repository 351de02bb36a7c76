import { createLimitedLog } from '../lib/async/limited-log.ts'
import { throttled } from '../lib/async/throttled.ts'
import type { ReportOf } from '../lib/workers/definition.ts'
import type { WorkerContext } from '../lib/workers/serve.ts'
import type { senderDefinition } from './sender-messages.ts'

type Definition = typeof senderDefinition

const REPORT_EVERY_MS = 250

/** What the sender says of itself now. */
export interface SenderSnapshot {
  report: ReportOf<Definition>
  /** It changes by itself: it is looked at again soon. */
  isMoving: boolean
}

/** Tells the agent what has changed, a few times a second at most, and never the same twice. */
export function openReporting(context: WorkerContext<Definition>, look: () => SenderSnapshot) {
  const logNotReported = createLimitedLog((text) => context.log('error', text))
  let last = ''
  const tell = () => {
    const { report, isMoving } = look()
    const text = JSON.stringify(report)
    if (text !== last) context.report(report)
    last = text
    if (isMoving) changed()
  }
  const changed = throttled(REPORT_EVERY_MS, () => {
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
