import { useRef } from 'react'

/**
 * For a menu whose items open dialogs: returns the focus to the menu's button before an item acts, so that the dialog
 * later returns it there. `target` is the button's ref, `menu` the menu's properties.
 */
export function useMenuFocus() {
  const target = useRef<HTMLButtonElement>(null)
  return { target, menu: { returnFocus: false, onClose: () => target.current?.focus() } }
}
