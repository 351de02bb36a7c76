import { Button, Group } from '@mantine/core'
import type { Message } from '../../core/lib/i18n/message.ts'
import { useWords } from '../words/context.tsx'

interface FormFootProps {
  /** Why the last attempt was refused; null: it was not. */
  refusal: Message | null
  busy: boolean
  /** The text of the button that submits the form. */
  action: string
  /** The action replaces or deletes files. */
  isDangerous?: boolean
  /** The action gets the focus. */
  isFirst?: boolean
  onCancel: () => void
}

const show = (shown: HTMLElement | null) => shown?.scrollIntoView?.({ block: 'nearest' })

/** The end of a form: the reason of a refusal, and the buttons. */
export function FormFoot({
  refusal,
  busy,
  action,
  isDangerous = false,
  isFirst = false,
  onCancel,
}: FormFootProps) {
  const { t, say } = useWords()
  return (
    <>
      {refusal !== null && (
        // In a small window, it may be below the visible part of a dialog.
        <p ref={show} className="card-problem breakable" role="alert">
          {say(refusal)}
        </p>
      )}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" disabled={busy} onClick={onCancel}>
          {t('window.cancel')}
        </Button>
        <Button
          type="submit"
          loading={busy}
          color={isDangerous ? 'red' : 'harbour'}
          {...(isFirst ? { 'data-autofocus': true } : {})}
        >
          {action}
        </Button>
      </Group>
    </>
  )
}
