import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { isWithin } from '../../format/path.ts'
import { PathText } from '../../ui/path-text.tsx'
import { RovingList } from '../../ui/roving-list.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { OngoingRows } from '../alerts/incident-actions.tsx'
import { getSubjects, type Incident, isAboutPaths, listOngoing } from '../alerts/incidents.ts'
import { RemedyCommands } from '../alerts/remedy.tsx'
import { TimelineRow } from '../alerts/timeline-entry.tsx'
import { DelayHistory } from './delay-history.tsx'
import { getPhaseWord, problemClass, verdictLevel, verdictWord } from './describe.ts'
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

interface PartProps {
  source: SourceState
  state: AppState
}

/** Shows the state of a folder, and each of its failures with what can be done. */
export function HealthPart({ source, state }: PartProps) {
  const { t, say } = useWords()
  const { settings, checked } = source
  // Links and disks that lead to notices and findings have their own parts.
  const failures = listOngoing(state.incidents).filter(
    (one) => isAbout(one, settings) && one.kind !== 'notice' && one.kind !== 'disk-health',
  )
  const isExplained = failures.some(isAboutPaths)
  const isBad = checked !== null && checked.overall.kind !== 'ok' && !isExplained
  return (
    <section className="card rows" aria-label={t('window.details.health')}>
      <PathText path={settings.path} />
      <LinkPart settings={settings} checked={checked} />
      {!isExplained && (
        <div className="card-line spread">
          <HealthLine checked={checked} intervalSeconds={state.settings.check.intervalSeconds} />
          <span className="dimmed">
            {t(getPhaseWord(source))}
            {checked !== null && (
              <>
                {' · '}
                <Ago at={checked.at} />
              </>
            )}
          </span>
        </div>
      )}
      {isBad && (
        <>
          <p className={problemClass(verdictLevel(checked.overall.kind))}>{say(checked.overall.sentence)}</p>
          <RemedyCommands sentence={checked.overall.sentence} />
        </>
      )}
      <OngoingRows incidents={failures} state={state} />
    </section>
  )
}

/** Shows past failures, the delays of the checks, the steps of the last one, and the mount. */
export function Measurements({ source: { settings, checked }, state }: PartProps) {
  const { t } = useWords()
  const incidents = state.incidents.filter((incident) => isAbout(incident, settings))
  if (checked === null) return null
  const { mount } = checked
  return (
    <>
      <DelayHistory
        id={settings.id}
        intervalSeconds={state.settings.check.intervalSeconds}
        lastCheckAt={checked.at}
        failures={incidents.filter(isAboutPaths)}
      />
      <Probes checked={checked} />
      {mount !== null && (
        <p className="dimmed breakable">
          {t('window.disk.mount', { source: mount.source, type: mount.type, point: mount.point })}
        </p>
      )}
      <RovingList className="things timeline" entry="article">
        {incidents
          .filter(({ endedAt }) => endedAt !== null)
          .slice(0, 10)
          .map((incident) => (
            <TimelineRow
              key={incident.id}
              incident={incident}
              deliveries={null}
              settings={state.settings}
              isMarked={false}
            />
          ))}
      </RovingList>
    </>
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
