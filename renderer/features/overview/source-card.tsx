import { Badge, Button, UnstyledButton } from '@mantine/core'
import { memo } from 'react'
import { batchShortfall, isCounted, scanProblem } from '../../../core/agent/state/derived.ts'
import type { DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { baseName } from '../../format/path.ts'
import type { Transfer } from '../../state/types.ts'
import { IconArrowRight, IconChevronRight } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { ProgressRow } from '../../ui/progress-row.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { batchWord, doneWord, phaseOf, problemClass, summariseBatches, verdictLevel } from './describe.ts'
import { HealthLine, HealthMark } from './health-line.tsx'
import type { DestinationChoice } from './source-destinations.tsx'
import { SourceMenu } from './source-menu.tsx'

export interface SourceCardProps {
  source: SourceState
  /** The file of this source that is on the wire; null when none is. */
  transfer: Transfer | null
  /** Bytes that have still to go over the line. */
  toGo: number
  destinationKind: DestinationState['kind']
  /** The name of its destination; of several all names. */
  destinationName: string
  /** Those of them that files can be sent to; empty for none. */
  wellName: string
  /** Those that cannot be reached, or refuse this computer; empty for none. */
  troubledName: string
  /** All destinations that it may have. */
  choices: readonly DestinationChoice[]
  intervalSeconds: number
  onOpen: (id: string) => void
}

/** A source at a glance: its disk's health, what is safe, what is on its way. */
export const SourceCard = memo(function SourceCard(props: SourceCardProps) {
  const { source, destinationKind, destinationName, choices, intervalSeconds, onOpen } = props
  const { t, say } = useWords()
  const { settings, checked, delays } = source
  const unsent = scanProblem(source)
  const bad = checked !== null && checked.overall.kind !== 'ok' ? checked.overall : null

  return (
    <article className="card" aria-label={settings.name}>
      <div className="card-title">
        <UnstyledButton
          id={`open-${settings.id}`}
          className="card-open"
          onClick={() => onOpen(settings.id)}
          aria-label={t('window.source.open', { name: settings.name })}
        >
          <span className="card-name">{settings.name}</span>
          <IconChevronRight size={14} aria-hidden="true" />
        </UnstyledButton>
        {settings.kind === 'batch' && (
          <Badge size="xs" variant="light" color="gray" className="badge">
            {t('window.source.batch')}
          </Badge>
        )}
        <PathText path={settings.path} />
        <SourceMenu
          source={source}
          destinationKind={destinationKind}
          destinationName={destinationName}
          choices={choices}
        />
      </div>
      <div className="card-line spread">
        <HealthLine checked={checked} delays={delays} intervalSeconds={intervalSeconds} />
        <Destinations {...props} />
      </div>
      {bad !== null && <p className={problemClass(verdictLevel(bad.kind))}>{say(bad.sentence)}</p>}
      {bad === null && unsent !== null && <p className="card-problem warn breakable">{say(unsent)}</p>}
      <Shortfall {...props} />
      <Counts {...props} />
      {settings.kind === 'batch' && <Batches source={source} />}
      <Moving {...props} />
    </article>
  )
})

/** Where its files go; what cannot be reached now stands apart from what can. */
function Destinations({ wellName, troubledName }: SourceCardProps) {
  const { t } = useWords()
  return (
    <span className="destinations">
      {wellName !== '' && (
        <span className="destination" title={t('window.destination.to', { name: wellName })}>
          <IconArrowRight size={13} aria-hidden="true" />
          <span className="clip">{wellName}</span>
        </span>
      )}
      {troubledName !== '' && (
        <span
          className="destination"
          data-level="attention"
          title={t('window.destination.troubled', { name: troubledName })}
        >
          <HealthMark level="attention" />
          <span className="clip">{troubledName}</span>
        </span>
      )}
    </span>
  )
}

/** A closed batch has files that never go; the details have the filters that leave them out. */
function Shortfall({ source, onOpen }: SourceCardProps) {
  const { t, say } = useWords()
  const shortfall = batchShortfall(source)
  if (shortfall === null) return null
  return (
    <p className="card-problem breakable" data-level="partial">
      {say(shortfall.sentence)} {say(shortfall.detail)}{' '}
      <Button size="compact-xs" variant="default" onClick={() => onOpen(source.settings.id)}>
        {t('window.batch.filters')}
      </Button>
    </p>
  )
}

/** Phase and counts: "watching · 8,120 safe · 3 waiting · 1 parked" */
function Counts({ source, destinationKind }: SourceCardProps) {
  const { t, format } = useWords()
  const { totals } = source
  return (
    <div className="card-line counts">
      <span>{t(phaseOf(source))}</span>
      {isCounted(source) && (
        <span title={format.bytes(totals.sentBytes)}>
          {t(doneWord(destinationKind, source), { count: totals.sentFiles })}
        </span>
      )}
      {totals.waitingFiles > 0 && <span>{t('window.count.waiting', { count: totals.waitingFiles })}</span>}
      {totals.parkedFiles > 0 && (
        <span className="bad">{t('window.count.parked', { count: totals.parkedFiles })}</span>
      )}
    </div>
  )
}

function Batches({ source }: { source: SourceState }) {
  const { t } = useWords()
  const parts = summariseBatches(source.scanned?.batches ?? [])
  if (parts.length === 0) return <div className="card-line dimmed">{t('window.batch.none')}</div>
  return (
    <div className="card-line counts">
      {parts.map((part) =>
        part.kind === 'named' ? (
          <span key={part.name}>
            {t('window.batch.named', { name: part.name, phase: t(batchWord(part.phase)) })}
          </span>
        ) : (
          <span key={part.word} className={part.word === 'window.batch.notClosedCount' ? 'warn' : undefined}>
            {t(part.word, { count: part.count })}
          </span>
        ),
      )}
    </div>
  )
}

/** The file on the wire and what is left; else what waits, and the last file that arrived. */
function Moving({ source, transfer, toGo }: SourceCardProps) {
  const { t, format } = useWords()
  const { totals, rate, left, lastFile } = source
  if (transfer !== null) {
    return (
      <>
        <ProgressRow transfer={transfer} {...(rate > 0 ? { aside: format.rate(rate) } : {})} />
        <div className="card-line dimmed figures">
          {t('window.toGo', { size: format.bytes(toGo) })}
          {left !== null && ` · ${t('window.about', { duration: format.roughDuration(left) })}`}
        </div>
      </>
    )
  }
  return (
    <div className="card-line spread dimmed">
      {lastFile === null ? (
        // After a restart the last file is not known, which is not to say that there was none.
        <span>{isCounted(source) && totals.sentFiles === 0 && t('window.lastFile.none')}</span>
      ) : (
        <span className="last-file" title={lastFile.path}>
          <span className="clip">{baseName(lastFile.path)}</span>
          <span className="figures">
            {' · '}
            <Ago at={lastFile.at} />
          </span>
        </span>
      )}
      <span className="figures">
        {totals.waitingBytes > 0
          ? t('window.toGo', { size: format.bytes(toGo) })
          : isCounted(source) && format.bytes(totals.sentBytes)}
      </span>
    </div>
  )
}
