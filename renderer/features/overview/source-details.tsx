import { ActionIcon, SegmentedControl } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { Discard, type Held, HoldContext } from '../../ui/form-dialog.tsx'
import { IconChevronLeft } from '../../ui/icons.ts'
import { useEscape } from '../../ui/use-escape.ts'
import { withKeys } from '../../ui/with-keys.ts'
import { useWords } from '../../words/context.tsx'
import { FiltersPart } from '../filters/filters-part.tsx'
import { FileList } from '../transfers/file-list.tsx'
import { ComparePart } from './compare-part.tsx'
import { batchWord, destinationName, destinationNames, getDestinationStates } from './describe.ts'
import { DigestsPart } from './digests-part.tsx'
import { ExpectedGaps } from './expected-gaps.tsx'
import { ExpectedPart } from './expected-part.tsx'
import { FilesPart } from './files-part.tsx'
import { HealthPart } from './health-part.tsx'
import { NamesPart } from './names-part.tsx'
import { RemovalPart } from './removal-part.tsx'
import { SilencePart } from './silence-part.tsx'
import { SourceMenu } from './source-menu.tsx'

interface SourceDetailsProps {
  source: SourceState
  state: AppState
  /** The part to show first. */
  first: DetailsPart
  onClose: () => void
}

const parts = ['health', 'files', 'rules'] as const
export type DetailsPart = (typeof parts)[number]

/** Shows the details of a source in place of the cards. */
export default function SourceDetails({ source, state, first, onClose }: SourceDetailsProps) {
  const { t } = useWords()
  const back = useRef<HTMLButtonElement>(null)
  const isNew = useRef(true)
  useEffect(() => {
    // Only on opening: the effect runs again whenever the page is shown again.
    if (isNew.current) back.current?.focus()
    isNew.current = false
  }, [])
  const [held, hold] = useState<Held>('nothing')
  const [leaving, setLeaving] = useState(false)
  const [part, setPart] = useState<DetailsPart>(first)
  const { settings, scanned } = source
  const leave = () => {
    if (held === 'typed') setLeaving(true)
    else if (held === 'nothing') onClose()
  }
  useEscape()
  const mine = getDestinationStates(source, state.destinations)
  const names = new Map(state.destinations.map((one) => [one.id, destinationName(one, t)]))

  return (
    <section className="stack details" aria-label={settings.name}>
      <div className="details-title">
        <ActionIcon
          ref={back}
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={t('window.back')}
          disabled={held === 'asked'}
          onClick={leave}
        >
          <IconChevronLeft size={20} />
        </ActionIcon>
        <h2>{settings.name}</h2>
        <SourceMenu
          source={source}
          destinationKind={mine.some(({ elsewhere }) => elsewhere) ? 'receiver' : 'embedded'}
          destinationName={destinationNames(mine, t)}
          choices={state.settings.destinations}
          onRemoved={onClose}
        />
      </div>
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label={t('window.details.parts')}
        value={part}
        onChange={(value) => setPart(parts.find((one) => one === value) ?? 'health')}
        data={parts.map((value) => ({ value, label: t(`window.details.part.${value}`) }))}
      />
      {part === 'health' && <HealthPart source={source} state={state} />}
      {part === 'files' && (
        <>
          <FilesPart source={source} state={state} />
          {settings.kind === 'batch' && <BatchesPart batches={scanned?.batches ?? []} />}
          {settings.expected.length > 0 && <ExpectedGaps source={source} />}
          <ProblemsPart scanned={scanned} />
          <section className="card rows" aria-label={t('window.files.title')}>
            <h3>{t('window.files.title')}</h3>
            <FileList
              source={settings.id}
              transfers={state.transfers}
              version={JSON.stringify(source.destinations.map(({ totals }) => totals))}
              {...(names.size > 1 ? { destinationNames: names } : {})}
            />
          </section>
        </>
      )}
      {/* Stays mounted when hidden, to keep unsaved input. */}
      <div hidden={part !== 'rules'} className="stack-inner">
        <HoldContext value={hold}>
          <FiltersPart settings={settings} />
        </HoldContext>
        <RemovalPart source={source} destinations={mine} />
        <SilencePart settings={settings} />
        <ExpectedPart source={source} />
        <DigestsPart settings={settings} />
        <DesktopOnly>
          <ComparePart source={source} state={state} />
        </DesktopOnly>
        <NamesPart settings={settings} />
      </div>
      <Discard opened={leaving} onClose={() => setLeaving(false)} onDiscard={onClose} />
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
