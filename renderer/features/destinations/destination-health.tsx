import {
  type DestinationFailure,
  destinationFailure,
  stateWhenWell,
} from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { Elapsed, Since } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { type HealthLevel, problemClass, severityLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'

interface Shown {
  word: WordKey
  level: HealthLevel
  /** Milliseconds since 1970; null if unknown. */
  since: number | null
}

/** Returns the state to show while no failure is known. */
function describeWell(destination: DestinationState): Shown {
  const state = stateWhenWell(destination)
  const level = state === 'connecting' || state === 'ejected' ? 'unknown' : 'ok'
  const since = destination.ejectedAt ?? destination.connection.since
  return { word: `window.connection.${state}`, level, since }
}

const describeFailure = ({ kind, severity, since }: DestinationFailure): Shown => ({
  word: `kind.${kind}`,
  level: severityLevel(severity),
  since,
})

interface DestinationHealthProps {
  destination: DestinationState
  state: Pick<AppState, 'incidents' | 'failures'>
}

/** Shows a destination's state, its duration, and the failure. */
export function DestinationHealth({ destination, state }: DestinationHealthProps) {
  const { t, say } = useWords()
  const known = state.failures[destination.id]
  // Short reconnects are normal. Damaged files, and what its disk reports, are no failure of the connection.
  const failure = known === undefined ? null : destinationFailure(state, destination)
  const { word, since, ...well } = failure === null ? describeWell(destination) : describeFailure(failure)
  const level = known?.level ?? well.level
  return (
    <>
      <span className="health" data-level={level}>
        <HealthMark level={level} />
        <span className="health-word">{t(word)}</span>
        {since !== null && (
          <span className="dimmed">
            {destination.ejectedAt === undefined ? <Elapsed at={since} /> : <Since at={since} />}
          </span>
        )}
      </span>
      {known !== undefined && (
        <p className={problemClass(level)}>{say(failure?.sentence ?? known.detail ?? known.sentence)}</p>
      )}
    </>
  )
}
