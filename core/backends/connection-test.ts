import { randomBytes } from 'node:crypto'
import { ignoreError } from '../dropped-errors.ts'
import { untilAborted } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { type DestinationTest, type TestStep, testSteps } from './backend-messages.ts'

/** Time limit of a test, in milliseconds: shorter than the caller's wait for the answer. */
export const TEST_MS = 12_000
/** Bytes of the file that a test writes. */
const BYTES = 1_000

/** Runs one step of a test and measures its time; an error ends the test. */
type DoStep = <T>(step: TestStep, act: () => Promise<T>) => Promise<T>

export interface ConnectionTest {
  /** The destination's name. */
  name: string
  /** Aborts the test, even while a system call hangs. */
  signal: AbortSignal
  /** Runs the steps and returns the success message; fills `found` on the way. */
  run(step: DoStep, found: DestinationTest['found']): Promise<Message>
  /** Returns the message for an error of a step that is not a UserError. */
  why(error: unknown): Message
}

/** Runs a test of a destination, step by step. Never rejects. */
export async function runConnectionTest({
  name,
  signal,
  run,
  why,
}: ConnectionTest): Promise<DestinationTest> {
  const found: DestinationTest['found'] = { notes: [] }
  const tried = new Map<TestStep, { done: boolean; ms: number }>()
  const step: DoStep = async (name, act) => {
    const since = performance.now()
    const end = (done: boolean) => tried.set(name, { done, ms: Math.round(performance.now() - since) })
    try {
      const result = await untilAborted(signal, act())
      end(true)
      return result
    } catch (error) {
      end(false)
      throw error
    }
  }
  const result = (works: boolean, sentence: Message): DestinationTest => ({
    works,
    steps: testSteps.map((one) => ({ step: one, ...(tried.get(one) ?? { done: false, ms: null }) })),
    sentence,
    found,
  })
  try {
    return result(true, await run(step, found))
  } catch (error) {
    const seconds = TEST_MS / 1000
    if (signal.aborted) return result(false, message('test.late', { name, seconds }))
    return result(false, error instanceof UserError ? error.sentence : why(error))
  }
}

/**
 * Writes a small file, reads it back and compares it. After success the caller removes the file.
 * @param name the destination's.
 */
export async function testFile(
  name: string,
  step: DoStep,
  file: {
    write(bytes: Buffer): Promise<void>
    read(mostBytes: number): Promise<Buffer>
    remove(): Promise<void>
  },
): Promise<void> {
  const bytes = randomBytes(BYTES)
  try {
    await step('write', () => file.write(bytes))
    await step('read', async () => {
      if (!(await file.read(BYTES)).equals(bytes)) throw new UserError('test.damaged', { name })
    })
  } catch (error) {
    await file.remove().catch(ignoreError('the error of the test itself is shown'))
    throw error
  }
}
