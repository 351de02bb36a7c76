import { ActionIcon, Menu } from '@mantine/core'
import type { ReactNode } from 'react'
import { useWords } from '../words/context.tsx'
import { IconDots } from './icons.ts'

/** A menu of what can be done to the one thing with this name; its items are the children. */
export function ActionsMenu({ name, children }: { name: string; children: ReactNode }) {
  const { t } = useWords()
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="md" aria-label={t('window.source.actions', { name })}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  )
}
