import { Modal, type ModalProps } from '@mantine/core'
import { useEffect, useState } from 'react'

/** A window in the window. Of many few are ever opened: until then none has the machinery of one. */
export function Dialog(props: ModalProps) {
  const [isMade, setMade] = useState(false)
  // Made closed: it remembers what had the focus when it is opened, to give it back.
  useEffect(() => {
    if (props.opened) setMade(true)
  }, [props.opened])
  return isMade || props.opened ? <Modal {...props} opened={props.opened && isMade} /> : null
}
