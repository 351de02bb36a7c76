import { randomBytes } from 'node:crypto'
import { ignoreError } from '../../dropped-errors.ts'
import { untilAborted } from '../../lib/async/until-aborted.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { type DestinationTest, type TestStep, testSteps } from '../sender-messages.ts'

/** All of a test, in milliseconds: less than the one who asks for it waits for an answer. */
export const TEST_MS = 12_000

/** Does one step of a test: its time is taken, and what it throws ends the test. */
export type DoStep = <T>(step: TestStep, act: () => Promise<T>) => Promise<T>

export interface Trial {
  /** Of the destination. */
  name: string
  /** Ends the test, also while a call of the system hangs. */
  signal: AbortSignal
  /** Does the steps, and says what works; `found` is for what it finds on its way. */
  run(step: DoStep, found: DestinationTest['found']): Promise<Message>
  /** The sentence for what a step has thrown, where it is no UserError. */
  why(error: unknown): Message
}

const BYTES = 1_000

/**
 * A small file is written, read back and compared; removing it is left to the caller, where that has worked.
 * @param name the destination's.
 */
export async function tryFile(
  name: string,
  step: DoStep,
  file: {
    write(bytes: Buffer): Promise<void>
    read(mostBytes: number): Promise<Buffer>
    remove(): Promise<void>
  },
): Promise<void> {
  const bytes = randomBytes(BYTES)
  await step('write', () => file.write(bytes))
  try {
    await step('read', async () => {
      if (!(await file.read(BYTES)).equals(bytes)) throw new UserError('test.damaged', { name })
    })
  } catch (error) {
    await file.remove().catch(ignoreError('the error of the test itself is shown'))
    throw error
  }
}

/** A test of a destination, step by step. Never rejects. */
export async function trial({ name, signal, run, why }: Trial): Promise<DestinationTest> {
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
