import { createContext, type ReactNode, use, useCallback, useEffect, useId, useState } from 'react'
import { useWords } from '../words/context.tsx'
import { Confirm } from './confirm.tsx'
import { Dialog } from './dialog.tsx'

/** typed: there is input that closing would discard. asked: a request is pending, and its result has to be seen. */
export type Held = 'nothing' | 'typed' | 'asked'

/** Takes the state of a form, by the form's id. */
export const HoldContext = createContext<(form: string, held: Held) => void>(() => undefined)

/** Called by a form: reports to the dialog or page around it why it must not be closed. */
export function useHold(isTyped: boolean, isAsked: boolean): void {
  const hold = use(HoldContext)
  const form = useId()
  const held = isAsked ? 'asked' : isTyped ? 'typed' : 'nothing'
  useEffect(() => hold(form, held), [hold, form, held])
  useEffect(() => () => hold(form, 'nothing'), [hold, form])
}

interface FormDialogProps {
  opened: boolean
  title: string
  onClose: () => void
  /** A form that uses `useHold`. */
  children: ReactNode
}

/** A dialog with a form: closing it by its × or by a key asks first if there is unsaved input. */
export function FormDialog({ opened, title, onClose, children }: FormDialogProps) {
  const { t } = useWords()
  const [held, setHeld] = useState<Held>('nothing')
  const hold = useCallback((_: string, next: Held) => setHeld(next), [])
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Dialog
        opened={opened}
        onClose={() => (held === 'typed' ? setAsking(true) : onClose())}
        closeOnClickOutside={false}
        title={title}
        closeButtonProps={{ 'aria-label': t('window.close'), disabled: held === 'asked' }}
      >
        <HoldContext value={hold}>{children}</HoldContext>
      </Dialog>
      <Discard opened={asking} onClose={() => setAsking(false)} onDiscard={onClose} />
    </>
  )
}

interface DiscardProps {
  opened: boolean
  onClose: () => void
  onDiscard: () => void
}

/** Asks before input is discarded. */
export function Discard({ opened, onClose, onDiscard }: DiscardProps) {
  const { t } = useWords()
  return (
    <Confirm
      opened={opened}
      title={t('window.discard.title')}
      consequences={[t('window.discard.effect')]}
      action={t('window.discard.action')}
      dangerous
      onClose={onClose}
      onConfirm={async () => onDiscard()}
    />
  )
}
