import type { DestinationState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/words/message.ts'
import { Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { type HealthLevel, problemClass } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'

const connections: Record<DestinationState['connection']['state'], { word: WordKey; level: HealthLevel }> = {
  idle: { word: 'window.connection.idle', level: 'ok' },
  connecting: { word: 'window.connection.connecting', level: 'unknown' },
  connected: { word: 'window.connection.connected', level: 'ok' },
  unreachable: { word: 'window.connection.unreachable', level: 'attention' },
  refused: { word: 'window.connection.refused', level: 'failing' },
}

/** How the connection to a destination is, for how long, and what is wrong with it. */
export function DestinationHealth({ destination }: { destination: DestinationState }) {
  const { t, say } = useWords()
  const { state, since, problem } = destination.connection
  const { word, level: usual } = connections[state]
  const level = problem !== null && usual !== 'failing' ? 'attention' : usual
  return (
    <>
      <span className="health" data-level={level}>
        <HealthMark level={level} />
        <span className="health-word">{t(word)}</span>
        <span className="dimmed">
          <Elapsed at={since} />
        </span>
      </span>
      {problem !== null && <p className={problemClass(level)}>{say(problem)}</p>}
    </>
  )
}
