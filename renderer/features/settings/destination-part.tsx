import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import type { DestinationState } from '../../../core/agent/state-schema.ts'
import type { WordKey } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { EmbeddedCallout } from './embedded-callout.tsx'
import { PairDialog } from './pair-form.tsx'

const connections: Record<DestinationState['connection']['state'], { word: WordKey; level: HealthLevel }> = {
  idle: { word: 'window.connection.idle', level: 'ok' },
  connecting: { word: 'window.connection.connecting', level: 'unknown' },
  connected: { word: 'window.connection.connected', level: 'ok' },
  unreachable: { word: 'window.connection.unreachable', level: 'attention' },
  refused: { word: 'window.connection.refused', level: 'failing' },
}

/** Where files go, how the connection is, and how to change it. */
export function DestinationPart({ destination }: { destination: DestinationState }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  const [pairing, setPairing] = useState(false)
  const [leaving, setLeaving] = useState(false)
  if (destination.kind === 'embedded') return <EmbeddedCallout destination={destination} />

  const { state, since, problem } = destination.connection
  const { word, level } = connections[state]
  return (
    <section className="card" aria-label={t('window.destination.title')}>
      <h2>{t('window.destination.title')}</h2>
      <div className="spread">
        <span className="card-name breakable">{destination.name}</span>
        <span className="dimmed selectable breakable">{destination.address}</span>
      </div>
      <span className="health" data-level={level}>
        <HealthMark level={level} />
        <span className="health-word">{t(word)}</span>
        <span className="dimmed">
          <Elapsed at={since} />
        </span>
      </span>
      {problem !== null && <p className="card-problem breakable">{say(problem)}</p>}
      <Group gap="xs" mt={4}>
        <Button size="xs" variant="default" onClick={() => setPairing(true)}>
          {t('window.pair.other')}
        </Button>
        <Button size="xs" variant="default" onClick={() => setLeaving(true)}>
          {t('window.embedded.use')}
        </Button>
      </Group>
      <PairDialog opened={pairing} onClose={() => setPairing(false)} />
      <Confirm
        opened={leaving}
        title={t('window.embedded.useTitle')}
        consequences={[
          t('window.embedded.useEffect', { name: destination.name }),
          t('window.embedded.useWarning'),
        ]}
        action={t('window.embedded.useAction')}
        dangerous
        onClose={() => setLeaving(false)}
        onConfirm={() => run('useEmbedded', {}, 'window.embedded.used')}
      />
    </section>
  )
}
