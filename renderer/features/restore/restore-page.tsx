import { ActionIcon, NativeSelect } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { IconChevronLeft } from '../../ui/icons.ts'
import { useEscape } from '../../ui/use-escape.ts'
import { useWords } from '../../words/context.tsx'
import type { Place } from '../frame/pages.ts'
import { destinationName } from '../overview/describe.ts'
import { BrowsePart } from './browse-part.tsx'
import { RestoreProgress } from './restore-progress.tsx'

interface RestorePageProps {
  state: AppState
  /** Where from, and which source's folder, if somebody has said it. */
  place: Place
  onClose: () => void
}

/** Brings files back from a destination: what is there, what of it, where to, and what became of it. */
export default function RestorePage({ state, place, onClose }: RestorePageProps) {
  const { t } = useWords()
  const { destinations, restore } = state
  const back = useRef<HTMLButtonElement>(null)
  useEffect(() => back.current?.focus(), [])
  const section = useRef<HTMLElement>(null)
  useEscape(section, onClose)
  const [chosen, setChosen] = useState(place.destination ?? null)
  const destination = destinations.find(({ id }) => id === chosen) ?? destinations[0]
  if (destination === undefined) return null
  return (
    <section ref={section} className="stack details" aria-label={t('window.restore.title')}>
      <div className="details-title">
        <ActionIcon
          ref={back}
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={t('window.back')}
          onClick={onClose}
        >
          <IconChevronLeft size={20} />
        </ActionIcon>
        <h2>{t('window.restore.title')}</h2>
      </div>
      {restore !== null && <RestoreProgress restore={restore} destinations={destinations} />}
      <section className="card rows" aria-label={t('window.restore.what')}>
        {destinations.length > 1 ? (
          <NativeSelect
            label={t('window.restore.from')}
            value={destination.id}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={destinations.map((one) => ({ value: one.id, label: destinationName(one, t) }))}
          />
        ) : (
          <p className="dimmed">{t('window.restore.fromOne', { name: destinationName(destination, t) })}</p>
        )}
        <BrowsePart
          key={destination.id}
          destination={destination}
          source={place.source ?? null}
          state={state}
        />
      </section>
    </section>
  )
}
