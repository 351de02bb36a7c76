import { Button, Group, Switch } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { judgeSenders, RECEIVER } from '../../../core/agent/state/derived.ts'
import type { AppState, ThingFailure } from '../../../core/agent/state/schema.ts'
import { countConditions } from '../../../core/receive/senders/fleet.ts'
import { useOfNow } from '../../state/now.ts'
import { IconChevronRight, IconPencil } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'
import { useOpenPage } from '../frame/pages.ts'
import { problemClass } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { goTo } from '../settings/go-to.ts'
import type { ReceivingDialog } from './receiving-dialogs.tsx'
import { describeStations } from './sender-list.tsx'

/** Loaded on demand: their forms include schemas. */
const ReceivingDialogs = lazy(() => import('./receiving-dialogs.tsx'))

type Receiving = NonNullable<AppState['receiving']>

/** Enables receiving from other computers; shows the folder, and leads to the stations. */
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
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPencil size={15} />}
              onClick={() => setOpened('edit')}
            >
              {t('window.receiving.edit')}
            </Button>
            <StationsLink state={state} receiving={receiving} />
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

/** Shows how many stations there are, and how many of them fail; a press shows their list. */
function StationsLink({ state, receiving }: { state: AppState; receiving: Receiving }) {
  const { t } = useWords()
  const openPage = useOpenPage()
  const words = useOfNow((now) =>
    describeStations(countConditions(receiving.senders, judgeSenders(state, now)), t),
  )
  const show = () => {
    openPage('overview')
    void goTo([{ name: t('window.back') }, { name: t('settings.stations') }])
  }
  return (
    <Button size="xs" variant="subtle" rightSection={<IconChevronRight size={14} />} onClick={show}>
      {words}
    </Button>
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
