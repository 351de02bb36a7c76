import { Button, Group, Text } from '@mantine/core'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { RenameDialog } from '../../ui/rename-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import type { Receive } from './draft.ts'
import { InviteForm } from './invite-form.tsx'
import { LimitsForm } from './limits-form.tsx'
import ProposeDialog from './propose-form.tsx'

/** LONGEST_WORD of core/protocol/limits.ts; the receiver checks it, too. */
const LONGEST_LABEL = 40

export type SenderDialog = 'rename' | 'label' | 'limits' | 'propose' | 'replace' | 'revoke'

interface SenderDialogsProps {
  sender: NonNullable<AppState['receiving']>['senders'][number]
  receive: Receive
  opened: SenderDialog | null
  onClose: () => void
}

/** The dialogs of the actions on a sender. */
export default function SenderDialogs({ sender, receive, opened, onClose: close }: SenderDialogsProps) {
  const { fingerprint, name, folder, label } = sender
  const { t } = useWords()
  const { ask, run } = useCommands()
  return (
    <>
      <RenameDialog
        before={name}
        rename={(wanted) => ask('renameSender', { fingerprint, name: wanted })}
        done="window.receiving.renamed"
        opened={opened === 'rename'}
        onClose={close}
      />
      <RenameDialog
        before={label}
        rename={(wanted) => ask('labelSender', { fingerprint, label: wanted })}
        done="window.receiving.changed"
        other={{
          title: t('window.receiving.labelTitle', { name }),
          label: 'window.receiving.labelField',
          longest: LONGEST_LABEL,
        }}
        opened={opened === 'label'}
        onClose={close}
      />
      <FormDialog
        opened={opened === 'limits'}
        title={t('window.receiving.limitsTitle', { name })}
        onClose={close}
      >
        <LimitsForm folder={folder} receive={receive} onDone={close} />
      </FormDialog>
      <ProposeDialog name={name} senders={[sender]} opened={opened === 'propose'} onClose={close} />
      <FormDialog
        opened={opened === 'replace'}
        title={t('window.receiving.replaceTitle', { name })}
        onClose={close}
      >
        <Text size="sm" mb="sm" className="breakable">
          {t('window.receiving.replaceEffect', { name, folder })}
        </Text>
        <InviteForm replaces={fingerprint} />
        <Group justify="flex-end" mt="sm">
          <Button onClick={close}>{t('window.close')}</Button>
        </Group>
      </FormDialog>
      <Confirm
        opened={opened === 'revoke'}
        title={t('window.receiving.revokeTitle', { name })}
        consequences={[t('window.receiving.revokeEffect', { name, folder })]}
        action={t('window.receiving.revokeAction')}
        dangerous
        onClose={close}
        onConfirm={() => run('revokeSender', { fingerprint }, 'window.receiving.revoked')}
      />
    </>
  )
}
