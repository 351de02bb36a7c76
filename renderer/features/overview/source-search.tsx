import { NativeSelect } from '@mantine/core'
import { memo } from 'react'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { SearchField } from '../../ui/search-field.tsx'
import { useWords } from '../../words/context.tsx'

/** Up to this many sources need no search. */
export const MANY = 6

const orders = ['trouble', 'name', 'waiting'] as const
export type Order = (typeof orders)[number]

interface SourceSearchProps {
  text: string
  order: Order
  onText: (text: string) => void
  onOrder: (order: Order) => void
}

/** Searches and sorts the sources. */
export const SourceSearch = memo(function SourceSearch({ text, order, onText, onOrder }: SourceSearchProps) {
  const { t } = useWords()
  return (
    <div className="source-search">
      <SearchField label="window.sources.search" text={text} onText={onText} />
      <NativeSelect
        size="xs"
        aria-label={t('window.sources.order')}
        value={order}
        onChange={({ currentTarget: { value } }) => {
          const chosen = orders.find((one) => one === value)
          if (chosen !== undefined) onOrder(chosen)
        }}
        data={orders.map((value) => ({ value, label: t(`window.sources.order.${value}`) }))}
      />
    </div>
  )
})

/** Returns the sources whose name or path contains the text, sorted; ties keep the order of the settings. */
export function arrangeSources(
  sources: readonly SourceState[],
  text: string,
  order: Order,
  failures: AppState['failures'],
): SourceState[] {
  // Its own failure comes before that of one of its destinations.
  const rank = ({ settings: { id } }: SourceState) => {
    const { level, destination } = failures[id] ?? {}
    const own = destination === undefined ? 1 : 0
    return level === undefined ? 0 : (level === 'failing' ? 3 : 1) + own
  }
  const wanted = text.trim().toLowerCase()
  const found = sources.filter(({ settings: { name, path } }) =>
    `${name}\n${path}`.toLowerCase().includes(wanted),
  )
  switch (order) {
    case 'name':
      return found.sort((one, other) => one.settings.name.localeCompare(other.settings.name))
    case 'waiting':
      return found.sort((one, other) => other.totals.waitingFiles - one.totals.waitingFiles)
    case 'trouble':
      return found.sort((one, other) => rank(other) - rank(one))
    default:
      return order satisfies never
  }
}
