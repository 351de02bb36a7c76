import { type RefObject, useEffect, useRef } from 'react'

/** Escape leaves a page that replaces another, unless something above it is open or a field is being edited. */
export function useEscape(page: RefObject<HTMLElement | null>, leave: () => void): void {
  const latest = useRef(leave)
  useEffect(() => {
    latest.current = leave
  })
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      const isTyping =
        event.target instanceof Element && event.target.matches('input:not([type="radio"]), textarea')
      const isBelow = document.querySelector('[role="dialog"], [role="menu"], [role="listbox"]') !== null
      if (isTyping || isBelow || page.current?.checkVisibility() !== true) return
      latest.current()
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [page])
}
