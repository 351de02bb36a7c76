import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import { bytesToGo } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import type { Transfer } from '../../state/types.ts'
import { useWords } from '../../words/context.tsx'
import { EmbeddedCallout } from '../destinations/embedded-callout.tsx'
import { Assistant } from '../welcome/assistant.tsx'
import type { Step } from '../welcome/steps.ts'
import { AddDirectory } from './add-directory.tsx'
import { CheckedPaths } from './checked-paths.tsx'
import { destinationNames, destinationsOf, isTroubled, verdictLevel } from './describe.ts'
import { SourceCard } from './source-card.tsx'

// With its schemas: not a part of what the window first loads.
const SourceDetails = lazy(() => import('./source-details.tsx'))

/** All that is protected, a card each; a card opens into its details. */
export function OverviewPage({ state }: { state: AppState }) {
  const { t } = useWords()
  const [opened, setOpened] = useState<string | null>(null)
  /** Of the first run, once somebody has begun with it. */
  const [step, setStep] = useState<Step | null>(null)
  const { sources, transfers, destinations, checkedPaths, settings } = state
  const underWay = useMemo(() => firstTransfers(transfers), [transfers])
  const open = useCallback((id: string) => setOpened(id), [])

  const detailed = sources.find(({ settings: { id } }) => id === opened)
  if (detailed !== undefined) {
    const close = () => {
      setOpened(null)
      // Back to where the person came from, once the cards are there again.
      requestAnimationFrame(() => document.getElementById(`open-${detailed.settings.id}`)?.focus())
    }
    return (
      <Suspense fallback={null}>
        <SourceDetails source={detailed} state={state} onClose={close} />
      </Suspense>
    )
  }

  if (step !== null || sources.length + checkedPaths.length === 0)
    return <Assistant state={state} step={step ?? 'protect'} onStep={setStep} />

  const intervalSeconds = settings.check.intervalSeconds
  const cards = failingFirst(sources).map((source) => {
    const mine = destinationsOf(source, destinations)
    return (
      <SourceCard
        key={source.settings.id}
        source={source}
        transfer={underWay.get(source.settings.id) ?? null}
        toGo={bytesToGo(source, transfers)}
        destinationKind={mine.some(({ elsewhere }) => elsewhere) ? 'receiver' : 'embedded'}
        destinationName={destinationNames(mine, t)}
        wellName={destinationNames(
          mine.filter((one) => !isTroubled(one)),
          t,
        )}
        troubledName={destinationNames(mine.filter(isTroubled), t)}
        choices={settings.destinations}
        intervalSeconds={intervalSeconds}
        onOpen={open}
      />
    )
  })
  const here = sources.map((one) => copiedHere(one, destinations)).find((one) => one !== undefined)
  // A key: the card keeps what is open in it when it changes its place.
  const checked = <CheckedPaths key="checked" paths={checkedPaths} intervalSeconds={intervalSeconds} />
  return (
    <div className="stack">
      {checkedPaths.some(isFailing) ? [checked, ...cards] : [...cards, checked]}
      <AddDirectory />
      {here !== undefined && <EmbeddedCallout destination={here} state={state} />}
    </div>
  )
}

/** Where the copies of a source are that go nowhere but to this computer. */
function copiedHere(source: SourceState, all: readonly DestinationState[]): DestinationState | undefined {
  const mine = destinationsOf(source, all)
  return mine.some(({ elsewhere }) => elsewhere) ? undefined : mine[0]
}

function isFailing({ checked }: Pick<SourceState, 'checked'>): boolean {
  return checked !== null && verdictLevel(checked.overall.kind) === 'failing'
}

/** What needs a person is above the fold; otherwise the order stays that of the settings. */
function failingFirst(sources: readonly SourceState[]): SourceState[] {
  return [...sources].sort((one, other) => Number(isFailing(other)) - Number(isFailing(one)))
}

/** The first file on the wire of each source. */
function firstTransfers(transfers: readonly Transfer[]): Map<string, Transfer> {
  const first = new Map<string, Transfer>()
  for (const transfer of transfers) if (!first.has(transfer.source)) first.set(transfer.source, transfer)
  return first
}
