// Sums up the records of the test runners (records.mjs). Pure functions.

/**
 * @typedef {{ passed: number, failed: string[], skipped: string[], retried: string[] }} Counts
 * `failed` has each failure with the beginning of its message, `skipped` each test that did not run, `retried` each
 * that passed at its second attempt.
 */

/** @type {() => Counts} */
export const nothing = () => ({ passed: 0, failed: [], skipped: [], retried: [] })

/**
 * Shortens a failure: some readers only get the end of a log, so it must be recognizable but brief.
 * @param {string} title
 * @param {(string | undefined)[] | undefined} messages
 */
function named(title, messages = []) {
  const lines = messages.join('\n').replaceAll(COLOURS, '').split('\n').slice(0, 12)
  return [title, ...lines.filter((line) => line !== '').map((line) => `  ${line.slice(0, 300)}`)].join('\n')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours begin with.
const COLOURS = /\x1b\[[0-9;]*m/g

/**
 * Counts a stage that runs no tests (lint, types, build): only its failure counts.
 * @param {string} title
 * @param {number} status
 * @returns {Counts}
 */
export const stageCounts = (title, status) => ({ ...nothing(), failed: status === 0 ? [] : [title] })

/**
 * Counts the records of a runner. A unit (a file of Vitest, a test of Playwright) that was planned and has not ended is a
 * failure each. So is a run that ended early or with an error without having named a failure.
 * @param {import('./records.mjs').TestRecord[]} records
 * @param {import('./stage.mjs').Ended} ended how the runner ended.
 * @returns {Counts}
 */
export function runnerCounts(records, { status, reason }) {
  const counts = nothing()
  const open = /** @type {Set<string>} */ (new Set())
  for (const record of records) {
    if (record.record === 'planned') for (const unit of record.units) open.add(unit)
    else if (record.record === 'ended') open.delete(record.unit)
    else if (record.record === 'error') counts.failed.push(named(record.title, record.messages))
    else if (record.record === 'test') addTest(counts, record)
  }
  const early = !records.some(({ record }) => record === 'finished')
  for (const unit of open) counts.failed.push(`${unit}\n  has no result: ${reason}`)
  if ((status !== 0 || early) && counts.failed.length === 0) counts.failed.push(`the test runner: ${reason}`)
  return counts
}

/**
 * @param {Counts} counts
 * @param {Extract<import('./records.mjs').TestRecord, { record: 'test' }>} record
 */
function addTest(counts, { title, state, messages }) {
  if (state === 'retried') counts.retried.push(title)
  if (state === 'passed' || state === 'retried') counts.passed += 1
  else if (state === 'skipped') counts.skipped.push(title)
  // A test that is still pending when its file ends has not passed.
  else counts.failed.push(named(title, messages))
}

/** @type {(all: Counts[]) => Counts} */
export const sum = (all) => ({
  passed: all.reduce((total, { passed }) => total + passed, 0),
  failed: all.flatMap(({ failed }) => failed),
  skipped: all.flatMap(({ skipped }) => skipped),
  retried: all.flatMap(({ retried }) => retried),
})

/**
 * Returns the last line of a test run.
 * @param {Counts} counts
 */
export function closingLine({ passed, failed, skipped }) {
  const line = `${passed} passed, ${failed.length} failed`
  return skipped.length > 0 ? `${line}, ${skipped.length} skipped` : line
}

/**
 * On the build machine a skipped test counts as a failure.
 * @param {Pick<Counts, 'failed' | 'skipped'>} counts
 * @param {boolean} ci
 * @returns {0 | 1}
 */
export const exitCode = ({ failed, skipped }, ci) => (failed.length > 0 || (ci && skipped.length > 0) ? 1 : 0)

/** True if the CI variable is set, as common build services do. */
export const isCi = (environment = process.env) => !['', '0', 'false', undefined].includes(environment.CI)
