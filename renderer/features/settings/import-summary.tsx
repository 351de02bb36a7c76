import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'

type Settings = AppState['settings']

/** Counts of each kind of setting. */
const counts: readonly { word: WordKey; of: (settings: Settings) => number }[] = [
  { word: 'window.sources.title', of: ({ sources }) => sources.length },
  { word: 'window.checked.title', of: ({ checkedPaths }) => checkedPaths.length },
  { word: 'window.destinations', of: ({ destinations }) => destinations.length },
  { word: 'window.channel.title', of: ({ alerts }) => alerts.channels.length },
]

/** Summarizes an import: numbers now → in the file, and the settings that files do not include. */
export function ImportSummary({ now, next }: { now: Settings; next: Settings }) {
  const { t, format } = useWords()
  return (
    <>
      <p>{t('settings.import.replaces')}</p>
      <dl className="facts">
        {counts.map(({ word, of }) => (
          <div key={word}>
            <dt>{t(word)}</dt>
            <dd>
              {format.number(of(now))} → {format.number(of(next))}
            </dd>
          </div>
        ))}
      </dl>
      <p className="dimmed">{t('settings.import.secrets')}</p>
    </>
  )
}
