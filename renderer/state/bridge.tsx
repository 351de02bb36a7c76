import { createContext, type ReactNode, startTransition, use, useEffect, useMemo, useState } from 'react'
import type { Bridge } from '../../core/agent/contract.ts'
import { createStateStore, type StateStore, type View } from './store.ts'

declare global {
  interface Window {
    /** Provided by the preload script: the window's only connection to the agent. A page in a browser has none. */
    holdfast: Bridge
  }
}

const BridgeContext = createContext<Bridge | null>(null)
const ViewContext = createContext<View | null>(null)

/**
 * Provides the bridge and follows the agent's state while it is mounted. Changes are rendered as a transition with low
 * priority, in pieces, so that clicks are not delayed.
 */
export function BridgeProvider({ bridge, children }: { bridge: Bridge; children: ReactNode }) {
  const store = useMemo<StateStore>(() => createStateStore(bridge), [bridge])
  const [view, setView] = useState(store.get)
  useEffect(() => {
    const unsubscribe = store.subscribe(() => startTransition(() => setView(store.get())))
    const end = store.start()
    return () => {
      end()
      unsubscribe()
    }
  }, [store])
  return (
    <BridgeContext value={bridge}>
      <ViewContext value={view}>{children}</ViewContext>
    </BridgeContext>
  )
}

export function useBridge(): Bridge {
  const bridge = use(BridgeContext)
  if (bridge === null) throw new Error('useBridge outside BridgeProvider')
  return bridge
}

export function useView(): View {
  const view = use(ViewContext)
  if (view === null) throw new Error('useView outside BridgeProvider')
  return view
}
