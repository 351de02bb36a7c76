import { Badge, Button, UnstyledButton } from '@mantine/core'
import { shallowEqual } from '@mantine/hooks'
import { type MouseEvent, memo } from 'react'
import { batchShortfall, isCounted } from '../../../core/agent/state/derived.ts'
import type { DestinationState, SourceState, ThingFailure } from '../../../core/agent/state/schema.ts'
import { isDiskKind } from '../../../core/alerts/kinds.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { Transfer } from '../../state/types.ts'
import { MiddleText } from '../../ui/middle-text.tsx'
import { ProgressBar } from '../../ui/progress-row.tsx'
import { Ago, Since } from '../../ui/times.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { joinSentences } from '../../words/dictionaries.ts'
import { useOpenPage } from '../frame/pages.ts'
import { DayStrip } from './day-strip.tsx'
import {
  batchWord,
  type Chip,
  describeGone,
  doneWord,
  getPhaseWord,
  type Health,
  summariseBatches,
} from './describe.ts'
import { HealthMark } from './health-line.tsx'
import type { DestinationChoice } from './source-destinations.tsx'
import { SourceMenu } from './source-menu.tsx'
import { useHealth } from './use-health.ts'

export interface SourceCardProps {
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
  /** The names of those that keep files deleted here. */
  keepers: string
  /** Its last 24 hours (see useDays); null: unknown. */
  day: string | null
  /** Its gravest failure; null: it is well. */
  failure: ThingFailure | null
  /** The findings about its disk; null: none. */
  disk: string | null
  /** The destinations to mention in the row. */
  chips: readonly Chip[]
  /** All destinations that can be chosen. */
  choices: readonly DestinationChoice[]
  intervalSeconds: number
  /** Its details are shown beside the rows. */
  isOpened: boolean
  onOpen: (id: string, toRules?: boolean) => void
}

/**
 * Shows a source in two lines, always of the same height: name and one figure; state or failure, and destinations. A
 * transfer is a thin line at the lower edge. Longer texts are cut; the details and the alerts have them in full.
 */
export function SourceCard(props: SourceCardProps) {
  const health = useHealth(props.source.checked, props.intervalSeconds)
  return <Card {...props} {...health} />
}

type CardProps = SourceCardProps & Health

/** True if a card need not be rendered again: while a disk is OK, a further check changes nothing visible. */
function isDrawnAlike(
  { source, chips, ...others }: CardProps,
  { source: next, chips: nextChips, ...nextOthers }: CardProps,
): boolean {
  const drawn = ({ checked, ...rest }: SourceState) => ({
    ...rest,
    checked: checked?.overall.kind === 'ok' ? (checked.leadsTo ?? null) : checked,
  })
  return (
    shallowEqual(others, nextOthers) &&
    shallowEqual(drawn(source), drawn(next)) &&
    chips.length === nextChips.length &&
    chips.every((chip, index) => shallowEqual(chip, nextChips[index]))
  )
}

const Card = memo(function Card(props: CardProps) {
  const { source, destinationKind, destinationName, choices, chips, transfer, onOpen, level } = props
  const { t } = useWords()
  const { settings } = source
  const shown = level === 'failing' ? level : (props.failure?.level ?? level)

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard and screen readers use the button with the name.
    <article
      className="source"
      aria-label={settings.name}
      data-level={shown}
      onClick={(event) => {
        if (isRowItself(event)) onOpen(settings.id)
      }}
    >
      <HealthMark level={shown} />
      <div className="source-words">
        <div className="source-line">
          <UnstyledButton
            id={`open-${settings.id}`}
            className="source-open"
            aria-current={props.isOpened}
            onClick={() => onOpen(settings.id)}
            title={settings.name}
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
          <State {...props} />
          {chips.map((chip) => (
            <DestinationChip key={chip.id} chip={chip} />
          ))}
          {props.day !== null && <DayStrip day={props.day} />}
        </div>
      </div>
      <SourceMenu
        source={source}
        destinationKind={destinationKind}
        destinationName={destinationName}
        choices={choices}
      />
      {transfer !== null && <ProgressBar transfer={transfer} className="source-progress" />}
    </article>
  )
}, isDrawnAlike)

/** Focuses the name of a folder in its row. */
export const focusRow = (id: string): void => document.getElementById(`open-${id}`)?.focus()

/** True if a click is on no control of the row, nor on a menu or dialog that it has opened. */
function isRowItself({ currentTarget, target }: MouseEvent<HTMLElement>): boolean {
  return target instanceof Element && currentTarget.contains(target) && target.closest('button, a') === null
}

