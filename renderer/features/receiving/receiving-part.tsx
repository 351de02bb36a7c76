import { Button, Group, Switch } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { RECEIVER } from '../../../core/agent/state/derived.ts'
import type { AppState, ThingFailure } from '../../../core/agent/state/schema.ts'
import { AddButton } from '../../ui/add-button.tsx'
import { IconPencil } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'
import { problemClass } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import type { ReceivingDialog } from './receiving-dialogs.tsx'
import { SenderList } from './sender-list.tsx'

/** Loaded on demand: the stations are shown first. */
const ReceivingDialogs = lazy(() => import('./receiving-dialogs.tsx'))

type Receiving = NonNullable<AppState['receiving']>

/** Enables receiving from other computers; shows the folder and the senders. */
export function ReceivingPart({ state }: { state: AppState }) {
  const { receiving } = state
  const { receive } = state.settings
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
          <Running
            receiving={receiving}
            failure={state.failures[RECEIVER]}
            quotaBytes={receive.quotaBytes}
            lockDays={receive.lockDays}
          />
          <SenderList senders={receiving.senders} receive={receive} state={state} />
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
  receiving: { directory, port, isRunning },
  failure,
  quotaBytes,
  lockDays,
}: {
  receiving: Receiving
  failure: ThingFailure | undefined
  /** Quota of each sender; null for no limit. */
  quotaBytes: number | null
  /** null: received files are not locked. */
  lockDays: number | null
}) {
  const { t, say, format } = useWords()
  const level = failure?.level ?? (isRunning ? 'ok' : 'unknown')
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
      {failure !== undefined && (
        <p className={problemClass(level)}>{say(failure.detail ?? failure.sentence)}</p>
      )}
    </>
  )
}
