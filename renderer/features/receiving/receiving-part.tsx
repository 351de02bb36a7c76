import { Button, Group, Loader, Switch } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { AddButton } from '../../ui/add-button.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { IconPencil } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import { InviteForm } from './invite-form.tsx'
import { ReceiveForm } from './receive-form.tsx'
import { SenderList } from './sender-list.tsx'

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
  const { run } = useCommands()
  const [opened, setOpened] = useState<'on' | 'off' | 'edit' | 'invite' | null>(null)
  // Remembers the settings, so that disabling and enabling again requires no retyping.
  const [last, setLast] = useState(receive)
  if (receive !== null && receive !== last) setLast(receive)
  const close = () => setOpened(null)
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
          <Running receiving={receiving} quotaBytes={receive.quotaBytes} />
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
      <FormDialog
        opened={opened === 'on' || opened === 'edit'}
        title={t('window.receiving.title')}
        onClose={close}
      >
        <ReceiveForm
          before={last}
          isOn={receiving !== null}
          onDone={close}
          onStarted={() => setOpened('invite')}
        />
      </FormDialog>
      <FormDialog opened={opened === 'invite'} title={t('window.receiving.invite')} onClose={close}>
        <FirstInvite receiving={receiving} />
        <Group justify="flex-end" mt="sm">
          <Button onClick={close}>{t('window.close')}</Button>
        </Group>
      </FormDialog>
      <Confirm
        opened={opened === 'off'}
        title={t('window.receiving.offTitle')}
        consequences={[t('window.receiving.offEffect', { path: receiving?.directory ?? '' })]}
        action={t('window.receiving.offAction')}
        dangerous
        onClose={close}
        onConfirm={() => run('setReceiving', { receive: null }, 'window.receiving.isOff')}
      />
    </section>
  )
}

/** Shows the pairing code once the receiver runs, which it may have begun just now. */
function FirstInvite({ receiving }: { receiving: Receiving | null }) {
  const { say } = useWords()
  if (receiving?.isRunning === true) return <InviteForm replaces={null} />
  if (receiving == null || receiving.problem === null) return <Loader size="sm" />
  return <p className="card-problem breakable">{say(receiving.problem)}</p>
}

function Running({
  receiving: { directory, port, isRunning, problem },
  quotaBytes,
}: {
  receiving: Receiving
  /** Quota of each sender; null for no limit. */
  quotaBytes: number | null
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
      {problem !== null && <p className="card-problem breakable">{say(problem)}</p>}
    </>
  )
}
