import { createContext, type ReactNode, use } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import type { SettingId } from './find.ts'

/** The settings that match the search; null without a search: all are shown. */
export const FoundContext = createContext<ReadonlySet<SettingId> | null>(null)

/** Shows a setting unless the search excludes it. */
export function Setting({ id, children }: { id: SettingId; children: ReactNode }) {
  const found = use(FoundContext)
  return found === null || found.has(id) ? children : null
}

/** Shows a part of the page if the search matches any of its settings. */
export function SettingsPart({
  title,
  ids,
  children,
}: {
  title: WordKey
  ids: readonly SettingId[]
  children: ReactNode
}) {
  const { t } = useWords()
  const found = use(FoundContext)
  if (found !== null && !ids.some((id) => found.has(id))) return null
  return (
    <section className="card settings" aria-label={t(title)}>
      <h2>{t(title)}</h2>
      {children}
    </section>
  )
}
