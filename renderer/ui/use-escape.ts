import { useEffect } from 'react'

/** Leaves the visible page that replaces another: presses its back button. */
export function pressBack(): void {
  const buttons = document.querySelectorAll<HTMLElement>('.details-title > button:first-child')
  for (const button of buttons) if (button.checkVisibility()) button.click()
}

/** Escape leaves a page that replaces another, unless something above it is open or a field is being edited. */
export function useEscape(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      const isTyping =
        event.target instanceof Element && event.target.matches('input:not([type="radio"]), textarea')
      const isBelow = document.querySelector('[role="dialog"], [role="menu"], [role="listbox"]') !== null
      if (isTyping || isBelow) return
      event.preventDefault()
      pressBack()
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [])
}
