import { Button, Group, Switch } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { AddButton } from '../../ui/add-button.tsx'
import { IconPencil } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import type { ReceivingDialog } from './receiving-dialogs.tsx'
import { SenderList } from './sender-list.tsx'

/** Loaded on demand: the stations are shown first. */
const ReceivingDialogs = lazy(() => import('./receiving-dialogs.tsx'))

type Receiving = NonNullable<AppState['receiving']>

interface ReceivingPartProps {
  /** null if receiving is disabled. */
  receiving: Receiving | null
  /** The settings; null if receiving is disabled. */
  receive: Receive | null
  incidents: AppState['incidents']
}

/** Enables receiving from other computers; shows the folder and the senders. */
export function ReceivingPart({ receiving, receive, incidents }: ReceivingPartProps) {
  const { t } = useWords()
  const [opened, setOpened] = useState<ReceivingDialog | null>(null)
  const [hasOpened, setHasOpened] = useState(false)
  if (opened !== null && !hasOpened) setHasOpened(true)
  // Remembers the settings, so that disabling and enabling again requires no retyping.
  const [last, setLast] = useState(receive)
  if (receive !== null && receive !== last) setLast(receive)
  return (
    <section className="card rows" aria-label={t('window.receiving.title')}>
      <Switch
        label={t('window.receiving.title')}
        description={t('window.receiving.hint')}
        checked={receiving !== null}
        onChange={() => setOpened(receiving === null ? 'on' : 'off')}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      {receiving !== null && receive !== null && (
        <>
          <Running receiving={receiving} quotaBytes={receive.quotaBytes} lockDays={receive.lockDays} />
          <SenderList senders={receiving.senders} receive={receive} incidents={incidents} />
          <Group gap="xs">
            <AddButton
              label="window.receiving.invite"
              disabled={!receiving.isRunning}
              onClick={() => setOpened('invite')}
            />
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPencil size={15} />}
              onClick={() => setOpened('edit')}
            >
              {t('window.receiving.edit')}
            </Button>
          </Group>
        </>
      )}
      {hasOpened && (
        <Suspense fallback={null}>
          <ReceivingDialogs receiving={receiving} last={last} opened={opened} setOpened={setOpened} />
        </Suspense>
      )}
    </section>
  )
}

function Running({
  receiving: { directory, port, isRunning, problem },
  quotaBytes,
  lockDays,
}: {
  receiving: Receiving
  /** Quota of each sender; null for no limit. */
  quotaBytes: number | null
  /** null: received files are not locked. */
  lockDays: number | null
}) {
  const { t, say, format } = useWords()
  const level = isRunning ? 'ok' : problem === null ? 'unknown' : 'failing'
  return (
    <>
      <PathText path={directory} />
      <span className="health receiving-health" data-level={level}>
        <HealthMark level={level} />
        <span className="health-word">
          {t(isRunning ? 'window.receiving.listens' : 'window.receiving.isStarting', { port })}
        </span>
        <span className="dimmed">
          {quotaBytes !== null && t('window.receiving.quotaIs', { size: format.bytes(quotaBytes) })}
        </span>
      </span>
      {lockDays !== null && <p className="dimmed">{t('window.receiving.locked', { count: lockDays })}</p>}
      {problem !== null && <p className="card-problem breakable">{say(problem)}</p>}
    </>
  )
}
