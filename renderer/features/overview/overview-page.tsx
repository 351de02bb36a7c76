import { Button } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import {
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from 'react'
import { bytesToGo, findKeepers } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { isDiskKind } from '../../../core/alerts/kinds.ts'
import { useDays } from '../../state/day.ts'
import { useKeptText } from '../../state/kept-text.ts'
import type { Transfer } from '../../state/types.ts'
import { Discard, type Held, HoldContext } from '../../ui/form-dialog.tsx'
import { IconInfoCircle } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { useWords } from '../../words/context.tsx'
import { ComputersPart } from '../computers/computers-part.tsx'
import { EmbeddedCallout } from '../destinations/embedded-callout.tsx'
import { useOpenPage } from '../frame/pages.ts'
import { StationsPart } from '../receiving/sender-list.tsx'
import { Assistant } from '../welcome/assistant.tsx'
import type { Step } from '../welcome/steps.ts'
import { AddDirectory } from './add-directory.tsx'
import { CheckedPaths } from './checked-paths.tsx'
import { describeDestinations, destinationNames, getDestinationStates, isSameEverywhere } from './describe.ts'
import { useRowDisks } from './disk-part.tsx'
import { focusRow, SourceCard } from './source-card.tsx'
import { arrangeSources, MANY, type Order, SourceSearch } from './source-search.tsx'
import { SourcesSummary } from './sources-summary.tsx'

// Includes schemas: kept out of the window's first bundle.
const SourceDetails = lazy(() => import('./source-details.tsx'))

/** Each press is a new object. */
export interface Opened {
  id: string
  /** False for the row whose details a wide window shows until the user chooses one. */
  isOwnChoice: boolean
  /** The rules are unfolded. */
  toRules?: boolean
}

interface Details {
  /** Whose details are shown; null: no one's. */
  opened: Opened | null
  /** The forms in them, by id. */
  forms: Readonly<Record<string, Held>>
  /** The details that open as soon as input is saved or may be discarded; undefined: none wait. */
  next?: Opened | null | undefined
}

type DetailsAction =
  | { open: Opened | null }
  | { form: string; held: Held }
  /** The answer to the question whether typed text is discarded. */
  | { discard: boolean }

function changeDetails(details: Details, action: DetailsAction): Details {
  const { opened, forms, next } = details
  if ('form' in action) {
    const after = { ...forms, [action.form]: action.held }
    return next === undefined || isHeld(after) ? { ...details, forms: after } : { opened: next, forms: after }
  }
  if ('discard' in action)
    return action.discard && next !== undefined ? { opened: next, forms: {} } : { opened, forms }
  const isSame = action.open !== null && action.open.id === opened?.id
  return isSame || !isHeld(forms) ? { opened: action.open, forms } : { ...details, next: action.open }
}

const isHeld = (forms: Details['forms']): boolean => Object.values(forms).some((held) => held !== 'nothing')

/** Returns which details are shown, and the functions that change it. */
function useDetails(sources: AppState['sources'], isWide: boolean, firstId: string | undefined) {
  const [details, change] = useReducer(changeDetails, { opened: null, forms: {} })
  const { opened } = details
  const detailed = sources.find(({ settings: { id } }) => id === opened?.id)
  const isAnyShown = detailed !== undefined
  useEffect(() => {
    if (!isWide || isAnyShown || firstId === undefined) return
    // After the frame that shows the rows: the details are in a file of their own.
    const show = () => change({ open: { id: firstId, isOwnChoice: false } })
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(show)
    })
    return () => cancelAnimationFrame(frame)
  }, [isWide, isAnyShown, firstId])
  const last = useRef(opened)
  useLayoutEffect(() => {
    // The focus returns to the row whose details are closed.
    if (opened === null && last.current !== null) focusRow(last.current.id)
    last.current = opened
  }, [opened])
  const open = useCallback(
    (id: string, toRules = false) => change({ open: { id, isOwnChoice: true, toRules } }),
    [],
  )
  const hold = useCallback((form: string, held: Held) => change({ form, held }), [])
  const isAsked = opened?.isOwnChoice === true || isHeld(details.forms)
  const narrow = isAnyShown && isAsked ? 'instead' : 'hidden'
  // The rows have their width before the details are loaded.
  const place = isWide && (isAnyShown || firstId !== undefined) ? 'beside' : narrow
  return { ...details, detailed, place, change, open, hold } as const
}

