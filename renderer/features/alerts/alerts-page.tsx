import { CloseButton } from '@mantine/core'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Empty } from '../../ui/empty.tsx'
import { IconBell, IconInfoCircle } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { IncidentRow } from './incident-row.tsx'

/** What fails now, what failed, and what should be known once. */
export function AlertsPage({ state }: { state: AppState }) {
  const { t } = useWords()
  const lasting = state.incidents.filter(({ endedAt }) => endedAt === null)
  const over = state.incidents.filter(({ endedAt }) => endedAt !== null)
  return (
    <div className="stack">
      <Notices notices={state.notices} />
      {lasting.length > 0 && (
        <section className="card rows" aria-label={t('window.alerts.now')}>
          <h2>{t('window.alerts.now')}</h2>
          {lasting.map((incident) => (
            <IncidentRow key={incident.id} incident={incident} />
          ))}
        </section>
      )}
      {over.length > 0 && (
        <section className="card rows" aria-label={t('window.alerts.over')}>
          <h2>{t('window.alerts.over')}</h2>
          {over.map((incident) => (
            <IncidentRow key={incident.id} incident={incident} />
          ))}
        </section>
      )}
      {state.incidents.length === 0 && (
        <Empty icon={<IconBell size={30} stroke={1.5} />} title={t('window.alerts.emptyTitle')}>
          {state.settings.notifications ? t('window.alerts.empty') : t('window.alerts.emptySilent')}
        </Empty>
      )}
    </div>
  )
}

/** Things to know once, such as a settings file that was set aside. */
export function Notices({ notices }: { notices: AppState['notices'] }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  return notices.map(({ id, sentence }) => (
    <div key={id} className="notice" role="note">
      <IconInfoCircle size={18} aria-hidden="true" />
      <span className="breakable">{say(sentence)}</span>
      <CloseButton
        size="sm"
        variant="transparent"
        aria-label={t('window.notice.dismiss')}
        onClick={() => run('dismissNotice', { id })}
      />
    </div>
  ))
}
