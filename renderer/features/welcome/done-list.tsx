import { ActionIcon } from '@mantine/core'
import { IconCheck, IconX } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

export interface DoneLine {
  id: string
  text: string
  about: string
  /** Removes the entry. */
  onRemove?: () => void
}

/** Lists the entries that a step has added so far. */
export function DoneList({ lines }: { lines: readonly DoneLine[] }) {
  const { t } = useWords()
  if (lines.length === 0) return null
  return (
    <ul className="card done-list">
      {lines.map(({ id, text, about, onRemove }) => (
        <li key={id}>
          <IconCheck className="done-check" size={16} aria-hidden="true" />
          <span className="row-words">
            <span className="breakable">{text}</span>
            <span className="dimmed breakable">{about}</span>
          </span>
          {onRemove && (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="md"
              aria-label={t('first.remove', { name: text })}
              onClick={onRemove}
            >
              <IconX size={15} />
            </ActionIcon>
          )}
        </li>
      ))}
    </ul>
  )
}
