import { Button, Group, Loader } from '@mantine/core'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import type { Receive } from './draft.ts'
import { InviteForm } from './invite-form.tsx'
import { ReceiveForm } from './receive-form.tsx'

type Receiving = NonNullable<AppState['receiving']>

export type ReceivingDialog = 'on' | 'off' | 'edit' | 'invite'

interface ReceivingDialogsProps {
  /** null if receiving is disabled. */
  receiving: Receiving | null
  /** The last settings; null: none yet. */
  last: Receive | null
  opened: ReceivingDialog | null
  setOpened: (opened: ReceivingDialog | null) => void
}

/** The dialogs that start, change and stop receiving, and invite a sender. */
export default function ReceivingDialogs({ receiving, last, opened, setOpened }: ReceivingDialogsProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const close = () => setOpened(null)
  return (
    <>
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
    </>
  )
}

/** Shows the pairing code once the receiver runs, which it may have begun just now. */
function FirstInvite({ receiving }: { receiving: Receiving | null }) {
  const { say } = useWords()
  if (receiving?.isRunning === true) return <InviteForm replaces={null} />
  if (receiving == null || receiving.problem === null) return <Loader size="sm" />
  return <p className="card-problem breakable">{say(receiving.problem)}</p>
}
