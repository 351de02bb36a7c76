import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LATE, withTimeout } from '../lib/async/timing.ts'
import { errorCode } from '../platform/system-error.ts'
import type { Verdict } from './checker-messages.ts'
import { probeWriting, removeLeftOvers } from './probes/file-probes.ts'
import { hungVerdict, type ShellStep, SLOW_MS, shellStep, slowLimit, toVerdict } from './verdict.ts'

export interface ProbedOnce {
  path: string
  verdict: Verdict
  /** The steps that failed, each once, in order; all were tried, unless a step hung. */
  failedSteps: ShellStep[]
}

/**
 * Probes a directory once: creates, lists and removes a file in it. A probe that has not returned after `timeoutMs` is
 * reported as hung, in its present step; it blocks a thread of the pool from then on. Files left by killed runs are
 * removed in the remaining time, which does not affect the verdict.
 * @param mustExist a path that does not exist fails; otherwise its directory is probed.
 */
export async function probeOnce(path: string, timeoutMs: number, mustExist = false): Promise<ProbedOnce> {
  const started = performance.now()
  let step = 'create'
  const answer = probe(path, mustExist, (entered) => {
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
  const verdict = toVerdict(path, finding, slowLimit(SLOW_MS, timeoutMs))
  return { path, verdict, failedSteps: [...new Set(finding.failures.map(({ step }) => shellStep(step)))] }
}

async function probe(path: string, mustExist: boolean, enter: (step: string) => void) {
  const directory = await findDirectory(path, mustExist)
  return { directory, finding: await probeWriting(directory, { isBuffered: true, enter }) }
}

/**
 * Returns the directory to probe. A file means the directory that it is in. So does a file that does not exist yet, as
 * for `touch`: the probe tests whether it can be made there.
 */
async function findDirectory(path: string, mustExist: boolean): Promise<string> {
  const above = dirname(path)
  try {
    // A symbolic link means its target, as for touch.
    return (await stat(path)).isDirectory() ? path : dirname(await realpath(path))
  } catch (error) {
    // The probe's first step will report any other error.
    if (mustExist || errorCode(error) !== 'ENOENT') return path
    const isInDirectory = await stat(above).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    return isInDirectory ? above : path
  }
}
