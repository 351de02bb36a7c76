import type { Verdict } from './messages.ts'
import type { ProberPool } from './prober/prober-pool.ts'
import type { StepFailure } from './prober/protocol.ts'
import { callFailure, type Failure } from './probes/findings.ts'
import { type ShellStep, shellStep } from './shell-step.ts'
import { hungVerdict, SLOW_MS, slowLimit, verdictOf } from './verdict.ts'

export interface ProbedOnce {
  path: string
  verdict: Verdict
  /** The steps that failed, each once, in order; all were tried, unless one hung. */
  failedSteps: ShellStep[]
}

/**
 * Probes a directory once: create, list and remove a file in it. A probe that has not come back after
 * `timeoutMs` is said to hang, in the step that it has got to.
 */
export function probeOnce(
  prober: Pick<ProberPool, 'run'>,
  path: string,
  timeoutMs: number,
): Promise<ProbedOnce> {
  return new Promise((resolve) => {
    let step = 'create'
    const started = performance.now()
    const timer = setTimeout(() => {
      const verdict = hungVerdict(path, step, performance.now() - started)
      resolve({ path, verdict, failedSteps: [shellStep(step)] })
    }, timeoutMs)
    const bytes = Buffer.from(path).toString('latin1')
    prober.run({ does: 'write', path: bytes }, (answer) => {
      if (answer.did === 'step') step = answer.step
      if (answer.did !== 'write') return
      clearTimeout(timer)
      resolve({ path, ...judge(path, answer.failures, answer.elapsedMs, timeoutMs) })
    })
  })
}

function judge(
  path: string,
  failures: StepFailure[],
  elapsedMs: number,
  timeoutMs: number,
): Omit<ProbedOnce, 'path'> {
  const verdict = verdictOf(
    path,
    { failures: failures.map(asFailure), elapsedMs },
    slowLimit(SLOW_MS, timeoutMs),
  )
  return { verdict, failedSteps: [...new Set(failures.map(({ step }) => shellStep(step)))] }
}

function asFailure({ step, errno, code, cause }: StepFailure): Failure {
  return cause === 'no-inodes' ? { step, cause } : callFailure(step, { errno, code })
}
