import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useNow } from '../../state/now.ts'
import { useWords } from '../../words/context.tsx'
import { Undo } from './incident-actions.tsx'
import { findMuted, listKnown } from './incidents.ts'

/** Lists what is muted, so that a forgotten muting is noticed. */
export function MutedPart({ state }: { state: AppState }) {
  const words = useWords()
  const { t, format } = words
  const { run } = useCommands()
  const now = useNow()
  const muted = findMuted(listKnown(state), state.settings, now, words)
  if (muted.length === 0) return null
  return (
    <section className="card" aria-label={t('window.alerts.muted')}>
      <h2>{t('window.alerts.muted')}</h2>
      <p className="dimmed">{t('window.alerts.mutedEffect')}</p>
      <ul>
        {muted.map(({ id, name, until }) => (
          <li key={id} className="row spread">
            <span className="breakable">{name}</span>
            <span className="muted-until">
              <span className="dimmed">
                {until === null
                  ? t('window.alerts.untilForGood')
                  : t('window.alerts.until', { time: format.moment(until, now) })}
              </span>
              <Undo
                word={t('window.alerts.unmute')}
                label={t('window.alerts.unmuteOne', { name })}
                onClick={() => run('unmute', { id })}
              />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
