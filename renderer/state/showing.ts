import { useEffect } from 'react'
import { useBridge } from './bridge.tsx'

/**
 * Tells the desktop which page somebody looks at: what it shows needs no notification. A terminal's or a test's agent
 * that does not want to know is no trouble.
 */
export function useShowing(page: string): void {
  const bridge = useBridge()
  useEffect(() => {
    let last: string | null | undefined
    const tell = () => {
      const seen = !document.hidden && document.hasFocus() ? page : null
      if (seen === last) return
      last = seen
      bridge.call('showing', { page: seen }).catch(() => undefined)
    }
    tell()
    document.addEventListener('visibilitychange', tell)
    window.addEventListener('focus', tell)
    window.addEventListener('blur', tell)
    return () => {
      document.removeEventListener('visibilitychange', tell)
      window.removeEventListener('focus', tell)
      window.removeEventListener('blur', tell)
    }
  }, [bridge, page])
}
