import { ActionIcon, Menu } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useWords } from '../words/context.tsx'
import { IconDots } from './icons.ts'
import { useMenuFocus } from './menu-focus.ts'

/**
 * Menu of the actions on the thing with this name; its items are the children. Few of many menus are ever opened: until
 * then only the button is rendered.
 */
export function ActionsMenu({ name, children }: { name: string; children: ReactNode }) {
  const { t } = useWords()
  const [isWanted, setWanted] = useState(false)
  const { target, menu } = useMenuFocus()
  const button = {
    variant: 'subtle',
    color: 'gray',
    size: 'md',
    'aria-label': t('window.source.actions', { name }),
    children: <IconDots size={16} />,
  }
  if (!isWanted)
    return (
      <ActionIcon {...button} aria-haspopup="menu" aria-expanded={false} onClick={() => setWanted(true)} />
    )
  return (
    <Menu defaultOpened {...menu}>
      <Menu.Target>
        <ActionIcon {...button} ref={target} />
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  )
}
