import type { ReactNode } from 'react'
import { useWords } from '../words/context.tsx'

/** Shows a failure's full sentence and its next step, collapsed: the line above has the summary. */
export function WhatToDo({ children }: { children: ReactNode }) {
  const { t } = useWords()
  return (
    <details className="what-to-do">
      <summary>{t('window.whatToDo')}</summary>
      <div className="what-to-do-more">{children}</div>
    </details>
  )
}
