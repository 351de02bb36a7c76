import { Button } from '@mantine/core'
import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import { bytesToGo } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { isDiskKind } from '../../../core/alerts/kinds.ts'
import { useDays } from '../../state/day.ts'
import { useKeptText } from '../../state/kept-text.ts'
import type { Transfer } from '../../state/types.ts'
import { focusAfter } from '../../ui/focus.ts'
import { IconInfoCircle } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { useWords } from '../../words/context.tsx'
import { ComputersPart } from '../computers/computers-part.tsx'
import { EmbeddedCallout } from '../destinations/embedded-callout.tsx'
import { useOpenPage } from '../frame/pages.ts'
import { ReceivingPart } from '../receiving/receiving-part.tsx'
import { Assistant } from '../welcome/assistant.tsx'
import type { Step } from '../welcome/steps.ts'
import { AddDirectory } from './add-directory.tsx'
import { CheckedPaths } from './checked-paths.tsx'
import {
  describeDestinations,
  destinationNames,
  findKeepers,
  getDestinationStates,
  isSameEverywhere,
} from './describe.ts'
import { useRowDisks } from './disk-part.tsx'
import { SourceCard } from './source-card.tsx'
import type { DetailsPart } from './source-details.tsx'
import { arrangeSources, MANY, type Order, SourceSearch } from './source-search.tsx'
import { SourcesSummary } from './sources-summary.tsx'

// Includes schemas: kept out of the window's first bundle.
const SourceDetails = lazy(() => import('./source-details.tsx'))

/** Shows a card for each source; a card opens its details. */
export function OverviewPage({ state }: { state: AppState }) {
  const { t } = useWords()
  const [opened, setOpened] = useState<{ id: string; part: DetailsPart } | null>(null)
  const [wanted, setWanted] = useKeptText('sources')
  const [order, setOrder] = useState<Order>('trouble')
  /** The step of the first-run assistant, after the user has started it. */
  const [step, setStep] = useState<Step | null>(null)
  const { sources, transfers, destinations, checkedPaths, computers, settings } = state
  const underWay = useMemo(() => firstTransfers(transfers), [transfers])
  const days = useDays(sources.length > 0)
  const rowDisks = useRowDisks(state)
  const open = useCallback((id: string, part: DetailsPart = 'health') => setOpened({ id, part }), [])

  const detailed = sources.find(({ settings: { id } }) => id === opened?.id)
  if (detailed !== undefined) {
    // Return the focus to the button that opened the details.
    const close = () =>
      focusAfter(
        () => setOpened(null),
        () => document.getElementById(`open-${detailed.settings.id}`),
      )
    return (
      <Suspense fallback={null}>
        <SourceDetails source={detailed} state={state} first={opened?.part ?? 'health'} onClose={close} />
      </Suspense>
    )
  }

  const isEmpty = sources.length + checkedPaths.length + computers.length === 0
  if (isEmpty && step === null && state.receiving !== null) return <OnlyReceiving state={state} />
  if (step !== null || isEmpty) return <Assistant state={state} step={step ?? 'protect'} onStep={setStep} />

  const intervalSeconds = settings.check.intervalSeconds
  const isMany = sources.length > MANY
  const { failures } = state
  const shown = arrangeSources(sources, isMany ? wanted : '', isMany ? order : 'trouble', failures)
  const since = failingSince(state.incidents)
  const isCheckedFailing = checkedPaths.some(({ id }) => failures[id]?.level === 'failing')
  const isSame = isSameEverywhere(sources)
  const cards = shown.map((source) => {
    const mine = getDestinationStates(source, destinations)
    return (
      <SourceCard
        key={source.settings.id}
        source={source}
        day={days?.get(source.settings.id) ?? null}
        failingSince={since.get(source.settings.id) ?? null}
        transfer={underWay.get(source.settings.id) ?? null}
        toGo={bytesToGo(source, transfers)}
        destinationKind={mine.some(({ elsewhere }) => elsewhere) ? 'receiver' : 'embedded'}
        destinationName={destinationNames(mine, t)}
        keepers={destinationNames(findKeepers(source, mine), t)}
        failure={failures[source.settings.id] ?? null}
        disk={rowDisks(source.settings.id).finding}
        chips={describeDestinations(mine, state, t).filter(({ failure }) => failure !== null || !isSame)}
        choices={settings.destinations}
        intervalSeconds={intervalSeconds}
        onOpen={open}
      />
    )
  })
  const here = sources.map((one) => copiedHere(one, destinations)).find((one) => one !== undefined)
  // The key preserves the card's state when its position changes.
  const checked = <CheckedPaths key="checked" paths={checkedPaths} state={state} />
  return (
    <div className="stack">
      <ProposalNotices state={state} />
      {isCheckedFailing && checked}
      {sources.length > 0 && (
        <section className="card sources" aria-label={t('window.sources.title')}>
          <SourcesSummary state={state} />
          {isMany && <SourceSearch text={wanted} order={order} onText={setWanted} onOrder={setOrder} />}
          <RovingList className="source-rows" entry="article">
            {cards}
          </RovingList>
          {cards.length === 0 && <p className="dimmed">{t('window.sources.nothingFits')}</p>}
        </section>
      )}
      {!isCheckedFailing && checked}
      <ComputersPart computers={computers} />
      <AddDirectory />
      {here !== undefined && <EmbeddedCallout destination={here} state={state} />}
    </div>
  )
}

/** Shows the computers that send here, where this one protects nothing itself. */
function OnlyReceiving({ state }: { state: AppState }) {
  return (
    <div className="stack">
      <ReceivingPart state={state} />
      <AddDirectory />
    </div>
  )
}

/** Leads to the proposals of receivers that wait for a decision. */
function ProposalNotices({ state: { proposals, destinations } }: { state: AppState }) {
  const { t } = useWords()
  const openPage = useOpenPage()
  const waiting = proposals.filter(({ decision }) => decision === null)
  return destinations
    .filter(({ id }) => waiting.some(({ destination }) => destination === id))
    .map(({ id, name }) => (
      <div key={id} className="notice" role="note" data-tone="good">
        <IconInfoCircle size={18} aria-hidden="true" />
        <span className="breakable">{t('window.proposal.title', { name })}</span>
        <Button size="compact-xs" variant="default" onClick={() => openPage('destinations')}>
          {t('window.proposal.show')}
        </Button>
      </div>
    ))
}

/** Returns the destination of a source that is only copied to this computer. */
function copiedHere(source: SourceState, all: readonly DestinationState[]): DestinationState | undefined {
  const mine = getDestinationStates(source, all)
  return mine.some(({ elsewhere }) => elsewhere) ? undefined : mine[0]
}

/** Returns since when the disk of each source has been failing, by the source's id. */
function failingSince(incidents: AppState['incidents']): Map<string, number> {
  const lasting = incidents.filter(({ endedAt, kind }) => endedAt === null && isDiskKind(kind))
  return new Map(lasting.flatMap(({ sources, startedAt }) => sources.map((id) => [id, startedAt] as const)))
}

/** Returns the first file in transfer of each source. */
function firstTransfers(transfers: readonly Transfer[]): Map<string, Transfer> {
  const first = new Map<string, Transfer>()
  for (const transfer of transfers) if (!first.has(transfer.source)) first.set(transfer.source, transfer)
  return first
}
