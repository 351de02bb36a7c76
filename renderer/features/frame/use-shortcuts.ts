import { useEffect, useMemo } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { closeForemost } from '../../ui/dialog.tsx'
import { isOfMenu, noteMenus } from '../../ui/use-escape.ts'
import type { useOpenPage } from './pages.ts'

interface Shortcut {
  ctrl: boolean
  key: string
  action: string
  word: WordKey
  isOfDesktop?: true
}

/**
 * The keys of all pages, in the order in which the help lists them. `ctrl` is Command on macOS. A browser has its own
 * use of those of the desktop.
 */
export const shortcuts = [
  { ctrl: false, key: 'F1', action: 'help', word: 'window.help' },
  { ctrl: true, key: 'f', action: 'search', word: 'settings.search' },
  { ctrl: true, key: ',', action: 'settings', word: 'window.settings' },
  { ctrl: false, key: 'F5', action: 'checkNow', word: 'window.checkNow', isOfDesktop: true },
  { ctrl: false, key: 'Escape', action: 'closeDialog', word: 'window.help.key.close' },
  { ctrl: true, key: 'w', action: 'hideWindow', word: 'window.help.key.hide', isOfDesktop: true },
  { ctrl: true, key: 'q', action: 'quit', word: 'window.quit', isOfDesktop: true },
] as const satisfies readonly Shortcut[]

type Known = (typeof shortcuts)[number]
type Action = Known['action']

/** Returns the shortcuts that this window or page has. */
export function useOwnShortcuts(): readonly Known[] {
  const isPage = useIsPage()
  return useMemo(() => shortcuts.filter((one) => !(isPage && 'isOfDesktop' in one)), [isPage])
}

/** Handles the shortcuts of all pages; the main process handles zooming (electron/main/zoom.ts). */
export function useShortcuts(openPage: ReturnType<typeof useOpenPage>): void {
  const { run } = useCommands()
  const own = useOwnShortcuts()
  useEffect(noteMenus, [])
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const action = findAction(event, own)
      if (action === null || event.isComposing) return
      if (action === 'closeDialog') {
        if (!isOfMenu() && closeForemost()) event.preventDefault()
        return
      }
      event.preventDefault()
      act(action)
    }
    const act = (action: Exclude<Action, 'closeDialog'>) => {
      if (action === 'hideWindow' && closeForemost()) return
      if (action === 'settings') openPage('settings')
      else if (action === 'search') openPage('settings', { kind: 'setting', id: action })
      else if (action === 'help') openPage('settings', { kind: 'setting', id: 'guide' })
      else if (action === 'checkNow') void run('checkNow', {}, 'window.checkNow.done')
      else void run(action, {})
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [openPage, run, own])
}

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

/** Maps a key to its action; null if it has none. */
export function findAction(
  { key, ctrlKey, metaKey, altKey, shiftKey }: Keys,
  own: readonly Known[] = shortcuts,
): Action | null {
  if (altKey || shiftKey) return null
  const found = own.find(
    (one) => one.ctrl === (ctrlKey || metaKey) && one.key.toLowerCase() === key.toLowerCase(),
  )
  return found?.action ?? null
}
