import { SegmentedControl } from '@mantine/core'
import { useId } from 'react'
import { useWords } from '../../words/context.tsx'
import type { Priority } from './draft.ts'

const choices = [
  { value: 'low', label: 'window.filters.priority.low' },
  { value: 'normal', label: 'window.filters.priority.normal' },
  { value: 'high', label: 'window.filters.priority.high' },
] as const

interface PriorityChoiceProps {
  value: Priority
  onChange: (priority: Priority) => void
}

/** Chooses a source's share of the bandwidth while other sources are sending. */
export function PriorityChoice({ value, onChange }: PriorityChoiceProps) {
  const { t } = useWords()
  const id = useId()
  return (
    <div>
      <div className="setting-label" id={id}>
        {t('window.filters.priority')}
      </div>
      <p className="dimmed setting-hint">{t('window.filters.priorityHint')}</p>
      <SegmentedControl
        fullWidth
        aria-labelledby={id}
        value={value}
        onChange={(chosen) => {
          const choice = choices.find((one) => one.value === chosen)
          if (choice !== undefined) onChange(choice.value)
        }}
        data={choices.map((choice) => ({ value: choice.value, label: t(choice.label) }))}
      />
    </div>
  )
}
