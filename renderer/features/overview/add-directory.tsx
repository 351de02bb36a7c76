import { ActionIcon, Button, Group, Menu, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { IconDots, IconHeartbeat, IconKeyboard, IconPlus } from '../../ui/icons.ts'
import { useMenuFocus } from '../../ui/menu-focus.ts'
import { useWords } from '../../words/context.tsx'

/** Shows the button that adds a source, and a menu with the less common ways. */
export function AddDirectory() {
  const { t } = useWords()
  const { run } = useCommands()
  const [typing, setTyping] = useState(false)
  const { target, menu } = useMenuFocus()
  return (
    <div className="add">
      <Group gap={6} wrap="nowrap">
        <Button variant="light" leftSection={<IconPlus size={17} />} onClick={() => run('chooseSource', {})}>
          {t('window.addDirectory')}
        </Button>
        <Menu position="top-start" {...menu}>
          <Menu.Target>
            <ActionIcon
              ref={target}
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t('window.add.otherWays')}
            >
              <IconDots size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={() => setTyping(true)}>
              {t('window.add.type')}
            </Menu.Item>
            <Menu.Item leftSection={<IconHeartbeat size={16} />} onClick={() => run('chooseCheckedPath', {})}>
              {t('window.add.checkedPath')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      <Text size="sm" c="dimmed">
        {t('window.drop.hint')}
      </Text>
      <FormDialog opened={typing} title={t('window.add.title')} onClose={() => setTyping(false)}>
        <TypedDirectory onDone={() => setTyping(false)} />
      </FormDialog>
    </div>
  )
}

/** Adds a directory by its path; in the overview only this form can add a batch source. */
function TypedDirectory({ onDone }: { onDone: () => void }) {
  const { t, say } = useWords()
  const { ask } = useCommands()
  const [path, setPath] = useState('')
  /** null if not chosen; a directory that is already protected then keeps its kind. */
  const [chosen, setChosen] = useState<'continuous' | 'batch' | null>(null)
  const kind = chosen ?? 'continuous'
  const [prefix, setPrefix] = useState('')
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(path !== '' || prefix !== '' || kind === 'batch', busy)

  const add = async (event: FormEvent) => {
    event.preventDefault()
    const as = chosen === null ? {} : chosen === 'batch' ? { kind, prefix } : { kind }
    setBusy(true)
    const outcome = await ask('addSource', { path: path.trim(), ...as })
    setBusy(false)
    if (outcome.done) onDone()
    else setRefusal(outcome.sentence)
  }

  return (
    <form onSubmit={add}>
      <Stack gap="sm">
        <TextInput
          label={t('window.add.path')}
          placeholder={t('window.add.pathExample')}
          value={path}
          onChange={(event) => {
            setPath(event.currentTarget.value)
            setRefusal(null)
          }}
          error={refusal === null ? null : say(refusal)}
          spellCheck={false}
          data-autofocus
        />
        <SegmentedControl
          fullWidth
          aria-label={t('window.add.kind')}
          value={kind}
          onChange={(value) => setChosen(value === 'batch' ? 'batch' : 'continuous')}
          data={[
            { value: 'continuous', label: t('window.add.continuous') },
            { value: 'batch', label: t('window.add.batch') },
          ]}
        />
        <Text size="sm" c="dimmed">
          {kind === 'batch' ? t('window.add.batchHint') : t('window.add.continuousHint')}
        </Text>
        {kind === 'batch' && (
          <TextInput
            label={t('window.add.prefix')}
            description={t('window.add.prefixHint')}
            value={prefix}
            maxLength={255}
            onChange={(event) => setPrefix(event.currentTarget.value)}
            spellCheck={false}
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={path.trim() === ''}>
            {t('window.add.action')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