/** Shows the figure: parked files if any, else waiting files, else sent files, and those that are gone here. */
function Figure({ source, destinationKind, keepers }: SourceCardProps) {
  const { t, format } = useWords()
  const { totals } = source
  const { parkedFiles, waitingFiles, sentFiles, sentBytes, waitingBytes } = totals
  const done = t(doneWord(destinationKind, source), { count: sentFiles })
  const gone = describeGone(source, keepers, t)
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

interface RowProblem {
  tone: 'bad' | 'warn' | 'partial'
  words: string
  button: { word: WordKey; to: 'details' | 'rules' | 'alerts' }
}

/** Returns the problem that is not a failed check, in one line; null: there is none, or a destination has it. */
function findProblem({ source, failure, disk }: SourceCardProps, say: Words['say']): RowProblem | null {
  if (failure !== null && failure.destination === undefined && !isDiskKind(failure.kind)) {
    const { kind, level, sentence, detail } = failure
    const tone = level === 'failing' ? 'bad' : 'warn'
    if (kind === 'disk-health' && disk !== null) return { tone, words: disk, button: getButton(kind) }
    // The detail of others is a whole sentence.
    const isShort =
      kind === 'emptied' ||
      kind === 'deleted' ||
      kind === 'parked' ||
      kind === 'worker' ||
      sentence.key === 'status.unfit'
    const words = detail === null || isShort ? [sentence, ...(detail === null ? [] : [detail])] : [detail]
    return { tone, words: joinSentences(words, say), button: getButton(kind) }
  }
  const shortfall = batchShortfall(source)
  if (shortfall === null) return null
  const words = joinSentences([shortfall.sentence, shortfall.detail], say)
  return { tone: 'partial', words, button: { word: 'window.batch.filters', to: 'rules' } }
}

function getButton(kind: ThingFailure['kind']): RowProblem['button'] {
  if (kind === 'emptied' || kind === 'deleted' || kind === 'marked')
    return { word: 'window.source.decide', to: 'alerts' }
  // A notice: its link leads elsewhere.
  return { word: kind === 'notice' ? 'window.source.decide' : 'window.source.details', to: 'details' }
}

/** Shows the most important of these: a failing disk, another problem, a transfer, open files, or the usual state. */
function State(props: CardProps) {
  const { source, level, onOpen } = props
  const { say } = useWords()
  const openPage = useOpenPage()
  if (level === 'failing') return <DiskState {...props} />
  const problem = findProblem(props, say)
  if (problem !== null) {
    const { tone, words, button } = problem
    const act = () =>
      button.to === 'alerts' ? openPage('alerts') : onOpen(source.settings.id, button.to === 'rules')
    return <ProblemState tone={tone} words={words} button={button.word} onClick={act} />
  }
  if (level !== 'ok' || source.checked?.overall.kind === 'slow') return <DiskState {...props} />
  // The rate is an average, which goes on for some seconds.
  const isMoving = props.transfer !== null || (source.rate > 0 && props.toGo > 0)
  if (isMoving) return <SendingState {...props} />
  return <UsualState {...props} />
}

/** Shows a failure and its beginning; if that is unknown, the check's explanation, which is also shown on hover. */
function DiskState({ source: { checked }, failingSince, word }: CardProps) {
  const { t, say } = useWords()
  const kind = checked?.overall.kind ?? 'ok'
  const words = checked === null || kind === 'ok' ? null : say(checked.overall.sentence)
  const since = kind === 'slow' ? null : failingSince
  return (
    <span className="source-state clip" title={words ?? undefined}>
      <strong>{t(word)}</strong>
      {words !== null && <> · {since === null ? words : <Since at={since} />}</>}
    </span>
  )
}

interface ProblemStateProps {
  tone: RowProblem['tone']
  words: string
  button: WordKey
  onClick: () => void
}

function ProblemState({ tone, words, button, onClick }: ProblemStateProps) {
  const { t } = useWords()
  return (
    <>
      <span className="source-state clip" data-tone={tone} title={words}>
        {words}
      </span>
      <Button size="compact-xs" variant="default" className="source-action" onClick={onClick}>
        {t(button)}
      </Button>
    </>
  )
}

/** Shows the remaining amount, and the file in transfer. */
function SendingState({ source: { rate, left }, transfer, toGo }: CardProps) {
  const { t, format } = useWords()
  const parts = [
    ...(toGo > 0 ? [t('window.toGo', { size: format.bytes(toGo) })] : []),
    ...(left === null ? [] : [t('window.about', { duration: format.roughDuration(left) })]),
    ...(rate > 0 ? [format.rate(rate)] : []),
    ...(transfer === null ? [] : [transfer.path]),
  ]
  return (
    <span className="source-state clip figures" title={transfer?.path}>
      {parts.join(' · ')}
    </span>
  )
}

/** Shows the disk or an unusual phase, open files or batches, the age of the newest file, and the size. */
function UsualState({ source, word, failure }: CardProps) {
  const { t, format } = useWords()
  const { scanned, totals, lastFile } = source
  const phase = getPhaseWord(source)
  const isUsual = phase === 'window.phase.watching' || phase === 'window.phase.polling'
  return (
    <span className="source-state counts">
      {/* A destination fails, as its chip shows. */}
      {(failure === null || !isUsual) && <span>{t(isUsual ? word : phase)}</span>}
      {scanned?.open != null && <OpenFiles {...scanned.open} />}
      {summariseBatches(scanned?.batches ?? []).map((part) =>
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
      {lastFile !== null && (
        <span title={lastFile.path}>
          {t('window.lastFile.label')} <Ago at={lastFile.at} isRough />
        </span>
      )}
      {totals.sentBytes > 0 && <span>{format.bytes(totals.sentBytes)}</span>}
    </span>
  )
}

/** Shows files that programs have open: they are sent after they are closed. */
function OpenFiles({ files, since, path }: { files: number; since: number; path: string }) {
  const { t } = useWords()
  const words = t('window.source.writing', { count: files, since, path })
  return <span title={words}>{words}</span>
}

/** Shows a destination; one that cannot be sent to at present with its failure. */
function DestinationChip({ chip: { name, failure, level } }: { chip: Chip }) {
  const { t } = useWords()
  if (failure === null) {
    return (
      <span className="chip clip" title={t('window.destination.to', { name })}>
        {name}
      </span>
    )
  }
  return (
    <span className="chip" data-level={level} title={t('window.destination.troubled', { name: failure })}>
      <HealthMark level={level} />
      <span className="clip">{failure}</span>
    </span>
  )
}
