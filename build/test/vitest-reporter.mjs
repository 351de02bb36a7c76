// A reporter of Vitest that writes each result when its file ends (results.mjs reads them).
import path from 'node:path'
import { writeRecord } from './records.mjs'

/** @param {{ moduleId: string }} file */
const nameOf = ({ moduleId }) => path.relative(process.cwd(), moduleId)

/** @param {readonly import('vitest').SerializedError[] | undefined} errors */
const texts = (errors = []) => errors.map(({ name, message, stack }) => stack ?? `${name}: ${message}`)

/**
 * @param {import('vitest/node').TestCase} test
 * @param {string} wanted
 */
const hasTag = ({ tags }, wanted) =>
  wanted.startsWith(NOT) ? !tags.includes(wanted.slice(NOT.length)) : tags.includes(wanted)

const NOT = 'not '

export default class RecordsReporter {
  /** Tags, each of which a test needs, or with "not" must not have, to run. @type {readonly string[]} */
  tags = []

  /** @param {import('vitest/node').Vitest} vitest */
  onInit(vitest) {
    this.tags = vitest.config.tagsFilter ?? []
  }

  /** @param {readonly import('vitest/node').TestSpecification[]} files */
  onTestRunStart(files) {
    writeRecord({ record: 'planned', units: files.map(nameOf) })
  }

  /** @param {import('vitest/node').TestModule} file */
  onTestModuleEnd(file) {
    for (const test of file.children.allTests()) {
      const result = test.result()
      // Nobody wanted it to run.
      if (result.state === 'skipped' && !this.tags.every((tag) => hasTag(test, tag))) continue
      const retried = result.state === 'passed' && (test.diagnostic()?.retryCount ?? 0) > 0
      writeRecord({
        record: 'test',
        title: test.fullName,
        state: retried ? 'retried' : result.state,
        messages: result.state === 'skipped' ? [] : texts(result.errors),
      })
    }
    // The file could not be loaded, or one of its hooks failed.
    for (const error of texts(file.errors()))
      writeRecord({ record: 'error', title: nameOf(file), messages: [error] })
    writeRecord({ record: 'ended', unit: nameOf(file) })
  }

  /**
   * @param {unknown} _files
   * @param {readonly import('vitest').SerializedError[]} errors
   */
  onTestRunEnd(_files, errors) {
    for (const error of errors) {
      const { VITEST_TEST_PATH: file = 'the run', VITEST_TEST_NAME: test = '' } = error
      const during = `during ${file} > ${test}`
      writeRecord({
        record: 'error',
        title: 'an error outside of a test',
        messages: [during, ...texts([error])],
      })
    }
    writeRecord({ record: 'finished' })
  }
}
