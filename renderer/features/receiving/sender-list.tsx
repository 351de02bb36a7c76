import { Button, NativeSelect } from '@mantine/core'
import { Fragment, lazy, Suspense, useDeferredValue, useState } from 'react'
import { judgeSenders } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import {
  countConditions,
  getSenderCondition,
  groupSenders,
  type Judging,
  orderSenders,
  type SenderOrder,
  senderOrders,
} from '../../../core/receive/senders/fleet.ts'
import { useReceivedDays } from '../../state/day.ts'
import { useNow } from '../../state/now.ts'
import { SearchField } from '../../ui/search-field.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import { SenderRow, senderLevels } from './sender-row.tsx'

/** Loaded on demand: its form includes schemas. */
const ProposeDialog = lazy(() => import('./propose-form.tsx'))

type Sender = NonNullable<AppState['receiving']>['senders'][number]

/** Up to this many computers need no search. */
const MANY = 6
/** Rows that are shown unless all are requested: the gravest come first, and the search finds the others. */
const FIRST_ROWS = 50
/** Rows that fill a window: they are drawn at once, the others when the browser has time. */
const ROWS_AT_ONCE = 10

/** Shows all computers that send here: how many are well, then each of them, the gravest first. */
export function SenderList({
  senders,
  receive,
  state,
}: {
  senders: readonly Sender[]
  receive: Receive
  state: AppState
}) {
  const { t } = useWords()
  const judging = judgeSenders(state, useNow())
  const [text, setText] = useState('')
  const [showsAll, setShowsAll] = useState(false)
  const [order, setOrder] = useState<SenderOrder>('condition')
  const days = useReceivedDays()
  const wanted = text.trim().toLowerCase()
  const found = orderSenders(senders, judging, order).filter(({ name, folder, label, sentence }) =>
    `${name}\n${folder}\n${label}\n${sentence ?? ''}`.toLowerCase().includes(wanted),
  )
  const hasLabels = senders.some(({ label }) => label !== '')
  const wantedRows = showsAll ? found.length : FIRST_ROWS
  const shown = found.slice(0, useDeferredValue(wantedRows, ROWS_AT_ONCE))
  return (
    <>
      {senders.length > 1 && <Fleet senders={senders} judging={judging} />}
      {senders.length > MANY && (
        <div className="timeline-narrow">
          <SearchField label="window.receiving.search" text={text} onText={setText} />
          <NativeSelect
            size="xs"
            aria-label={t('window.receiving.order')}
            value={order}
            onChange={({ currentTarget: { value } }) =>
              setOrder(senderOrders.find((one) => one === value) ?? 'condition')
            }
            data={senderOrders.map((value) => ({ value, label: t(`window.receiving.by.${value}`) }))}
          />
        </div>
      )}
      {groupSenders(shown).map(([label, group]) => (
        <Fragment key={label}>
          {hasLabels && <Group label={label} senders={senders} judging={judging} />}
          {group.map((sender) => (
            <SenderRow
              key={sender.fingerprint}
              sender={sender}
              receive={receive}
              condition={getSenderCondition(sender, judging)}
              day={days?.get(sender.folder) ?? null}
            />
          ))}
        </Fragment>
      ))}
      {found.length === 0 && wanted !== '' && <p className="dimmed">{t('window.receiving.nothingFound')}</p>}
      {!showsAll && found.length > FIRST_ROWS && (
        <div>
          <Button size="xs" variant="default" onClick={() => setShowsAll(true)}>
            {t('window.receiving.showAll', { count: found.length })}
          </Button>
        </div>
      )}
    </>
  )
}

/** Shows the label of a group, and how many of its computers are well. */
function Group(props: { label: string; senders: readonly Sender[]; judging: Judging }) {
  const { label, senders, judging } = props
  const { t } = useWords()
  const [proposing, setProposing] = useState(false)
  const [hasProposed, setHasProposed] = useState(false)
  if (proposing && !hasProposed) setHasProposed(true)
  const mine = senders.filter((one) => one.label === label)
  const counts = countConditions(mine, judging)
  const name = label === '' ? t('window.receiving.noLabel') : label
  const count = counts.reduce((sum, [, some]) => sum + some, 0)
  const well = counts.find(([condition]) => condition === 'well')?.[1] ?? 0
  return (
    <div className="spread">
      <h2 className="breakable">
        {name} <span className="dimmed">{t('window.receiving.someWell', { well, count })}</span>
      </h2>
      <Button size="compact-xs" variant="subtle" onClick={() => setProposing(true)}>
        {t('window.propose.menu')}
      </Button>
      {hasProposed && (
        <Suspense fallback={null}>
          <ProposeDialog name={name} senders={mine} opened={proposing} onClose={() => setProposing(false)} />
        </Suspense>
      )}
    </div>
  )
}

/** Shows "48 of 50 computers are well", and how many are in each other condition. */
function Fleet({ senders, judging }: { senders: readonly Sender[]; judging: Judging }) {
  const { t } = useWords()
  const counts = countConditions(senders, judging)
  const [gravest] = counts[0] ?? ['well' as const]
  const well = counts.find(([condition]) => condition === 'well')?.[1] ?? 0
  const level = senderLevels[gravest]
  const others = counts.filter(([condition]) => condition !== 'well')
  return (
    <p className="health" data-level={level}>
      <HealthMark level={level} />
      <span className="health-word">
        {others.length === 0
          ? t('window.receiving.allWell', { count: well })
          : t('window.receiving.someWell', { well, count: senders.length })}
      </span>
      <span className="dimmed">
        {others.map(([condition, count]) => t(`window.receiving.are.${condition}`, { count })).join(' · ')}
      </span>
    </p>
  )
}
