import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Message } from '../../../core/words/message.ts'
import { message } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'

/** What README.md says of the receiving computer. */
const COMMAND = 'npx holdfast receive --store /srv/holdfast'

interface PairDialogProps {
  opened: boolean
  /** There is a destination already. */
  isFurther?: boolean
  onClose: () => void
}

/** A window in the window that takes a receiver's pairing code. */
export function PairDialog({ opened, isFurther = false, onClose }: PairDialogProps) {
  const { t } = useWords()
  return (
    <FormDialog opened={opened} title={t('window.pair.title')} onClose={onClose}>
      <PairForm isFurther={isFurther} onDone={onClose} />
    </FormDialog>
  )
}

function PairForm({ isFurther, onDone }: { isFurther: boolean; onDone: () => void }) {
  const { t, say } = useWords()
  const { ask, tell } = useCommands()
  const [code, setCode] = useState('')
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(code !== '', busy)

  const pair = async (event: FormEvent) => {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    const outcome = await ask('pair', { code: code.trim() })
    setBusy(false)
    if (!outcome.done) {
      setRefusal(outcome.sentence)
      return
    }
    tell('done', message('window.pair.done'))
    onDone()
  }

  return (
    <form onSubmit={pair}>
      <Stack gap="sm">
        <Text size="sm">{t('window.pair.explain')}</Text>
        <Copyable text={COMMAND} label="window.pair.copy" done="window.pair.copied" />
        <Textarea
          label={t('window.pair.code')}
          placeholder="holdfast://…"
          value={code}
          maxLength={2000}
          minRows={2}
          autosize
          spellCheck={false}
          data-autofocus
          onChange={(event) => {
            setCode(event.currentTarget.value)
            setRefusal(null)
          }}
          onKeyDown={(event) => {
            // A code is one line: Enter means the button, as in every other field.
            if (event.key !== 'Enter') return
            event.preventDefault()
            event.currentTarget.form?.requestSubmit()
          }}
          error={refusal === null ? null : say(refusal)}
        />
        <Text size="sm" c="dimmed">
          {t(isFurther ? 'window.pair.effectToo' : 'window.pair.effect')}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={code.trim() === ''}>
            {t('window.pair.action')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
