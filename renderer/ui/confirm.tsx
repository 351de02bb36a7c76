import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useWords } from '../words/context.tsx'
import { Dialog } from './dialog.tsx'

interface ConfirmProps {
  opened: boolean
  title: string
  /** Describes the effects, a paragraph each. */
  consequences: readonly string[]
  /** Label of the confirming button, a verb; null if the action is impossible, which the sentences explain. */
  action: string | null
  dangerous?: boolean
  onClose: () => void
  onConfirm: () => Promise<unknown>
}

/** Asks for confirmation of an action that its own button cannot undo. */
export function Confirm({
  opened,
  title,
  consequences,
  action,
  dangerous,
  onClose,
  onConfirm,
}: ConfirmProps) {
  const { t } = useWords()
  const [busy, setBusy] = useState(false)
  const confirm = async () => {
    setBusy(true)
    try {
      await onConfirm()
    } finally {
      setBusy(false)
    }
    onClose()
  }
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      // The dialog stays open while the action runs. The end of the action calls onClose, which would close a dialog
      // that was opened again in the meantime.
      closeOnClickOutside={!busy}
      title={title}
      closeButtonProps={{ 'aria-label': t('window.close'), disabled: busy }}
    >
      <Stack gap="sm">
        {consequences.map((sentence) => (
          <Text key={sentence} className="breakable">
            {sentence}
          </Text>
        ))}
        <Group justify="flex-end" gap="xs" mt="xs">
          <Button variant="default" disabled={busy} onClick={onClose} data-autofocus>
            {t(action === null ? 'window.close' : 'window.cancel')}
          </Button>
          {action !== null && (
            <Button color={dangerous === true ? 'red' : 'harbour'} loading={busy} onClick={confirm}>
              {action}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  )
}
