import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { isWithin } from '../../format/path.ts'
import { PathText } from '../../ui/path-text.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { IncidentRow } from '../alerts/incident-row.tsx'
import { getSubjects, type Incident, isAboutPaths } from '../alerts/incidents.ts'
import { RemedyCommands } from '../alerts/remedy.tsx'
import { DelayHistory } from './delay-history.tsx'
import { problemClass, verdictLevel, verdictWord } from './describe.ts'
import { DiskHealthPart } from './disk-part.tsx'
import { HealthLine, HealthMark } from './health-line.tsx'
import { LinkPart } from './link-part.tsx'

/** Also true for an incident of a parent or child path: a failure of a parent affects the source, too. */
function isAbout(incident: Incident, { id, path }: SourceState['settings']): boolean {
  if (incident.sources.includes(id)) return true
  return (
    isAboutPaths(incident) &&
    getSubjects(incident).some((subject) => isWithin(subject, path) || isWithin(path, subject))
  )
}

/** Shows the source's disk and its incidents. */
export function HealthPart({ source, state }: { source: SourceState; state: AppState }) {
  const { t } = useWords()
  const incidents = state.incidents.filter((incident) => isAbout(incident, source.settings))
  return (
    <>
      <DiskPart
        source={source}
        intervalSeconds={state.settings.check.intervalSeconds}
        failures={incidents.filter(isAboutPaths)}
      />
      <DiskHealthPart id={source.settings.id} state={state} />
      {incidents.length > 0 && (
        <section className="card rows" aria-label={t('window.alerts')}>
          <h3>{t('window.alerts')}</h3>
          {incidents.slice(0, 10).map((incident) => (
            <IncidentRow key={incident.id} incident={incident} settings={state.settings} hasMore={false} />
          ))}
        </section>
      )}
    </>
  )
}

function DiskPart({
  source,
  intervalSeconds,
  failures,
}: {
  source: SourceState
  intervalSeconds: number
  failures: readonly Incident[]
}) {
  const { t, say } = useWords()
  const { settings, checked } = source
  const bad = checked !== null && checked.overall.kind !== 'ok'
  return (
    <section className="card" aria-label={t('window.disk.title')}>
      <PathText path={settings.path} />
      <LinkPart settings={settings} checked={checked} />
      <div className="card-line spread">
        <HealthLine checked={checked} intervalSeconds={intervalSeconds} hasDelay />
        {checked !== null && (
          <span className="dimmed">
            <Ago at={checked.at} />
          </span>
        )}
      </div>
      {bad && (
        <>
          <p className={problemClass(verdictLevel(checked.overall.kind))}>{say(checked.overall.sentence)}</p>
          <RemedyCommands sentence={checked.overall.sentence} />
        </>
      )}
      {checked !== null && (
        <DelayHistory
          id={settings.id}
          intervalSeconds={intervalSeconds}
          lastCheckAt={checked.at}
          failures={failures}
        />
      )}
      {checked !== null && (
        <details className="folded">
          <summary>{t('window.disk.steps')}</summary>
          <Probes checked={checked} />
          {checked.mount !== null && (
            <p className="dimmed breakable">
              {t('window.disk.mount', {
                source: checked.mount.source,
                type: checked.mount.type,
                point: checked.mount.point,
              })}
            </p>
          )}
        </details>
      )}
    </section>
  )
}

const probeWords = {
  mount: 'window.probe.mount',
  read: 'window.probe.read',
  write: 'window.probe.write',
} as const

function Probes({ checked }: { checked: NonNullable<SourceState['checked']> }) {
  const { t, format } = useWords()
  return (
    <ul className="probes">
      {(['mount', 'read', 'write'] as const).map((kind) => {
        const verdict = checked.probes[kind]
        if (verdict === undefined) return null
        const level = verdictLevel(verdict.kind)
        return (
          <li key={kind} data-level={level}>
            <HealthMark level={level} />
            <span>{t(probeWords[kind])}</span>
            <span className="grow">{t(verdictWord(verdict.kind))}</span>
            <span className="figures dimmed">{format.delay(verdict.elapsedMs)}</span>
          </li>
        )
      })}
    </ul>
  )
}
