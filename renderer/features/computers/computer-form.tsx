import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { Confirmation } from '../destinations/test-result.tsx'

/** Adds a computer to watch, after a test; asks first whether an unknown certificate is the right one. */
export default function ComputerForm({ onDone }: { onDone: () => void }) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const { tell } = useCommands()
  const [typed, setTyped] = useState({ address: '', token: '', name: '' })
  const [unconfirmed, setUnconfirmed] = useState<string | null>(null)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  const { address, token, name } = typed
  useHold(address !== '' || token !== '' || name !== '', busy)

  const add = async (certificate: string | null) => {
    setBusy(true)
    setUnconfirmed(null)
    setRefusal(null)
    try {
      const given = { address: address.trim(), token: token.trim(), certificate }
      const named = name.trim() === '' ? {} : { name: name.trim() }
      await bridge.call('addComputer', { ...given, ...named })
      tell('done', message('window.computers.added'))
      return onDone()
    } catch (error) {
      const sentence = sentenceOfThrown(error)
      const { fingerprint } = sentence.params
      if (sentence.key === 's3.untrusted' && fingerprint) setUnconfirmed(String(fingerprint))
      else setRefusal(sentence)
    }
    setBusy(false)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void add(null)
  }
  const field = (key: keyof typeof typed) => ({
    value: typed[key],
    spellCheck: false,
    onChange: (event: { currentTarget: HTMLInputElement }) => {
      setTyped({ ...typed, [key]: event.currentTarget.value })
      setUnconfirmed(null)
      setRefusal(null)
    },
  })

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Text size="sm">{t('window.computers.explain')}</Text>
        <TextInput
          label={t('window.computers.address')}
          description={t('window.computers.addressHint')}
          maxLength={300}
          inputMode="url"
          data-autofocus
          {...field('address')}
        />
        <TextInput
          type="password"
          autoComplete="off"
          label={t('page.signIn.token')}
          description={t('window.computers.tokenHint')}
          maxLength={200}
          {...field('token')}
        />
        <TextInput
          label={t('window.computers.name')}
          description={t('window.computers.nameHint')}
          maxLength={200}
          {...field('name')}
        />
        {refusal !== null && (
          <p className="card-problem breakable" role="alert">
            {say(refusal)}
          </p>
        )}
        {unconfirmed !== null && (
          <div className="preview" aria-live="polite" ref={(part) => part?.scrollIntoView({ block: 'end' })}>
            <Confirmation
              isChanged={false}
              words="certificate"
              hint="window.computers.compare"
              before=""
              found={unconfirmed}
              onConfirm={() => void add(unconfirmed)}
            />
          </div>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={address.trim() === '' || token.trim() === ''}>
            {t('window.add.action')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
