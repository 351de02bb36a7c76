import { type ReactNode, type Ref, useCallback, useLayoutEffect, useRef } from 'react'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { useKeptText } from '../../state/kept-text.ts'
import { DetailsTitle } from '../../ui/details-title.tsx'
import { withKeys } from '../../ui/with-keys.ts'
import { useWords } from '../../words/context.tsx'
import { FiltersPart } from '../filters/filters-part.tsx'
import { FileList } from '../transfers/file-list.tsx'
import { ComparePart } from './compare-part.tsx'
import { CopiesPart } from './copies-part.tsx'
import { batchWord, destinationName, destinationNames, getDestinationStates } from './describe.ts'
import { DigestsPart } from './digests-part.tsx'
import { DiskHealthPart, isDiskAtRisk } from './disk-part.tsx'
import { ExpectedGaps } from './expected-gaps.tsx'
import { ExpectedPart } from './expected-part.tsx'
import { HealthPart, Measurements } from './health-part.tsx'
import { NamesPart } from './names-part.tsx'
import type { Opened } from './overview-page.tsx'
import { RemovalPart } from './removal-part.tsx'
import { SilencePart } from './silence-part.tsx'
import { focusRow } from './source-card.tsx'
import { SourceMenu } from './source-menu.tsx'

interface SourceDetailsProps {
  source: SourceState
  state: AppState
  opened: Opened
  /** Beside the rows, instead of them, or hidden. */
  place: 'beside' | 'instead' | 'hidden'
  onBack: () => void
}

/** Shows what is wrong with a folder, where its copies are, and what can be done. */
export default function SourceDetails(props: SourceDetailsProps) {
  const { source, state, opened, place, onBack } = props
  const { t } = useWords()
  const files = useFold('files')
  const rules = useFold('rules')
  const measurements = useFold('measurements')
  const title = useRef<HTMLHeadingElement>(null)
  const toRules = useRef<HTMLElement>(null)
  const shown = useRef<Opened | null>(null)
  const unfoldRules = rules.onToggle
  useLayoutEffect(() => {
    const isNew = shown.current !== opened && opened.isOwnChoice
    // A wider or narrower window hides the row or the button that has the focus.
    const isLost = document.activeElement?.checkVisibility() === false
    shown.current = opened
    if (isNew && opened.toRules) unfoldRules(true)
    if (place === 'hidden' && isLost) focusRow(opened.id)
    else if (isNew || isLost) (opened.toRules ? toRules : title).current?.focus()
  }, [opened, place, unfoldRules])
  const { settings, scanned } = source
  const mine = getDestinationStates(source, state.destinations)
  const names = new Map(state.destinations.map((one) => [one.id, destinationName(one, t)]))
  const isAtRisk = isDiskAtRisk(settings.id, state)

  return (
    <section className="stack-inner details" aria-label={settings.name} hidden={place === 'hidden'}>
      <DetailsTitle ref={title} title={settings.name} onBack={onBack}>
        <SourceMenu
          source={source}
          destinationKind={mine.some(({ elsewhere }) => elsewhere) ? 'receiver' : 'embedded'}
          destinationName={destinationNames(mine, t)}
          choices={state.settings.destinations}
        />
      </DetailsTitle>
      <HealthPart source={source} state={state} />
      {isAtRisk && <DiskHealthPart id={settings.id} state={state} />}
      {settings.expected.length > 0 && <ExpectedGaps source={source} />}
      <ProblemsPart scanned={scanned} />
      <CopiesPart source={source} state={state} />
      {settings.kind === 'batch' && <BatchesPart batches={scanned?.batches ?? []} />}
      <Fold title={t('window.details.part.files')} {...files}>
        {files.isOpen && (
          <FileList
            source={settings.id}
            transfers={state.transfers}
            version={JSON.stringify(source.destinations.map(({ totals }) => totals))}
            {...(names.size > 1 ? { destinationNames: names } : {})}
          />
        )}
      </Fold>
      {/* Stays mounted when folded, to keep unsaved input. */}
      <Fold title={t('window.details.part.rules')} ref={toRules} {...rules}>
        <FiltersPart settings={settings} />
        <RemovalPart source={source} destinations={mine} />
        <SilencePart settings={settings} />
        <ExpectedPart source={source} />
        <DigestsPart settings={settings} />
        <DesktopOnly>
          <ComparePart source={source} state={state} />
        </DesktopOnly>
        <NamesPart settings={settings} />
      </Fold>
      <Fold title={t('window.disk.measurements')} {...measurements}>
        {measurements.isOpen && (
          <>
            <Measurements source={source} state={state} />
            {!isAtRisk && <DiskHealthPart id={settings.id} state={state} />}
          </>
        )}
      </Fold>
    </section>
  )
}

interface FoldState {
  isOpen: boolean
  onToggle: (isOpen: boolean) => void
}

/** Keeps whether a part is unfolded, for the next folder, too, as folders are compared. */
function useFold(name: string): FoldState {
  const [kept, keep] = useKeptText(`fold.${name}`)
  return { isOpen: kept !== '', onToggle: useCallback((isOpen) => keep(isOpen ? 'open' : ''), [keep]) }
}

interface FoldProps extends FoldState {
  title: string
  ref?: Ref<HTMLElement>
  children: ReactNode
}

function Fold({ title, ref, isOpen, onToggle, children }: FoldProps) {
  return (
    <section className="card" aria-label={title}>
      <details
        className="folded"
        open={isOpen}
        onToggle={({ currentTarget }) => onToggle(currentTarget.open)}
      >
        <summary ref={ref}>{title}</summary>
        <div className="stack-inner">{children}</div>
      </details>
    </section>
  )
}

function BatchesPart({ batches }: { batches: NonNullable<SourceState['scanned']>['batches'] }) {
  const { t } = useWords()
  return (
    <section className="card rows" aria-label={t('window.batch.title')}>
      <h3>{t('window.batch.title')}</h3>
      {batches.length === 0 && <p className="dimmed">{t('window.batch.none')}</p>}
      {[...batches].reverse().map((batch) => (
        <div key={batch.name} className="row spread">
          <span className="breakable">{batch.name}</span>
          <span className={batch.phase === 'not-closed' ? 'warn' : 'dimmed'}>
            {t(batchWord(batch.phase))}
            {batch.waiting > 0 && ` · ${t('window.count.waiting', { count: batch.waiting })}`}
          </span>
        </div>
      ))}
    </section>
  )
}

function ProblemsPart({ scanned }: { scanned: SourceState['scanned'] }) {
  const { t, say } = useWords()
  if (scanned === null || scanned.problems.length === 0) return null
  return (
    <section className="card rows" aria-label={t('window.problems.title')}>
      <h3>{t('window.problems.title')}</h3>
      {withKeys([...scanned.problems].reverse(), say).map(({ key, item }) => (
        <p key={key} className="row breakable">
          {say(item)}
        </p>
      ))}
    </section>
  )
}
