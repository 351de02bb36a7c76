import { createContext, type ReactNode, use } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import type { SettingId } from './find.ts'

/** What the search has found; null: nothing is searched for, and everything is shown. */
export const FoundContext = createContext<ReadonlySet<SettingId> | null>(null)

/** Shown while the search finds it. */
export function Setting({ id, children }: { id: SettingId; children: ReactNode }) {
  const found = use(FoundContext)
  return found === null || found.has(id) ? children : null
}

/** A part of the page: shown while the search finds any of its settings. */
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
