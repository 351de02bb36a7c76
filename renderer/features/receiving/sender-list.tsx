import { Button, Menu, NativeSelect, UnstyledButton } from '@mantine/core'
import { lazy, Suspense, useDeferredValue, useState } from 'react'
import { judgeSenders } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import {
  countConditions,
  getSenderCondition,
  groupSenders,
  type Judging,
  orderSenders,
  type SenderCondition,
  type SenderOrder,
  senderOrders,
} from '../../../core/receive/senders/fleet.ts'
import { useKeptText } from '../../state/kept-text.ts'
import { useNow } from '../../state/now.ts'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { AddButton } from '../../ui/add-button.tsx'
import { IconAdjustments, IconChevronDown, IconChevronRight } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import { conditionLevels, SenderRow } from './sender-row.tsx'

/** Loaded on demand: their forms include schemas. */
const ProposeDialog = lazy(() => import('./propose-form.tsx'))
const ReceivingDialogs = lazy(() => import('./receiving-dialogs.tsx'))

type Receiving = NonNullable<AppState['receiving']>

/** Up to this many stations need no search. */
const MANY = 10
/** Rows that are shown unless all are requested: the gravest come first, and the search finds the others. */
const FIRST_ROWS = 50
/** Rows that fill a window: they are drawn at once, the others when the browser has time. */
const ROWS_AT_ONCE = 10

interface StationsPartProps {
  state: AppState
  receiving: Receiving
  receive: Receive
}

/** Returns "5 stations · 1 fails", the gravest condition first. */
export const describeStations = (
  counts: readonly (readonly [SenderCondition, number])[],
  t: Words['t'],
): string =>
  [
    t('window.receiving.stations', { count: counts.reduce((sum, [, some]) => sum + some, 0) }),
    ...counts.flatMap(([condition, count]) =>
      condition === 'well' ? [] : [t(`window.receiving.are.${condition}`, { count })],
    ),
  ].join(' · ')

/** Shows all stations, a line each, the gravest first, in groups by their labels; adds stations. */
export function StationsPart({ state, receiving, receive }: StationsPartProps) {
  const { senders, isRunning } = receiving
  const { t } = useWords()
  const judging = judgeSenders(state, useNow())
  const [text, setText] = useState('')
  const [folded, setFolded] = useKeptText('folded-stations')
  const [showsAll, setShowsAll] = useState(false)
  const [order, setOrder] = useState<SenderOrder>('condition')
  const [inviting, setInviting] = useState<boolean | null>(null)
  const wanted = text.trim().toLowerCase()
  const found = orderSenders(senders, judging, order).filter(({ name, folder, label, sentence }) =>
    `${name}\n${folder}\n${label}\n${sentence ?? ''}`.toLowerCase().includes(wanted),
  )
  const hasLabels = senders.some(({ label }) => label !== '')
  const foldedLabels = folded.split('\n')
  const isFolded = (label: string) => hasLabels && wanted === '' && foldedLabels.includes(`=${label}`)
  const toggle = (label: string) =>
    setFolded(
      (isFolded(label)
        ? foldedLabels.filter((one) => one !== `=${label}`)
        : [...foldedLabels, `=${label}`]
      ).join('\n'),
    )
  const unfolded = found.filter(({ label }) => !isFolded(label))
  const wantedRows = showsAll ? unfolded.length : FIRST_ROWS
  const shown = new Set(unfolded.slice(0, useDeferredValue(wantedRows, ROWS_AT_ONCE)))
  const counts = countConditions(senders, judging)
  const title = describeStations(counts, t)
  return (
    <section className="card sources" aria-label={t('settings.stations')} tabIndex={-1}>
      <h2 className="sources-summary clip" title={title}>
        {title}
      </h2>
      {senders.length > MANY && (
        <div className="source-search">
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
      <RovingList className="source-rows" entry=".thing">
        {/* In one list: a station that gets a label keeps its state. */}
        {groupSenders(found).flatMap(([label, group]) => [
          hasLabels && (
            <Group
              key={`=${label}`}
              label={label}
              senders={senders.filter((one) => one.label === label)}
              judging={judging}
              isFolded={isFolded(label)}
              onFold={() => toggle(label)}
            />
          ),
          ...group
            .filter((sender) => shown.has(sender))
            .map((sender) => (
              <SenderRow
                key={sender.fingerprint}
                sender={sender}
                receive={receive}
                condition={getSenderCondition(sender, judging)}
                showsWaiting={order === 'waiting'}
              />
            )),
        ])}
      </RovingList>
      {found.length === 0 && wanted !== '' && <p className="dimmed">{t('window.receiving.nothingFound')}</p>}
      <div className="add stations-foot">
        <AddButton label="window.receiving.invite" disabled={!isRunning} onClick={() => setInviting(true)} />
        {!showsAll && unfolded.length > FIRST_ROWS && (
          <Button size="xs" variant="default" onClick={() => setShowsAll(true)}>
            {t('window.receiving.showAll', { count: unfolded.length })}
          </Button>
        )}
      </div>
      {inviting !== null && (
        <Suspense fallback={null}>
          <ReceivingDialogs
            receiving={receiving}
            last={receive}
            opened={inviting ? 'invite' : null}
            setOpened={() => setInviting(false)}
          />
        </Suspense>
      )}
    </section>
  )
}

interface GroupProps {
  label: string
  /** All of the group, found or not. */
  senders: Receiving['senders']
  judging: Judging
  isFolded: boolean
  onFold: () => void
}

/** Shows the label of a group and its counts, with the mark of its gravest station; folds it. */
function Group({ label, senders, judging, isFolded, onFold }: GroupProps) {
  const { t } = useWords()
  const [proposing, setProposing] = useState<boolean | null>(null)
  const counts = countConditions(senders, judging)
  const name = label === '' ? t('window.receiving.noLabel') : label
  const words = describeStations(counts, t)
  return (
    <div className="thing thing-group">
      <h3>
        <UnstyledButton className="thing-open" aria-expanded={!isFolded} onClick={onFold}>
          <HealthMark level={conditionLevels[counts[0]?.[0] ?? 'well']} />
          <span className="thing-name clip" title={name}>
            {name}
          </span>
          <span className="thing-clause clip" title={words}>
            {words}
          </span>
          {isFolded ? <IconChevronRight size={15} /> : <IconChevronDown size={15} />}
        </UnstyledButton>
      </h3>
      <ActionsMenu name={name}>
        <Menu.Item leftSection={<IconAdjustments size={16} />} onClick={() => setProposing(true)}>
          {t('window.propose.menu')}
        </Menu.Item>
      </ActionsMenu>
      {proposing !== null && (
        <Suspense fallback={null}>
          <ProposeDialog
            name={name}
            senders={senders}
            opened={proposing}
            onClose={() => setProposing(false)}
          />
        </Suspense>
      )}
    </div>
  )
}
