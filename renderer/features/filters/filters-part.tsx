import { Button } from '@mantine/core'
import { lazy, Suspense, useRef, useState } from 'react'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { focusAfter } from '../../ui/focus.ts'
import { useWords, type Words } from '../../words/context.tsx'

// Rarely used: kept out of the window's first bundle.
const FiltersForm = lazy(() => import('./filters-form.tsx'))

/** Summarizes a source's filters; a button opens the form. */
export function FiltersPart({ settings }: { settings: SourceState['settings'] }) {
  const words = useWords()
  const { t } = words
  const [editing, setEditing] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  const close = () =>
    focusAfter(
      () => setEditing(false),
      () => button.current,
    )
  return (
    <section className="card" aria-label={t('window.filters.title')}>
      <div className="spread">
        <h3>{t('window.filters.title')}</h3>
        {!editing && (
          <Button ref={button} variant="default" size="compact-sm" onClick={() => setEditing(true)}>
            {t('window.filters.change')}
          </Button>
        )}
      </div>
      {editing ? (
        <Suspense fallback={<p className="dimmed">{t('window.filters.looking')}</p>}>
          <FiltersForm settings={settings} onDone={close} />
        </Suspense>
      ) : (
        <ul className="filter-summary">
          {summarise(settings, words).map((line) => (
            <li key={line} className="breakable">
              {line}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

/** Describes each filter in a line; without filters, that everything is sent. */
function summarise(settings: SourceState['settings'], { t, format }: Words): string[] {
  const { temporary } = settings
  const { ignore, hidden, oneFileSystem, minimumBytes, maximumBytes, minimumAgeSeconds, priority } = settings
  const lines = [
    ignore.length > 0 &&
      t('window.filters.is.patterns', { patterns: ignore.slice(0, 5).join('  '), count: ignore.length }),
    hidden === 'leave-out' && t('window.filters.is.hidden'),
    temporary === 'send' && t('window.filters.is.temporary'),
    oneFileSystem && t('settings.source.oneFileSystemIs'),
    minimumBytes !== null && t('window.filters.is.least', { size: format.bytes(minimumBytes) }),
    maximumBytes !== null && t('window.filters.is.most', { size: format.bytes(maximumBytes) }),
    minimumAgeSeconds > 0 && t('window.filters.is.age', { age: format.duration(minimumAgeSeconds * 1000) }),
  ].filter((line) => line !== false)
  const shown = lines.length === 0 ? [t('window.filters.is.nothing')] : lines
  if (priority === 'normal') return shown
  return [...shown, t(priority === 'high' ? 'window.filters.is.high' : 'window.filters.is.low')]
}
