import { Badge, Button, UnstyledButton } from '@mantine/core'
import { shallowEqual } from '@mantine/hooks'
import { memo } from 'react'
import {
  batchShortfall,
  findHeldMessage,
  findMarkedMessage,
  isCounted,
  scanProblem,
} from '../../../core/agent/state/derived.ts'
import type { DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import type { Transfer } from '../../state/types.ts'
import { IconArrowRight } from '../../ui/icons.ts'
import { MiddleText } from '../../ui/middle-text.tsx'
import { ProgressRow } from '../../ui/progress-row.tsx'
import { Elapsed } from '../../ui/times.tsx'
import { WhatToDo } from '../../ui/what-to-do.tsx'
import { useWords } from '../../words/context.tsx'
import {
  batchWord,
  describeGone,
  doneWord,
  getPhaseWord,
  type Health,
  summariseBatches,
  type Whereto,
} from './describe.ts'
import { HealthMark } from './health-line.tsx'
import { LinkPart } from './link-part.tsx'
import type { DestinationChoice } from './source-destinations.tsx'
import type { DetailsPart } from './source-details.tsx'
import { SourceMenu } from './source-menu.tsx'
import { useHealth } from './use-health.ts'

export interface SourceCardProps extends Whereto {
  source: SourceState
  /** Since when its disk has been failing, in milliseconds since 1970; null if it is not, or unknown. */
  failingSince: number | null
  /** The file of this source in transfer; null if there is none. */
  transfer: Transfer | null
  /** Bytes still to be sent. */
  toGo: number
  destinationKind: DestinationState['kind']
  /** The name of its destination, or all names if there are several. */
  destinationName: string
  /** All destinations that can be chosen. */
  choices: readonly DestinationChoice[]
  intervalSeconds: number
  onOpen: (id: string, part?: DetailsPart) => void
}

/** Shows a source in two lines: name and one figure; state and destinations. Only a failure adds lines. */
export function SourceCard(props: SourceCardProps) {
  const health = useHealth(props.source.checked, props.intervalSeconds)
  return <Card {...props} {...health} />
}

type CardProps = SourceCardProps & Health

/** True if a card need not be rendered again: while a disk is OK, a further check changes nothing visible. */
function isDrawnAlike({ source, ...others }: CardProps, { source: next, ...nextOthers }: CardProps): boolean {
  const drawn = ({ checked, ...rest }: SourceState) => ({
    ...rest,
    checked: checked?.overall.kind === 'ok' ? (checked.leadsTo ?? null) : checked,
  })
  return shallowEqual(others, nextOthers) && shallowEqual(drawn(source), drawn(next))
}

const Card = memo(function Card(props: CardProps) {
  const { source, destinationKind, destinationName, choices, onOpen, level, word } = props
  const { t } = useWords()
  const { settings } = source

  return (
    <article className="source" aria-label={settings.name} data-level={level}>
      <HealthMark level={level} />
      <div className="source-words">
        <div className="source-line">
          <UnstyledButton
            id={`open-${settings.id}`}
            className="source-open"
            onClick={() => onOpen(settings.id)}
            aria-label={t('window.source.open', { name: settings.name })}
          >
            <MiddleText text={settings.name} />
          </UnstyledButton>
          {settings.kind === 'batch' && (
            <Badge size="xs" variant="default" className="badge">
              {t('window.source.batch')}
            </Badge>
          )}
          <Figure {...props} />
        </div>
        <div className="source-line quiet-line">
          <State {...props} said={t(word)} isWell={level === 'ok'} />
          <Destination {...props} />
        </div>
        <TroubledDestination {...props} />
        <Moving {...props} />
        <Writing source={source} />
        <FlapSeries source={source} />
        <LinkPart settings={settings} checked={source.checked} />
        <Shortfall {...props} />
      </div>
      <SourceMenu
        source={source}
        destinationKind={destinationKind}
        destinationName={destinationName}
        choices={choices}
      />
    </article>
  )
}, isDrawnAlike)

/** Shows the figure: parked files if any, else waiting files, else sent files, and those that are gone here. */
function Figure({ source, destinationKind, destinationName }: SourceCardProps) {
  const { t, format } = useWords()
  const { totals } = source
  const { parkedFiles, waitingFiles, sentFiles, sentBytes, waitingBytes } = totals
  const done = t(doneWord(destinationKind, source), { count: sentFiles })
  const gone = describeGone(source, destinationName, t)
  const title = [done, format.bytes(sentBytes), ...gone.map(({ long }) => long)].join(' · ')
  if (parkedFiles > 0) {
    return (
      <span className="source-figure bad" title={title}>
        {t('window.count.parked', { count: parkedFiles })}
      </span>
    )
  }
  if (waitingFiles > 0) {
    return (
      <span
        className="source-figure"
        title={`${title} · ${t('window.toGo', { size: format.bytes(waitingBytes) })}`}
      >
        {t('window.count.waiting', { count: waitingFiles })}
      </span>
    )
  }
  if (!isCounted(source)) return null
  const isHere = destinationKind === 'embedded' && source.destinations.length === 1
  return (
    <span className="source-figure" title={title}>
      {[
        isHere ? t('window.count.copiedHere', { count: sentFiles }) : done,
        ...gone.map(({ short }) => short),
      ].join(' · ')}
    </span>
  )
}

/** Shows a failure and its duration ("read-only · 28 s"); else the health or an unusual phase, and the batches. */
function State({ source, failingSince, said, isWell }: SourceCardProps & { said: string; isWell: boolean }) {
  const { t } = useWords()
  const phase = getPhaseWord(source)
  const isUsual = phase === 'window.phase.watching' || phase === 'window.phase.polling'
  const batches = summariseBatches(source.scanned?.batches ?? [])
  if (!isWell) {
    return (
      <span className="source-state failing figures">
        {said}
        {failingSince !== null && (
          <>
            {' · '}
            <Elapsed at={failingSince} />
          </>
        )}
      </span>
    )
  }
  return (
    <span className="source-state clip counts">
      <span>{isUsual ? said : t(phase)}</span>
      {batches.map((part) =>
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
    </span>
  )
}

/** Shows where the source's files are sent. */
function Destination({ wellName }: SourceCardProps) {
  const { t } = useWords()
  if (wellName === '') return null
  return (
    <span className="destination" title={t('window.destination.to', { name: wellName })}>
      <IconArrowRight size={13} aria-hidden="true" />
      <span className="clip">{wellName}</span>
    </span>
  )
}

/** Shows destinations that cannot be sent to at present, and why, in a separate line. */
function TroubledDestination({ troubledName, troubledLevel }: SourceCardProps) {
  const { t } = useWords()
  if (troubledName === '') return null
  return (
    <span
      className="quiet-line destination"
      data-level={troubledLevel}
      title={t('window.destination.troubled', { name: troubledName })}
    >
      <HealthMark level={troubledLevel} />
      <span className="breakable">{troubledName}</span>
    </span>
  )
}

/** Shows files that programs have open: they are sent after they are closed. */
function Writing({ source: { scanned } }: { source: SourceState }) {
  const { t } = useWords()
  if (scanned?.open == null) return null
  const { files, since, path } = scanned.open
  return (
    <div className="quiet-line breakable" title={path}>
      {t('window.source.writing', { count: files, since, path })}
    </div>
  )
}

/** Shows the problem of the disk or the scanner, and its actions. */
function FlapSeries({ source }: { source: SourceState }) {
  const { say } = useWords()
  const { checked } = source
  const unsent = findHeldMessage(source) ?? findMarkedMessage(source) ?? scanProblem(source)
  if (checked !== null && checked.overall.kind !== 'ok') {
    return (
      <WhatToDo>
        <p className="breakable selectable">{say(checked.overall.sentence)}</p>
      </WhatToDo>
    )
  }
  return unsent === null ? null : <p className="card-problem warn breakable">{say(unsent)}</p>
}

/** Shows that a closed batch contains files that are never sent; the details have filters that exclude them. */
function Shortfall({ source, onOpen }: SourceCardProps) {
  const { t, say } = useWords()
  const shortfall = batchShortfall(source)
  if (shortfall === null) return null
  return (
    <p className="card-problem breakable" data-level="partial">
      {say(shortfall.sentence)} {say(shortfall.detail)}{' '}
      <Button size="compact-xs" variant="default" onClick={() => onOpen(source.settings.id, 'rules')}>
        {t('window.batch.filters')}
      </Button>
    </p>
  )
}

/** Shows the file in transfer, and the remaining amount. */
function Moving({ source: { rate, left }, transfer, toGo }: SourceCardProps) {
  const { t, format } = useWords()
  if (transfer === null) return null
  return (
    <>
      <ProgressRow transfer={transfer} {...(rate > 0 ? { aside: format.rate(rate) } : {})} />
      <div className="quiet-line figures">
        {t('window.toGo', { size: format.bytes(toGo) })}
        {left !== null && ` · ${t('window.about', { duration: format.roughDuration(left) })}`}
      </div>
    </>
  )
}
