import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { useWords } from '../../words/context.tsx'
import { DestinationHealth } from './destination-health.tsx'
import { DestinationRow } from './destination-row.tsx'
import { EmbeddedCallout } from './embedded-callout.tsx'
import { PairDialog } from './pair-form.tsx'

/** Where files go, how the connections are, and how to change it. */
export function DestinationPart({ state }: { state: AppState }) {
  const [first, second] = state.destinations
  if (first === undefined) return null
  if (first.kind === 'embedded') return <EmbeddedCallout destination={first} />
  return second === undefined ? <OneDestination destination={first} /> : <SeveralDestinations state={state} />
}

function OneDestination({ destination }: { destination: DestinationState }) {
  const { t } = useWords()
  const { run } = useCommands()
  const [pairing, setPairing] = useState(false)
  const [leaving, setLeaving] = useState(false)
  const { id, name } = destination
  return (
    <section className="card" aria-label={t('window.destination.title')}>
      <h2>{t('window.destination.title')}</h2>
      <div className="spread">
        <span className="card-name breakable">{name}</span>
        <span className="dimmed selectable breakable">{destination.address}</span>
      </div>
      <DestinationHealth destination={destination} />
      <Group gap="xs" mt={4}>
        <Button size="xs" variant="default" onClick={() => setPairing(true)}>
          {t('window.pair.other')}
        </Button>
        <Button size="xs" variant="default" onClick={() => setLeaving(true)}>
          {t('window.embedded.use')}
        </Button>
      </Group>
      <PairDialog opened={pairing} isFurther onClose={() => setPairing(false)} />
      <Confirm
        opened={leaving}
        title={t('window.embedded.useTitle')}
        consequences={[t('window.embedded.useEffect', { name }), t('window.embedded.useWarning')]}
        action={t('window.embedded.useAction')}
        dangerous
        onClose={() => setLeaving(false)}
        onConfirm={() => run('removeDestination', { id }, 'window.embedded.used')}
      />
    </section>
  )
}

function SeveralDestinations({ state: { destinations, sources } }: { state: AppState }) {
  const { t } = useWords()
  const [pairing, setPairing] = useState(false)
  return (
    <section className="card rows" aria-label={t('window.destination.several')}>
      <h2>{t('window.destination.several')}</h2>
      {destinations.map((destination) => (
        <DestinationRow key={destination.id} destination={destination} sources={sources} />
      ))}
      <Group gap="xs" mt={4}>
        <Button size="xs" variant="default" onClick={() => setPairing(true)}>
          {t('window.pair.other')}
        </Button>
      </Group>
      <PairDialog opened={pairing} isFurther onClose={() => setPairing(false)} />
    </section>
  )
}
