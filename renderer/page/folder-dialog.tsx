import { Button, Group, Loader, Stack, TextInput, UnstyledButton } from '@mantine/core'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { WordKey } from '../../core/lib/i18n/message.ts'
import { useAnswer } from '../state/answer.ts'
import { useBridge } from '../state/bridge.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { IconChevronRight, IconCornerLeftUp, IconFolder } from '../ui/icons.ts'
import { RovingList } from '../ui/roving-list.tsx'
import { useWords } from '../words/context.tsx'

interface FolderDialogProps {
  opened: boolean
  title: WordKey
  /** null: cancelled. */
  onChoose: (path: string | null) => void
}

/** Chooses a folder of the agent's computer, which is browsed from the home of its user, or typed. */
export default function FolderDialog({ opened, title, onChoose }: FolderDialogProps) {
  const { t } = useWords()
  return (
    <Dialog
      opened={opened}
      onClose={() => onChoose(null)}
      title={t(title)}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <Folders onChoose={onChoose} />
    </Dialog>
  )
}

/** Typing lists a folder once it is complete, not at each key. */
const TYPING_MS = 400
const ABSOLUTE = /^(\/|[A-Za-z]:[\\/]|\\\\)/

function Folders({ onChoose }: Pick<FolderDialogProps, 'onChoose'>) {
  const { t, say } = useWords()
  const bridge = useBridge()
  /** path: null is the home of the agent's user. */
  const [{ path: wanted, isTyped }, setWanted] = useState<{ path: string | null; isTyped: boolean }>({
    path: null,
    isTyped: false,
  })
  const open = (to: string) => setWanted({ path: to, isTyped: false })
  const isAbsolute = wanted === null || ABSOLUTE.test(wanted)
  const { value, failure, isPending } = useAnswer({
    question: isAbsolute ? JSON.stringify(wanted) : null,
    ask: () => bridge.call('browse', { path: wanted }),
    typingMs: isTyped ? TYPING_MS : 0,
  })
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // The activated row was removed together with the focus: the focus moves to the new list.
    if (value !== null && document.activeElement === document.body)
      list.current?.querySelector('button')?.focus()
  }, [value])
  /** From a folder that cannot be listed, back to the last one. */
  const up = failure === null ? value?.parent : value?.path
  const names = failure === null ? (value?.names ?? []) : []
  const isListed = isAbsolute && !isPending && failure === null && value !== null
  const choose = (event: FormEvent) => {
    event.preventDefault()
    if (isListed) onChoose(value.path)
  }
  return (
    <form onSubmit={choose}>
      <Stack gap="sm">
        <TextInput
          label={t('page.folder.path')}
          value={wanted ?? value?.path ?? ''}
          maxLength={4096}
          spellCheck={false}
          data-autofocus
          onChange={(event) => setWanted({ path: event.currentTarget.value, isTyped: true })}
          error={isAbsolute ? failure !== null && say(failure) : t('window.destinations.invalid.path')}
          rightSection={isPending && isAbsolute && <Loader size="xs" />}
        />
        <div ref={list}>
          <RovingList className="folders" entry="li">
            <ul className="listing-rows" aria-label={t('page.folder.list')}>
              {up != null && <FolderRow name={t('page.folder.up')} isUp onOpen={() => open(up)} />}
              {names.map((name) => (
                <FolderRow key={name} name={name} onOpen={() => open(joinPath(value?.path ?? '', name))} />
              ))}
            </ul>
          </RovingList>
        </div>
        {isListed && names.length === 0 && <p className="dimmed">{t('page.folder.none')}</p>}
        {isListed && value.isCut && <p className="dimmed">{t('page.folder.isCut')}</p>}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => onChoose(null)}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" disabled={!isListed}>
            {t('page.folder.choose')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function FolderRow({ name, isUp = false, onOpen }: { name: string; isUp?: boolean; onOpen: () => void }) {
  const Icon = isUp ? IconCornerLeftUp : IconFolder
  return (
    <li>
      <UnstyledButton type="button" className="listing-row listing-open" onClick={onOpen}>
        <Icon size={17} stroke={1.7} aria-hidden="true" />
        <span className="breakable listing-name">{name}</span>
        {!isUp && <IconChevronRight size={15} aria-hidden="true" />}
      </UnstyledButton>
    </li>
  )
}

/** Windows' paths contain backslashes. */
const joinPath = (directory: string, name: string): string => {
  const separator = directory.includes('\\') ? '\\' : '/'
  return `${directory.replace(/[\\/]$/, '')}${separator}${name}`
}
