import { useEffect } from 'react'
import { useCommands } from '../../state/commands.tsx'
import { closeForemost } from '../../ui/dialog.tsx'
import type { useOpenPage } from './pages.ts'

/** Handles the shortcuts of all pages; the main process handles zooming (electron/main/zoom.ts). */
export function useShortcuts(openPage: ReturnType<typeof useOpenPage>): void {
  const { run } = useCommands()
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const action = findAction(event)
      if (action === null || event.isComposing) return
      const closes = action === 'closeDialog' || action === 'hideWindow'
      if (closes && closeForemost()) {
        event.preventDefault()
        return
      }
      if (action === 'closeDialog') return
      event.preventDefault()
      if (action === 'settings') openPage('settings')
      else if (action === 'checkNow') void run('checkNow', {}, 'window.checkNow.done')
      else void run(action, {})
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [openPage, run])
}

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

/** Maps a key to its action: Ctrl (on macOS Command) with W, Q or a comma; F5 and Escape alone. */
export function findAction(
  keys: Keys,
): 'closeDialog' | 'hideWindow' | 'quit' | 'settings' | 'checkNow' | null {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = keys
  if (altKey || shiftKey) return null
  if (!ctrlKey && !metaKey) return key === 'F5' ? 'checkNow' : key === 'Escape' ? 'closeDialog' : null
  switch (key.toLowerCase()) {
    case 'w':
      return 'hideWindow'
    case 'q':
      return 'quit'
    case ',':
      return 'settings'
    default:
      return null
  }
}
