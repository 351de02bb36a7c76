import { createContext, type ReactNode, use, useEffect, useMemo, useSyncExternalStore } from 'react'
import type { Bridge } from '../../core/agent/contract.ts'
import { createStateStore, type StateStore, type View } from './store.ts'

declare global {
  interface Window {
    /** What the preload script gives: the window's only way to the agent. */
    holdfast: Bridge
  }
}

const BridgeContext = createContext<{ bridge: Bridge; store: StateStore } | null>(null)

/** Gives the window its bridge and follows the agent's state for as long as it is mounted. */
export function BridgeProvider({ bridge, children }: { bridge: Bridge; children: ReactNode }) {
  const value = useMemo(() => ({ bridge, store: createStateStore(bridge) }), [bridge])
  useEffect(() => value.store.start(), [value])
  return <BridgeContext value={value}>{children}</BridgeContext>
}

function useBridgeContext() {
  const value = use(BridgeContext)
  if (value === null) throw new Error('useBridge outside BridgeProvider')
  return value
}

export function useBridge(): Bridge {
  return useBridgeContext().bridge
}

export function useView(): View {
  const { store } = useBridgeContext()
  return useSyncExternalStore(store.subscribe, store.get, store.get)
}