/** Shows a row for each source. A row opens its details: beside the rows from 700 px on, else in their place. */
export function OverviewPage({ state }: { state: AppState }) {
  const { t } = useWords()
  const isWide = useMediaQuery('(min-width: 700px)', false, { getInitialValueInEffect: false })
  /** Rows and details that were beside each other stay mounted in a narrow window: a dialog of theirs may be open. */
  const [wasWide, setWasWide] = useState(isWide)
  if (isWide && !wasWide) setWasWide(true)
  const [wanted, setWanted] = useKeptText('sources')
  const [order, setOrder] = useState<Order>('trouble')
  /** The step of the first-run assistant, after the user has started it. */
  const [step, setStep] = useState<Step | null>(null)
  const { sources, transfers, destinations, checkedPaths, computers, receiving, settings } = state
  const underWay = useMemo(() => firstTransfers(transfers), [transfers])
  const days = useDays(sources.length > 0)
  const rowDisks = useRowDisks(state)
  const isMany = sources.length > MANY
  const shown = arrangeSources(sources, isMany ? wanted : '', isMany ? order : 'trouble', state.failures)
  const firstId = shown[0]?.settings.id
  const { opened, forms, next, detailed, place, change, open, hold } = useDetails(sources, isWide, firstId)

  const isEmpty = sources.length + checkedPaths.length + computers.length === 0 && receiving === null
  if (step !== null || isEmpty) return <Assistant state={state} step={step ?? 'protect'} onStep={setStep} />

  const intervalSeconds = settings.check.intervalSeconds
  const { failures } = state
  const since = failingSince(state.incidents)
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
        keepers={destinationNames(findKeepers({ destinations: mine }, [source]), t)}
        failure={failures[source.settings.id] ?? null}
        disk={rowDisks(source.settings.id).finding}
        chips={describeDestinations(mine, state, t).filter(({ failure }) => failure !== null || !isSame)}
        choices={settings.destinations}
        intervalSeconds={intervalSeconds}
        isOpened={isWide && source === detailed}
        onOpen={open}
      />
    )
  })
  const here = sources.map((one) => copiedHere(one, destinations)).find((one) => one !== undefined)
  const isFailing = (id: string) => failures[id]?.level === 'failing'
  // The keys preserve the state of the parts when their order changes.
  const parts = [
    {
      isFirst: sources.some((source) => isFailing(source.settings.id)),
      part: sources.length > 0 && (
        <section key="sources" className="card sources" aria-label={t('window.sources.title')}>
          <SourcesSummary state={state} />
          {isMany && <SourceSearch text={wanted} order={order} onText={setWanted} onOrder={setOrder} />}
          <RovingList className="source-rows" entry="article">
            {cards}
          </RovingList>
          {cards.length === 0 && <p className="dimmed">{t('window.sources.nothingFits')}</p>}
        </section>
      ),
    },
    {
      isFirst: checkedPaths.some(({ id }) => isFailing(id)),
      part: <CheckedPaths key="checked" paths={checkedPaths} state={state} />,
    },
    {
      isFirst: receiving?.senders.some(({ folder }) => isFailing(`station:${folder}`)),
      part: receiving !== null && settings.receive !== null && (
        <StationsPart key="stations" state={state} receiving={receiving} receive={settings.receive} />
      ),
    },
  ].sort((one, other) => Number(other.isFirst ?? false) - Number(one.isFirst ?? false))
  const list = (
    <div key="list" className="stack-inner" hidden={place === 'instead'}>
      <ProposalNotices state={state} />
      {parts.map(({ part }) => part)}
      <ComputersPart computers={computers} />
      <AddDirectory />
      {here !== undefined && <EmbeddedCallout destination={here} state={state} />}
    </div>
  )
  return (
    <div className={place === 'beside' ? 'stack beside' : 'stack'}>
      {(place !== 'instead' || wasWide) && list}
      {opened !== null && detailed !== undefined && (place === 'instead' || wasWide) && (
        // Stays mounted while the window becomes wider or narrower, to keep unsaved input.
        <Suspense key="details" fallback={<div />}>
          <HoldContext value={hold}>
            <SourceDetails
              key={detailed.settings.id}
              source={detailed}
              state={state}
              opened={opened}
              place={place}
              onBack={() => (place === 'beside' ? focusRow(opened.id) : change({ open: null }))}
            />
          </HoldContext>
        </Suspense>
      )}
      {/* What is being saved is waited for. */}
      <Discard
        opened={next !== undefined && !Object.values(forms).includes('asked')}
        onClose={() => change({ discard: false })}
        onDiscard={() => change({ discard: true })}
      />
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
