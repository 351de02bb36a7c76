import { useEffect } from 'react'
import { ignoreError } from '../../core/dropped-errors.ts'
import { useBridge } from './bridge.tsx'

/**
 * Reports to the desktop which page is visible, as its content needs no notification, and whether a form is open, as it
 * may be partly filled in. Agents without a desktop (terminal, tests) may refuse the command; the error is ignored.
 */
export function useShowing(page: string): void {
  const bridge = useBridge()
  useEffect(() => {
    let last = ''
    const tell = () => {
      const seen = {
        page: !document.hidden && document.hasFocus() ? page : null,
        hasForm: document.querySelector('form, [role=dialog], [aria-invalid=true]') !== null,
      }
      if (JSON.stringify(seen) === last) return
      last = JSON.stringify(seen)
      bridge
        .call('showing', seen)
        .catch(ignoreError('an agent that starts again is told with the next change'))
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
