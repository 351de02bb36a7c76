import { useRef } from 'react'

/**
 * For a menu whose items open dialogs: its button has the focus again before an item does anything, so that a dialog
 * gives it back there. `target` is the button's ref, `menu` the menu's properties.
 */
export function useMenuFocus() {
  const target = useRef<HTMLButtonElement>(null)
  return { target, menu: { returnFocus: false, onClose: () => target.current?.focus() } }
}
