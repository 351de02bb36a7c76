import type { AppState, WorkerName, WorkerState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'

type Condition = AppState['workers'][WorkerName]['condition']

const conditions: Record<Condition, { word: WordKey; level: HealthLevel }> = {
  off: { word: 'window.worker.off', level: 'unknown' },
  starting: { word: 'window.worker.starting', level: 'unknown' },
  running: { word: 'window.worker.running', level: 'ok' },
  restarting: { word: 'window.worker.restarting', level: 'attention' },
  failed: { word: 'window.worker.failed', level: 'failing' },
}

const workers: readonly { name: WorkerName; word: WordKey }[] = [
  { name: 'checker', word: 'window.worker.checker' },
  { name: 'scanner', word: 'window.worker.scanner' },
  { name: 'receiver', word: 'window.worker.receiver' },
]

/** Lists the senders: each destination with sources has its own. Several senders are named after their destinations. */
function listSenders({ destinations, workers }: AppState, t: ReturnType<typeof useWords>['t']): Part[] {
  const sender = t('window.worker.sender')
  if (destinations.length < 2) return [{ key: 'sender', words: sender, worker: workers.sender }]
  return destinations.map(({ id, name, worker }) => ({
    key: id,
    words: `${sender} ${t('window.destination.arrow', { name })}`,
    worker,
  }))
}

interface Part {
  key: string
  words: string
  worker: WorkerState
}

/** Shows the agent's worker processes and their states. */
export function InsidePart({ state }: { state: AppState }) {
  const { t } = useWords()
  const parts = workers.flatMap(({ name, word }): Part[] => [
    { key: name, words: t(word), worker: state.workers[name] },
    ...(name === 'scanner' ? listSenders(state, t) : []),
  ])
  return (
    <section className="card rows" aria-label={t('window.inside.title')}>
      <h2>{t('window.inside.title')}</h2>
      <p className="dimmed">{t('window.inside.explain')}</p>
      <ul className="probes parts">
        {parts.map(({ key, words, worker }) => {
          const { condition, restarts, since, pid } = worker
          const { word: conditionWord, level } = conditions[condition]
          return (
            <li
              key={key}
              data-level={level}
              title={pid === null ? undefined : t('window.worker.pid', { pid: String(pid) })}
            >
              <HealthMark level={level} />
              <span className="breakable">{words}</span>
              <span className="grow">
                {t(conditionWord)}
                {restarts > 0 && ` · ${t('window.worker.restarts', { count: restarts })}`}
              </span>
              <span className="figures dimmed">{condition !== 'off' && <Elapsed at={since} />}</span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
