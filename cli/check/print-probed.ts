import type { ProbedOnce } from '../../core/check/probe-once.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import { jsonText } from '../terminal/json.ts'
import { terminalWords } from '../terminal/terminal-words.ts'

const WELL = 0
const FAILED = 1

interface Look {
  json: boolean
  /** Paths that are OK are printed, too. */
  isComplete: boolean
  /** False if a message about a failure could not be delivered. */
  delivered?: boolean
}

/** Prints the results on standard output, and sentences about failures on standard error. Returns the exit code. */
export function printProbed(
  probed: readonly ProbedOnce[],
  { json, isComplete, delivered = true }: Look,
): number {
  const isWell = ({ failedSteps }: ProbedOnce) => failedSteps.length === 0
  const well = probed.every(isWell)
  if (json) {
    const paths = probed.map((one) => ({ ...toJson(one), well: isWell(one) }))
    process.stdout.write(`${jsonText({ well, delivered, paths })}\n`)
  } else if (isComplete)
    for (const { verdict } of probed.filter(isWell))
      process.stdout.write(`${terminalWords(verdict.sentence)}\n`)
  for (const { verdict } of probed.filter((one) => !isWell(one)))
    process.stderr.write(`${terminalWords(verdict.sentence)}\n`)
  return well && delivered ? WELL : FAILED
}

const toJson = ({ path, verdict: { kind, step, code, elapsedMs, sentence }, failedSteps }: ProbedOnce) => ({
  ...{ path, kind, step, code, elapsedMs, failedSteps, sentence: englishWords(sentence) },
})
