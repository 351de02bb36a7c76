import { UnstyledButton } from '@mantine/core'
import type { ComponentType } from 'react'
import { IconChevronRight } from './icons.ts'

interface ChoiceRowProps {
  icon: ComponentType<{ size: number; stroke: number; 'aria-hidden': 'true' }>
  title: string
  hint: string
  onChoose: () => void
}

/** An option in a list of a few; in a dialog the first one gets the focus. */
export function ChoiceRow({ icon: Icon, title, hint, onChoose }: ChoiceRowProps) {
  return (
    <li>
      <UnstyledButton className="type-choice kind-choice" onClick={onChoose} data-autofocus>
        <Icon size={20} stroke={1.7} aria-hidden="true" />
        <span className="row-words">
          <span>{title}</span>
          <span className="setting-hint dimmed">{hint}</span>
        </span>
        <IconChevronRight size={16} aria-hidden="true" />
      </UnstyledButton>
    </li>
  )
}
