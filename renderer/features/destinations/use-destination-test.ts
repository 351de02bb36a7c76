import { useCallback, useState } from 'react'
import type { CommandInput, CommandOutput } from '../../../core/agent/contract.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'

export type Question = CommandInput<'testDestination'>
export type Tested = CommandOutput<'testDestination'>

interface DestinationTest {
  test: (question: Question) => Promise<void>
  isTesting: boolean
  /** Returns the last test's result, if it was a test of `given`. */
  findResult: (given: Question | null) => Tested | null
}

/** Tests a destination as edited in the form: writes, reads back and removes a small file. */
export function useDestinationTest(): DestinationTest {
  const bridge = useBridge()
  const [isTesting, setTesting] = useState(false)
  const [last, setLast] = useState<{ asked: string; tested: Tested } | null>(null)
  const test = useCallback(
    async (question: Question) => {
      setTesting(true)
      setLast(null)
      const tested = await bridge
        .call('testDestination', question)
        .catch((error): Tested => ({ ...failed, sentence: sentenceOfThrown(error) }))
      setLast({ asked: JSON.stringify(question), tested })
      setTesting(false)
    },
    [bridge],
  )
  const findResult = (given: Question | null) =>
    given !== null && last?.asked === JSON.stringify(given) ? last.tested : null
  return { test, isTesting, findResult }
}

const failed: Omit<Tested, 'sentence'> = { works: false, steps: [], found: { notes: [] } }
