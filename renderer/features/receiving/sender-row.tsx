import { Menu } from '@mantine/core'
import { lazy, memo, Suspense, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { SenderCondition } from '../../../core/receive/senders/fleet.ts'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import {
  IconAdjustments,
  IconDeviceDesktop,
  IconPencil,
  IconSettings,
  IconTag,
  IconTrash,
} from '../../ui/icons.ts'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
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

export const senderLevels: Record<SenderCondition, HealthLevel> = {
  failing: 'failing',
  away: 'failing',
  attention: 'attention',
  new: 'unknown',
  well: 'ok',
}

/** The mark of a sender's row. A sender that is away for a while, and is not silent yet, has none of its own. */
function getLevel({ connected }: Sender, condition: SenderCondition): HealthLevel {
  const level = senderLevels[condition]
  return level === 'ok' && !connected ? 'unknown' : level
}

/** Shows a sender: when it was last seen, its last status report, and its files here. Unchanged ones are kept as drawn. */
export const SenderRow = memo(function SenderRow({
  sender,
  receive,
  condition,
  day,
}: {
  sender: Sender
  receive: Receive
  /** The files received in the last 24 hours (see useReceivedDays); null: unknown. */
  day: string | null
  condition: SenderCondition
}) {
  const { t, say, format } = useWords()
  const { name, folder, files, bytes, statusAt, spaceBytes, version, waitingFiles } = sender
  const { fingerprint, proposal, takesProposals } = sender
  const sentence =
    sender.sentence === null ? null : renderReceived({ ...sender, sentence: sender.sentence }, say)
  return (
    <section className="destination-row" aria-label={name}>
      <div className="spread">
        <span className="card-name breakable">{name}</span>
        <SenderMenu sender={sender} receive={receive} />
      </div>
      <div className="spread">
        <Seen sender={sender} condition={condition} />
        {day !== null && <DayStrip day={day} label="window.receiving.day" />}
      </div>
      {sentence !== null && (
        <p className="row sender-status">
          <span className="row-words">
            <span className="breakable selectable">{sentence}</span>
            {statusAt !== null && (
              <span className="dimmed">
                <Ago at={statusAt} />
              </span>
            )}
          </span>
        </p>
      )}
      <span className="dimmed figures-line breakable">
        {t('window.receiving.files', { count: files })} · {format.bytes(bytes)} ·{' '}
        {t('window.receiving.folder', { folder })}
        {spaceBytes !== null && ` · ${t('window.receiving.space', { size: format.bytes(spaceBytes) })}`}
      </span>
      {version !== null && (
        <span className="dimmed figures-line breakable">
          <Waiting files={waitingFiles ?? 0} oldestAt={sender.oldestWaitingAt} />
          {t('window.receiving.version', { version })}
        </span>
      )}
      {proposal !== null && (
        <Suspense fallback={null}>
          <ProposedLine proposal={proposal} fingerprint={fingerprint} />
        </Suspense>
      )}
      {takesProposals === false && <p className="dimmed">{t('window.propose.takesNone')}</p>}
    </section>
  )
})

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

/** Shows the condition, and when the sender was last connected. */
function Seen({ sender, condition }: { sender: Sender; condition: SenderCondition }) {
  const { t } = useWords()
  const { connected, seenAt } = sender
  const level = getLevel(sender, condition)
  return (
    <span className="health" data-level={level}>
      <HealthMark level={level} />
      <span className="health-word">{t(getWord(sender, condition))}</span>
      {!connected && condition !== 'new' && (
        <span className="dimmed">{seenAt === null ? t('window.receiving.never') : <Ago at={seenAt} />}</span>
      )}
    </span>
  )
}

function getWord({ connected }: Sender, condition: SenderCondition): WordKey {
  if (condition === 'away') return 'kind.sender-silent'
  if (condition === 'failing') return 'kind.sender-failing'
  if (condition === 'new') return 'window.receiving.never'
  return connected ? 'window.connection.connected' : 'window.receiving.seen'
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
