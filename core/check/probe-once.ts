import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LATE, withTimeout } from '../lib/async/with-timeout.ts'
import { errorCode } from '../platform/system-error.ts'
import type { Verdict } from './checker-messages.ts'
import { removeLeftOvers, writeFile } from './probes/write-file.ts'
import { hungVerdict, type ShellStep, SLOW_MS, shellStep, slowLimit, verdictOf } from './verdict.ts'

export interface ProbedOnce {
  path: string
  verdict: Verdict
  /** The steps that failed, each once, in order; all were tried, unless one hung. */
  failedSteps: ShellStep[]
}

/**
 * Probes a directory once: create, list and remove a file in it. A probe that has not come back after
 * `timeoutMs` is said to hang, in the step that it has got to; it holds a thread of the pool from then on. What killed
 * runs left there is removed in the time that is left, which says nothing of the directory.
 */
export async function probeOnce(path: string, timeoutMs: number): Promise<ProbedOnce> {
  const started = performance.now()
  let step = 'create'
  const answer = probe(path, (entered) => {
    step = entered
  })
  const probed = await withTimeout(timeoutMs, answer)
  if (probed === LATE) {
    const verdict = hungVerdict(path, step, performance.now() - started)
    return { path, verdict, failedSteps: [shellStep(step)] }
  }
  const { directory, finding } = probed
  const left = timeoutMs - (performance.now() - started)
  if (finding.failures.length === 0) await withTimeout(left, removeLeftOvers(directory))
  const verdict = verdictOf(path, finding, slowLimit(SLOW_MS, timeoutMs))
  return { path, verdict, failedSteps: [...new Set(finding.failures.map(({ step }) => shellStep(step)))] }
}

async function probe(path: string, enter: (step: string) => void) {
  const directory = await directoryOf(path)
  return { directory, finding: await writeFile(directory, { isBuffered: true, enter }) }
}

/**
 * A file stands for the directory that it is in, also one that is not there yet, as `touch` would make it: what is
 * probed is whether one can be made there.
 */
async function directoryOf(path: string): Promise<string> {
  const above = dirname(path)
  try {
    // A link stands for the file that it leads to, as it does for touch.
    return (await stat(path)).isDirectory() ? path : dirname(await realpath(path))
  } catch (error) {
    // Whatever else is wrong with it, the probe's first step will name it.
    if (errorCode(error) !== 'ENOENT') return path
    const isInDirectory = await stat(above).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    return isInDirectory ? above : path
  }
}
