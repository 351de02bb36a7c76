import { NativeSelect } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { RESTORE_NOTICE } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { DetailsTitle } from '../../ui/details-title.tsx'
import { useWords } from '../../words/context.tsx'
import type { RestoreRequest } from '../frame/pages.ts'
import { destinationName } from '../overview/describe.ts'
import { type Computer, formatComputer } from './browse.ts'
import { BrowsePart } from './browse-part.tsx'
import { RestoreProgress } from './restore-progress.tsx'

const NONE: readonly Computer[] = []

interface RestorePageProps {
  state: AppState
  /** The destination and the source's folder to show, if requested. */
  place: RestoreRequest
  onClose: () => void
}

/** Restores files from a destination: browse, choose, start, and follow the progress. */
export default function RestorePage({ state, place, onClose }: RestorePageProps) {
  const { t } = useWords()
  const { destinations, restore, notices } = state
  const isShown = restore?.phase === 'running' || notices.some(({ id }) => id === RESTORE_NOTICE)
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => title.current?.focus(), [])
  const [shown, setShown] = useState(place)
  const destination = destinations.find(({ id }) => id === shown.destination) ?? destinations[0]
  const others = useOthers(destination)
  const [wanted, setWanted] = useState<string | null>(null)
  const computer = others.find(({ folder }) => folder === wanted) ?? null
  if (destination === undefined) return null
  return (
    <section className="stack details" aria-label={t('window.restore.title')}>
      <DetailsTitle ref={title} title={t('window.restore.title')} onBack={onClose} />
      {restore !== null && isShown && (
        <RestoreProgress restore={restore} destinations={destinations} isClosable />
      )}
      <section className="card rows" aria-label={t('window.restore.what')}>
        {destinations.length > 1 ? (
          <NativeSelect
            label={t('window.restore.from')}
            value={destination.id}
            onChange={(event) => setShown({ ...shown, destination: event.currentTarget.value })}
            data={destinations.map((one) => ({ value: one.id, label: destinationName(one, t) }))}
          />
        ) : (
          <p className="dimmed">{t('window.restore.fromOne', { name: destinationName(destination, t) })}</p>
        )}
        {others.length > 0 && (
          <NativeSelect
            label={t('window.restore.whose')}
            description={t('window.restore.whoseHint')}
            value={computer?.folder ?? ''}
            onChange={(event) => setWanted(event.currentTarget.value)}
            data={[
              { value: '', label: t('window.restore.thisComputer') },
              ...others.map((one) => ({ value: one.folder, label: formatComputer(one) })),
            ]}
          />
        )}
        <BrowsePart
          key={JSON.stringify([destination.id, computer?.folder])}
          destination={destination}
          computer={computer}
          source={shown.source ?? null}
          missingOnly={shown.missingOnly === true}
          putsBack={shown.putsBack === true}
          state={state}
          onAsked={() => setShown({ ...shown, putsBack: false })}
        />
      </section>
    </section>
  )
}

/** Returns other computers that have files at a destination; empty while unknown. */
function useOthers(destination: DestinationState | undefined): readonly Computer[] {
  const bridge = useBridge()
  const [known, setKnown] = useState<{ of: string; computers: readonly Computer[] } | null>(null)
  const id = destination === undefined || destination.kind === 'receiver' ? null : destination.id
  useEffect(() => {
    if (id === null) return
    // An error is dropped here: the listing below reports it.
    bridge.call('restoreComputers', { destination: id }).then(
      ({ computers }) => setKnown({ of: id, computers: computers.filter(({ isOwn }) => !isOwn) }),
      () => undefined,
    )
  }, [bridge, id])
  return known !== null && known.of === id ? known.computers : NONE
}
