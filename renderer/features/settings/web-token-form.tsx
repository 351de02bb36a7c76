import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useId, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { type WebRole, webRoles } from '../../../core/settings/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'

/** Creates a token for the web page, and shows it once. */
export function WebTokenForm({ onDone }: { onDone: () => void }) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const roleLabel = useId()
  const [name, setName] = useState('')
  const [role, setRole] = useState<WebRole>('viewer')
  const [token, setToken] = useState<string | null>(null)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(name !== '' && token === null, busy)

  const add = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      setToken((await bridge.call('addWebToken', { name: name.trim(), role })).token)
    } catch (error) {
      setRefusal(sentenceOfThrown(error))
    }
    setBusy(false)
  }
  if (token !== null) {
    return (
      <Stack gap="sm">
        <Text size="sm">{t('window.web.tokenOnce')}</Text>
        <Copyable text={token} label="window.web.copyToken" done="window.web.copiedToken" />
        <Group justify="flex-end" gap="xs">
          <Button onClick={onDone}>{t('window.close')}</Button>
        </Group>
      </Stack>
    )
  }
  return (
    <form onSubmit={add}>
      <Stack gap="sm">
        <TextInput
          label={t('window.web.tokenName')}
          description={t('window.web.tokenNameHint')}
          value={name}
          maxLength={100}
          data-autofocus
          onChange={(event) => {
            setName(event.currentTarget.value)
            setRefusal(null)
          }}
          error={refusal !== null && say(refusal)}
        />
        <div>
          <div className="setting-label" id={roleLabel}>
            {t('window.web.role')}
          </div>
          <SegmentedControl
            fullWidth
            aria-labelledby={roleLabel}
            value={role}
            onChange={setRole}
            data={webRoles.map((value) => ({ value, label: t(`window.web.role.${value}`) }))}
          />
        </div>
        <Text size="sm" c="dimmed">
          {t(`window.web.roleHint.${role}`)}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            {t('window.web.add')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
