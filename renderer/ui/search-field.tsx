import { TextInput } from '@mantine/core'
import type { WordKey } from '../../core/lib/i18n/message.ts'
import { useWords } from '../words/context.tsx'
import { IconSearch } from './icons.ts'

interface SearchFieldProps {
  label: WordKey
  text: string
  onText: (text: string) => void
  /** Shown above the field. */
  description?: string | null
}

/** The search of a list. */
export function SearchField({ label, text, onText, description = null }: SearchFieldProps) {
  const { t } = useWords()
  return (
    <TextInput
      size="xs"
      type="search"
      aria-label={t(label)}
      placeholder={t(label)}
      description={description}
      leftSection={<IconSearch size={14} />}
      value={text}
      maxLength={200}
      spellCheck={false}
      onChange={(event) => onText(event.currentTarget.value)}
    />
  )
}
