import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'

/** The command for a receiving computer without a window. */
const COMMAND = 'holdfast receive --store /srv/holdfast'

interface PairFormProps {
  /** The pairing code of a link that the user followed; null if there is none. */
  linked: string | null
  /** There is already a destination. */
  isFurther: boolean
  /** Returns to the choice of the kind. */
  onBack: () => void
  onDone: () => void
}

/** Returns the address in a pairing code. */
const addressIn = (code: string) => /^holdfast:\/\/([^/?#]+)/.exec(code)?.[1] ?? code

/** Asks for the pairing code of a receiver: another computer with Holdfast. */
export function PairForm({ linked, isFurther, onBack, onDone }: PairFormProps) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const { ask, tell } = useCommands()
  const [code, setCode] = useState(linked ?? '')
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(code !== (linked ?? ''), busy)

  /** For users without a keyboard. */
  const paste = () =>
    bridge.call('copiedCode', {}).then(
      ({ code: copied }) => {
        if (copied !== null) setCode(copied)
        setRefusal(copied === null ? message('first.nothingToPaste') : null)
      },
      (thrown) => setRefusal(sentenceOfThrown(thrown)),
    )

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
        {linked === null ? (
          <>
            <Text size="sm">{t('window.pair.explain')}</Text>
            <details className="remedy">
              <summary>{t('window.pair.noWindow')}</summary>
              <Copyable text={COMMAND} label="window.pair.copy" done="window.pair.copied" />
            </details>
          </>
        ) : (
          <Text size="sm" className="breakable">
            {t('window.pair.linked', { address: addressIn(linked) })}
          </Text>
        )}
        <Textarea
          label={t('window.pair.code')}
          placeholder="holdfast://…, nas-2 K7QF-92MB"
          value={code}
          maxLength={2000}
          minRows={4}
          autosize
          spellCheck={false}
          data-autofocus
          onChange={(event) => {
            setCode(event.currentTarget.value)
            setRefusal(null)
          }}
          onKeyDown={(event) => {
            // A code is a single line: Enter submits the form, as in all other fields.
            if (event.key !== 'Enter') return
            event.preventDefault()
            event.currentTarget.form?.requestSubmit()
          }}
          error={refusal === null ? null : say(refusal)}
        />
        <DesktopOnly>
          <Button size="xs" variant="default" onClick={paste} style={{ alignSelf: 'flex-start' }}>
            {t('first.paste')}
          </Button>
        </DesktopOnly>
        <Text size="sm" c="dimmed">
          {t(isFurther ? 'window.pair.effectToo' : 'window.pair.effect')}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="subtle" color="gray" disabled={busy} onClick={onBack} mr="auto">
            {t('window.back')}
          </Button>
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
