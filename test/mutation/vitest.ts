import { spawn } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { setInterval } from 'node:timers/promises'
import { projectEnvironment } from '../../build/setup/node.mjs'
import { parseRecords, type TestRecord } from '../../build/test/records.mjs'

/** The longest test file takes a minute: after so long without the end of a file, a test or a loop hangs. */
const HANG_MS = 4 * 60_000
const CHECK_MS = 1_000

/** The first failure of a run: its test and its file (null if the whole run failed). */
export interface Failure {
  readonly test: string
  readonly file: string | null
}

/**
 * Runs Vitest until the first failure.
 * @param directory of the project.
 * @param args what is to run.
 * @param signal ends it.
 * @returns null if all tests pass.
 */
export async function runVitest(
  directory: string,
  args: string[],
  signal: AbortSignal,
): Promise<Failure | null> {
  const records = path.join(directory, 'test-results/mutation.jsonl')
  rmSync(records, { force: true })
  const reporter = path.join(directory, 'build/test/vitest-reporter.mjs')
  const all = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--bail=1',
    '--silent',
    `--reporter=${reporter}`,
    ...args,
  ]
  const child = spawn(process.execPath, all, {
    cwd: directory,
    env: {
      ...projectEnvironment(),
      HOLDFAST_TEST_RECORDS: records,
      NODE_COMPILE_CACHE: path.join(directory, 'node_modules/.cache/node-compile'),
    },
    stdio: 'ignore',
    detached: true,
  })
  const killGroup = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
  }
  signal.addEventListener('abort', killGroup)
  const ended = new AbortController()
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  }).finally(() => ended.abort())
  let hangs = false
  const watch = async () => {
    const began = Date.now()
    for await (const _ of setInterval(CHECK_MS)) {
      if (ended.signal.aborted) return
      const last = statSync(records, { throwIfNoEntry: false })?.mtimeMs ?? began
      hangs = Date.now() - last > HANG_MS
      if (hangs) return killGroup()
    }
  }
  const [code] = await Promise.all([exit, watch()])
  signal.removeEventListener('abort', killGroup)
  signal.throwIfAborted()
  const failure = firstFailure(parseRecords(readIfThere(records)))
  if (failure !== null) return failure
  if (hangs) return { test: 'a hang', file: null }
  return code === 0 ? null : { test: `the runner ended with ${code}`, file: null }
}

function firstFailure(records: TestRecord[]): Failure | null {
  let test: string | undefined
  for (const record of records) {
    if (record.record === 'error') return { test: record.title, file: null }
    if (record.record === 'test' && record.state === 'failed') test ??= record.title
    // The results of a file come right before its end.
    if (record.record === 'ended' && test !== undefined) return { test, file: record.unit }
  }
  return test === undefined ? null : { test, file: null }
}

const readIfThere = (file: string) =>
  statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, 'utf8') : ''
