import { Modal, type ModalProps } from '@mantine/core'
import { useEffect, useState } from 'react'

/** Presses the × of the foremost dialog; false: there is none. */
export function closeForemost(): boolean {
  const button = [...document.querySelectorAll<HTMLElement>('[role="dialog"] .mantine-Modal-close')].at(-1)
  button?.click()
  return button !== undefined
}

/**
 * A window in the window. Of many few are ever opened: until then none has the machinery of one. Whether it may close
 * is said by its × alone, which the keys press, too (features/frame/use-shortcuts.ts).
 */
export function Dialog(props: Omit<ModalProps, 'closeOnEscape'>) {
  const [isMade, setMade] = useState(false)
  // Made closed: it remembers what had the focus when it is opened, to give it back.
  useEffect(() => {
    if (props.opened) setMade(true)
  }, [props.opened])
  return isMade || props.opened ? (
    <Modal {...props} closeOnEscape={false} opened={props.opened && isMade} />
  ) : null
}
