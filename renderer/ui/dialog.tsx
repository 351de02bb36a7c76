import { Modal, type ModalProps } from '@mantine/core'
import { useState } from 'react'

/** A window in the window. Of many few are ever opened: until then none has the machinery of one. */
export function Dialog(props: ModalProps) {
  const [isWanted, setWanted] = useState(props.opened)
  if (props.opened && !isWanted) setWanted(true)
  return isWanted ? <Modal {...props} /> : null
}
