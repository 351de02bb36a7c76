import type { AppState, WorkerName } from '../../../core/agent/state-schema.ts'
import type { WordKey } from '../../../core/words/message.ts'
import { Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'

type Condition = AppState['workers'][WorkerName]['condition']

const conditions: Record<Condition, { word: WordKey; level: HealthLevel }> = {
  off: { word: 'window.worker.off', level: 'unknown' },
  starting: { word: 'window.worker.starting', level: 'unknown' },
  running: { word: 'window.worker.running', level: 'ok' },
  late: { word: 'window.worker.late', level: 'attention' },
  restarting: { word: 'window.worker.restarting', level: 'attention' },
  failed: { word: 'window.worker.failed', level: 'failing' },
}

const workers: readonly { name: WorkerName; word: WordKey }[] = [
  { name: 'checker', word: 'window.worker.checker' },
  { name: 'scanner', word: 'window.worker.scanner' },
  { name: 'sender', word: 'window.worker.sender' },
  { name: 'receiver', word: 'window.worker.receiver' },
]

/** The agent's own parts and how they are. */
export function InsidePart({ state }: { state: AppState }) {
  const { t } = useWords()
  return (
    <section className="card rows" aria-label={t('window.inside.title')}>
      <h2>{t('window.inside.title')}</h2>
      <p className="dimmed">{t('window.inside.explain')}</p>
      <ul className="probes">
        {workers.map(({ name, word }) => {
          const { condition, restarts, since, pid } = state.workers[name]
          const { word: conditionWord, level } = conditions[condition]
          return (
            <li
              key={name}
              data-level={level}
              title={pid === null ? undefined : t('window.worker.pid', { pid: String(pid) })}
            >
              <HealthMark level={level} />
              <span>{t(word)}</span>
              <span className="grow">
                {t(conditionWord)}
                {restarts > 0 && ` · ${t('window.worker.restarts', { count: restarts })}`}
              </span>
              <span className="figures dimmed">
                <Elapsed at={since} />
              </span>
            </li>
          )
        })}
      </ul>
      <p className="dimmed selectable">{t('window.inside.version', { version: state.version })}</p>
    </section>
  )
}
