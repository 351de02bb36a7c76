import {
  ActionIcon,
  Button,
  Group,
  Menu,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { IconDeviceDesktop, IconDots, IconHeartbeat, IconKeyboard, IconPlus } from '../../ui/icons.ts'
import { useMenuFocus } from '../../ui/menu-focus.ts'
import { useWords } from '../../words/context.tsx'
import { AddComputer } from '../computers/add-computer.tsx'

/** Shows the button that adds a source, and a menu with the less common ways. */
export function AddDirectory() {
  const { t } = useWords()
  const { run } = useCommands()
  const [typing, setTyping] = useState(false)
  const [addingComputer, setAddingComputer] = useState(false)
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
            <Menu.Item leftSection={<IconDeviceDesktop size={16} />} onClick={() => setAddingComputer(true)}>
              {t('window.computers.add')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      <DesktopOnly>
        <Text size="sm" c="dimmed">
          {t('window.drop.hint')}
        </Text>
      </DesktopOnly>
      <FormDialog opened={typing} title={t('window.add.title')} onClose={() => setTyping(false)}>
        <TypedDirectory onDone={() => setTyping(false)} />
      </FormDialog>
      <AddComputer opened={addingComputer} onClose={() => setAddingComputer(false)} />
    </div>
  )
}

/** Returns the paths of a text with one a line. */
const splitPaths = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** Adds directories by their paths; in the overview only this form can add a batch source. */
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
    const refused: { path: string; sentence: Message }[] = []
    for (const one of splitPaths(path)) {
      const outcome = await ask('addSource', { path: one, ...as })
      if (!outcome.done) refused.push({ path: one, sentence: outcome.sentence })
    }
    setBusy(false)
    const [first] = refused
    if (first === undefined) return onDone()
    // The others are added: what remains can be corrected.
    setPath(refused.map((one) => one.path).join('\n'))
    setRefusal(first.sentence)
  }

  return (
    <form onSubmit={add}>
      <Stack gap="sm">
        <Textarea
          label={t('window.add.path')}
          description={t('window.add.pathHint')}
          placeholder={t('window.add.pathExample')}
          value={path}
          autosize
          onChange={(event) => {
            setPath(event.currentTarget.value)
            setRefusal(null)
          }}
          onKeyDown={(event) => {
            // As in all other fields; with Shift it begins the next path.
            if (event.key !== 'Enter' || event.shiftKey) return
            event.preventDefault()
            event.currentTarget.form?.requestSubmit()
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
