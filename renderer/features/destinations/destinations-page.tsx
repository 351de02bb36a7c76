import { Button } from '@mantine/core'
import { lazy, Suspense, useEffect, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { IconPlus, IconRestore } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import type { PairRequest, RestoreRequest } from '../frame/pages.ts'
import { ReceivingPart } from '../receiving/receiving-part.tsx'
import { AddDialog } from './add-dialog.tsx'
import { DestinationRow } from './destination-row.tsx'
import { EmbeddedCallout } from './embedded-callout.tsx'
import { LocalCopiesCard } from './local-copies-card.tsx'

const RestorePage = lazy(() => import('../restore/restore-page.tsx'))

interface DestinationsPageProps {
  state: AppState
  /** Opens the restore page, or the dialog that adds a destination, with the code of a link that the user followed. */
  place: PairRequest | RestoreRequest | null
}

/** Lists the destinations and their states; adds destinations and restores files. */
export default function DestinationsPage({ state, place }: DestinationsPageProps) {
  const { t } = useWords()
  const [adding, setAdding] = useState(false)
  const [linked, setLinked] = useState<string | null>(null)
  const [restoring, setRestoring] = useState<RestoreRequest | null>(null)
  /** A further request begins the restore page anew, without the former filter. */
  const [requests, setRequests] = useState(0)
  useEffect(() => {
    if (place === null) return
    setRestoring(place.kind === 'restore' ? place : null)
    setRequests((before) => before + 1)
    if (place.kind !== 'pair') return
    setLinked(place.code ?? null)
    setAdding(true)
  }, [place])
  const { destinations, sources } = state
  const [first] = destinations
  const isCopiedHere = first?.kind === 'embedded' && sources.length > 0
  const isNoneElsewhere =
    first !== undefined && !destinations.some(({ kind, elsewhere }) => elsewhere || kind === 'embedded')

  const close = () => {
    setAdding(false)
    setLinked(null)
  }
  if (restoring !== null) {
    return (
      <Suspense fallback={null}>
        <RestorePage key={requests} state={state} place={restoring} onClose={() => setRestoring(null)} />
      </Suspense>
    )
  }
  return (
    <div className="stack">
      {isCopiedHere && <EmbeddedCallout destination={first} state={state} />}
      <div className="card destinations">
        {destinations.map(
          (destination) =>
            destination.kind !== 'embedded' && (
              <DestinationRow key={destination.id} destination={destination} state={state} />
            ),
        )}
      </div>
      {isNoneElsewhere && <p className="card-problem warn">{t('window.embedded.explain')}</p>}
      <div className="add">
        {!isCopiedHere && (
          <Button variant="light" leftSection={<IconPlus size={17} />} onClick={() => setAdding(true)}>
            {t('window.destinations.addTitle')}
          </Button>
        )}
        <Button
          variant="default"
          leftSection={<IconRestore size={17} />}
          onClick={() => setRestoring({ kind: 'restore' })}
        >
          {t('window.restore.open')}
        </Button>
      </div>
      {state.localCopies !== null && <LocalCopiesCard path={state.localCopies} />}
      <ReceivingPart state={state} />
      <AddDialog opened={adding} linked={linked} state={state} onClose={close} />
    </div>
  )
}
