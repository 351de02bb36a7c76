import type { RunningReport, receiverDefinition } from '../receive/messages.ts'
import type { Message } from '../words/message.ts'
import type { ReportOf } from '../worker/definition.ts'

type Report = ReportOf<typeof receiverDefinition>

/** What the receiver on this computer, which files go to while no other is paired, last said of itself. */
export interface EmbeddedReceiver {
  /** null: it does not run, or has not said so yet. */
  readonly running: RunningReport | null
  /** Why it cannot start, if it cannot. */
  readonly problem: Message | null
  /** Takes a report; gives whether it is to be reached elsewhere now, or not any more. */
  take(report: Report): boolean
  forget(): void
}

export function createEmbeddedReceiver(): EmbeddedReceiver {
  let running: RunningReport | null = null
  let problem: Message | null = null
  return {
    get running() {
      return running
    },
    get problem() {
      return problem
    },
    take(report) {
      const before = running
      running = 'problem' in report ? null : report
      problem = 'problem' in report ? report.problem : null
      return before?.port !== running?.port || before?.fingerprint !== running?.fingerprint
    },
    forget() {
      running = null
      problem = null
    },
  }
}
