import { Menu } from '@mantine/core'
import { lazy, memo, Suspense, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { lastContact, type SenderCondition } from '../../../core/receive/senders/fleet.ts'
import { useReceivedDays } from '../../state/day.ts'
import { useOfNow } from '../../state/now.ts'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import {
  IconAdjustments,
  IconDeviceDesktop,
  IconPencil,
  IconSettings,
  IconTag,
  IconTrash,
} from '../../ui/icons.ts'
import { ThingRow } from '../../ui/thing-row.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { renderReceived } from '../../words/dictionaries.ts'
import { DayStrip } from '../overview/day-strip.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import type { SenderDialog } from './sender-dialogs.tsx'

// Loaded on demand: forms include schemas, and few rows need them.
const SenderDialogs = lazy(() => import('./sender-dialogs.tsx'))
const ProposedLine = lazy(() => import('./proposed-line.tsx'))

type Sender = NonNullable<AppState['receiving']>['senders'][number]

export const conditionLevels: Record<SenderCondition, HealthLevel> = {
  failing: 'failing',
  away: 'failing',
  attention: 'attention',
  new: 'unknown',
  well: 'ok',
}

interface SenderRowProps {
  sender: Sender
  receive: Receive
  condition: SenderCondition
  /** The figure is the files that wait there; else the space used here. */
  showsWaiting: boolean
}

/** Shows a station in a line; unchanged ones are kept as drawn. */
export const SenderRow = memo(function SenderRow(props: SenderRowProps) {
  const { sender, receive, condition, showsWaiting } = props
  const { name, files, bytes, connected } = sender
  const words = useWords()
  const { t, format } = words
  const clause = useOfNow((now) => describeSender(sender, condition, now, words))
  const level = conditionLevels[condition]
  const received = t('window.receiving.files', { count: files })
  const waiting = t('window.count.waiting', { count: sender.waitingFiles ?? 0 })
  return (
    <ThingRow
      name={name}
      // A station that is away for a while, and is not silent yet, has no state of its own.
      mark={<HealthMark level={level === 'ok' && !connected ? 'unknown' : level} />}
      level={level}
      clause={clause}
      clauseTitle={clause}
      figure={showsWaiting ? waiting : format.bytes(bytes)}
      figureTitle={`${received} · ${waiting}`}
      menu={<SenderMenu sender={sender} receive={receive} />}
    >
      <SenderDetails sender={sender} />
    </ThingRow>
  )
})

/** Returns what is wrong with a station; else its last report, or when it was last connected. */
function describeSender(
  sender: Sender,
  condition: SenderCondition,
  now: number,
  { t, say, format }: Words,
): string {
  const { connected, seenAt, sentence } = sender
  if (condition === 'away')
    return t('window.receiving.silent', { moment: format.moment(lastContact(sender), now) })
  if (condition === 'new') return t('window.receiving.never')
  if (condition === 'well' && !connected) {
    const duration = format.roughDuration(now - (seenAt ?? now))
    return `${t('window.receiving.seen')} ${t('window.time.ago', { duration })}`
  }
  if (sentence === null) return t('window.connection.connected')
  return renderReceived({ ...sender, sentence }, say)
}

/** Shows the last report of a station, its files here and there, and the proposed settings. */
export function SenderDetails({ sender }: { sender: Sender }) {
  const { t, say, format } = useWords()
  const { folder, files, bytes, connected, seenAt, sentence, statusAt, spaceBytes } = sender
  const { fingerprint, proposal, takesProposals, version, waitingFiles } = sender
  const day = useReceivedDays()?.get(folder)
  return (
    <>
      {sentence !== null && (
        <p className="breakable selectable">
          {renderReceived({ ...sender, sentence }, say)}{' '}
          {statusAt !== null && (
            <span className="dimmed">
              <Ago at={statusAt} />
            </span>
          )}
        </p>
      )}
      {!connected && seenAt !== null && (
        <p className="dimmed">
          {t('window.receiving.seen')} <Ago at={seenAt} />
        </p>
      )}
      <p className="dimmed figures-line breakable">
        {t('window.receiving.files', { count: files })} · {format.bytes(bytes)} ·{' '}
        {t('window.receiving.folder', { folder })}
        {spaceBytes !== null && ` · ${t('window.receiving.space', { size: format.bytes(spaceBytes) })}`}
      </p>
      {version !== null && (
        <p className="dimmed figures-line breakable">
          <Waiting files={waitingFiles ?? 0} oldestAt={sender.oldestWaitingAt} />
          {t('window.receiving.version', { version })}
        </p>
      )}
      {day !== undefined && <DayStrip day={day} label="window.receiving.day" />}
      {proposal !== null && (
        <Suspense fallback={null}>
          <ProposedLine proposal={proposal} fingerprint={fingerprint} />
        </Suspense>
      )}
      {takesProposals === false && <p className="dimmed">{t('window.propose.takesNone')}</p>}
    </>
  )
}

/** Shows how many files wait at a sender, and when the oldest changed. */
function Waiting({ files, oldestAt }: { files: number; oldestAt: number | null }) {
  const { t } = useWords()
  if (files === 0) return null
  return (
    <>
      {t('window.receiving.waiting', { count: files })}
      {oldestAt !== null && (
        <>
          {t('window.receiving.oldest')} <Ago at={oldestAt} isRough />
        </>
      )}
      {' · '}
    </>
  )
}

function SenderMenu({ sender, receive }: { sender: Sender; receive: Receive }) {
  const { name } = sender
  const { t } = useWords()
  const [opened, setOpened] = useState<SenderDialog | null>(null)
  const [hasOpened, setHasOpened] = useState(false)
  if (opened !== null && !hasOpened) setHasOpened(true)
  return (
    <>
      <ActionsMenu name={name}>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setOpened('rename')}>
          {t('window.destination.rename')}
        </Menu.Item>
        <Menu.Item leftSection={<IconTag size={16} />} onClick={() => setOpened('label')}>
          {t('window.receiving.label')}
        </Menu.Item>
        <Menu.Item leftSection={<IconSettings size={16} />} onClick={() => setOpened('limits')}>
          {t('window.receiving.limits')}
        </Menu.Item>
        <Menu.Item leftSection={<IconAdjustments size={16} />} onClick={() => setOpened('propose')}>
          {t('window.propose.menu')}
        </Menu.Item>
        <Menu.Item leftSection={<IconDeviceDesktop size={16} />} onClick={() => setOpened('replace')}>
          {t('window.receiving.replace')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setOpened('revoke')}>
          {t('window.receiving.revoke')}
        </Menu.Item>
      </ActionsMenu>
      {hasOpened && (
        <Suspense fallback={null}>
          <SenderDialogs sender={sender} receive={receive} opened={opened} onClose={() => setOpened(null)} />
        </Suspense>
      )}
    </>
  )
}
