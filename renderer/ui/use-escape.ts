import { useEffect } from 'react'

/** Leaves the visible page that replaces another: presses its back button, which a wide window does not show. */
export function pressBack(): void {
  for (const title of document.querySelectorAll('.details-title'))
    if (title.checkVisibility()) title.querySelector('button')?.click()
}

let wasMenuOpen = false

/** Notes what is open when a key goes down: a menu that Escape closes is gone before the key reaches the window. */
export function noteMenus(): () => void {
  const pressed = () => {
    wasMenuOpen = document.querySelector('[role="menu"], [role="listbox"]') !== null
  }
  window.addEventListener('keydown', pressed, { capture: true })
  return () => window.removeEventListener('keydown', pressed, { capture: true })
}

/** True if the present key went down while a menu or a list of choices was open: Escape closes only that. */
export const isOfMenu = (): boolean => wasMenuOpen

/** Escape leaves a page that replaces another, unless something above it is open or a field is being edited. */
export function useEscape(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || isOfMenu()) return
      const isTyping =
        event.target instanceof Element && event.target.matches('input:not([type="radio"]), textarea')
      if (isTyping || document.querySelector('[role="dialog"]') !== null) return
      event.preventDefault()
      pressBack()
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [])
}
