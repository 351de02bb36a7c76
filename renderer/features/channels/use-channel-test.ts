import { useCallback, useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'

/** The result of a test, and its time. */
export type Tested = CommandOutput<'testChannel'> & { at: number }

/** Sends a test message through a channel and keeps its result. */
export function useChannelTest(id: string): { send: () => void; isSending: boolean; tested: Tested | null } {
  const bridge = useBridge()
  const [isSending, setSending] = useState(false)
  const [tested, setTested] = useState<Tested | null>(null)
  const send = useCallback(() => {
    setSending(true)
    setTested(null)
    bridge
      .call('testChannel', { id })
      .catch((error) => ({ delivered: false, sentence: sentenceOfThrown(error) }))
      .then((answer) => {
        setTested({ ...answer, at: Date.now() })
        setSending(false)
      })
  }, [bridge, id])
  return { send, isSending, tested }
}
