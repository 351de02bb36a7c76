import type { ReactNode } from 'react'
import { useWords } from '../words/context.tsx'

/** The whole of a failure and the step that mends it, behind one press: the line above has told what it is. */
export function WhatToDo({ children }: { children: ReactNode }) {
  const { t } = useWords()
  return (
    <details className="what-to-do">
      <summary>{t('window.whatToDo')}</summary>
      <div className="what-to-do-more">{children}</div>
    </details>
  )
}
