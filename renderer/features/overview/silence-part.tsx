import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'
import { getLimits, parseNumber, silentHours as schema } from '../settings/limits.ts'
import { SavedNumber } from '../settings/saved-number.tsx'

const isEmpty = (typed: string | number): boolean => String(typed).trim() === ''

/** Sets after how many hours without new files a notification is sent; empty for never. */
export function SilencePart({ settings }: { settings: SourceState['settings'] }) {
  const { t, format } = useWords()
  const { ask } = useCommands()
  const { id, kind, silentHours } = settings
  const { least, most } = getLimits(schema)
  const wrong = t('window.silence.wrong', { least: String(least), most: format.number(most) })
  return (
    <section className="card" aria-label={t('window.silence.title')}>
      <SavedNumber
        label={t('window.silence.title')}
        hint={t(kind === 'batch' ? 'window.silence.hintBatch' : 'window.silence.hint')}
        unit={t('window.silence.unit')}
        placeholder={t('window.silence.never')}
        value={silentHours ?? ''}
        check={(typed) => (isEmpty(typed) || parseNumber(schema, typed) !== null ? null : wrong)}
        save={(typed) => ask('changeSource', { id, changes: { silentHours: parseNumber(schema, typed) } })}
      />
    </section>
  )
}
