import type { ReactNode } from 'react'
import { useBridge } from './bridge.tsx'

/** True on a page in a browser, which may be on another computer. */
export const useIsPage = (): boolean => useBridge().kind === 'page'

/** Contains controls that need a desktop: the agent's file manager, its window, its login. */
export function DesktopOnly({ children }: { children: ReactNode }) {
  return useIsPage() ? null : children
}
