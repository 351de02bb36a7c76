import { Modal, type ModalProps } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useCommands } from '../state/commands.tsx'

/** Presses the × of the foremost dialog; false if there is none. */
export function closeForemost(): boolean {
  const button = [...document.querySelectorAll<HTMLElement>('[role="dialog"] .mantine-Modal-close')].at(-1)
  button?.click()
  return button !== undefined
}

/**
 * A modal dialog. Few of many dialogs are ever opened: until then it renders nothing. Only its × decides if it may be
 * closed; the keys press it, too (features/frame/use-shortcuts.ts).
 */
export function Dialog(props: Omit<ModalProps, 'closeOnEscape'>) {
  const { dismiss } = useCommands()
  const [isMade, setMade] = useState(false)
  // Mounted closed first: on opening it records the focused element, to return the focus later.
  useEffect(() => {
    if (!props.opened) return
    setMade(true)
    // A message about an earlier action would cover it.
    dismiss()
  }, [props.opened, dismiss])
  return isMade || props.opened ? (
    <Modal {...props} closeOnEscape={false} opened={props.opened && isMade} />
  ) : null
}
