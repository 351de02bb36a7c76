// Records of a test run, one JSON line each, appended while the run goes on: a stage that is stopped or crashes has
// lost no result, and results.mjs counts each unit (a file of Vitest, a test of Playwright) that has not ended.
import { appendFileSync } from 'node:fs'

/**
 * `retried`: passed at its second attempt.
 * @typedef {{ record: 'planned', units: string[] }
 *   | { record: 'test', title: string, state: string, messages: string[] }
 *   | { record: 'ended', unit: string }
 *   | { record: 'error', title: string, messages: string[] }
 *   | { record: 'finished' }} TestRecord
 */

/**
 * Appends a record to the file that HOLDFAST_TEST_RECORDS names.
 * @param {TestRecord} record
 */
export function writeRecord(record) {
  const file = process.env.HOLDFAST_TEST_RECORDS
  if (file === undefined) throw new Error('HOLDFAST_TEST_RECORDS must name the file of the records.')
  appendFileSync(file, `${JSON.stringify(record)}\n`)
}

/**
 * Returns the records of a file's text. A process that is killed may leave half a line at its end.
 * @param {string} text
 * @returns {TestRecord[]}
 */
export function parseRecords(text) {
  const lines = text.split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line))
}
