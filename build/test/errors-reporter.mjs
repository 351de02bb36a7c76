// A Vitest reporter that writes errors outside of tests, which the JSON report omits.
import { writeFileSync } from 'node:fs'

/** Writes a list of texts, each with the test that was running, to the file named by HOLDFAST_ERRORS_FILE. */
export default class ErrorsReporter {
  /**
   * @param {unknown} _modules
   * @param {readonly import('vitest').SerializedError[]} errors
   */
  onTestRunEnd(_modules, errors) {
    const file = process.env.HOLDFAST_ERRORS_FILE
    if (file === undefined) return
    writeFileSync(file, JSON.stringify(errors.map(describe)))
  }
}

/** @param {import('vitest').SerializedError} error */
function describe({ name, message, stack, VITEST_TEST_PATH: testFile, VITEST_TEST_NAME: test }) {
  return [`during ${testFile ?? 'the run'} > ${test ?? ''}`, stack ?? `${name}: ${message}`].join('\n')
}
