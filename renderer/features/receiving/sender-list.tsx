import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { countConditions, orderSenders, type SenderCondition } from '../../../core/receive/senders/fleet.ts'
import { useNow } from '../../state/now.ts'
import { IconSearch } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import { SenderRow } from './sender-row.tsx'

type Sender = NonNullable<AppState['receiving']>['senders'][number]

/** Up to this many computers need no search. */
const MANY = 6
/** Rows that are drawn at first: the gravest come first, and the search finds the others. */
const FIRST_ROWS = 50

const levels: Record<SenderCondition, HealthLevel> = {
  failing: 'failing',
  away: 'attention',
  attention: 'attention',
  new: 'unknown',
  well: 'ok',
}

/** Shows all computers that send here: how many are well, then each of them, the gravest first. */
export function SenderList({
  senders,
  receive,
  incidents,
}: {
  senders: readonly Sender[]
  receive: Receive
  incidents: AppState['incidents']
}) {
  const { t } = useWords()
  const now = useNow()
  const [text, setText] = useState('')
  const [showsAll, setShowsAll] = useState(false)
  const wanted = text.trim().toLowerCase()
  const found = orderSenders(senders, now).filter(({ name, folder, sentence }) =>
    `${name}\n${folder}\n${sentence ?? ''}`.toLowerCase().includes(wanted),
  )
  const ongoing = incidents.filter(({ endedAt }) => endedAt === null)
  const failing = new Set(ongoing.flatMap((one) => Object.keys(one.failing)))
  const isSilent = ({ folder }: Sender) => failing.has(`sender:silent:${folder}`)
  const shown = showsAll ? found : found.slice(0, FIRST_ROWS)
  return (
    <>
      {senders.length > 1 && <Fleet senders={senders} hasSilent={senders.some(isSilent)} now={now} />}
      {senders.length > MANY && (
        <TextInput
          size="xs"
          type="search"
          aria-label={t('window.receiving.search')}
          placeholder={t('window.receiving.search')}
          leftSection={<IconSearch size={14} />}
          value={text}
          maxLength={200}
          spellCheck={false}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      {shown.map((sender) => (
        <SenderRow key={sender.fingerprint} sender={sender} receive={receive} isSilent={isSilent(sender)} />
      ))}
      {found.length === 0 && wanted !== '' && <p className="dimmed">{t('window.receiving.nothingFound')}</p>}
      {shown.length < found.length && (
        <div>
          <Button size="xs" variant="default" onClick={() => setShowsAll(true)}>
            {t('window.receiving.showAll', { count: found.length })}
          </Button>
        </div>
      )}
    </>
  )
}

/** Shows "48 of 50 computers are well", and how many are in each other condition. */
function Fleet({ senders, hasSilent, now }: { senders: readonly Sender[]; hasSilent: boolean; now: number }) {
  const { t } = useWords()
  const counts = countConditions(senders, now)
  const [gravest] = counts[0] ?? ['well' as const]
  const well = counts.find(([condition]) => condition === 'well')?.[1] ?? 0
  const level = hasSilent ? 'failing' : levels[gravest]
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
