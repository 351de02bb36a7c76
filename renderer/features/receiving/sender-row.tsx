import { Button, Group, Menu, Text } from '@mantine/core'
import { memo, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import {
  IconAdjustments,
  IconDeviceDesktop,
  IconPencil,
  IconSettings,
  IconTag,
  IconTrash,
} from '../../ui/icons.ts'
import { RenameDialog } from '../../ui/rename-dialog.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { DayStrip } from '../overview/day-strip.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import type { Receive } from './draft.ts'
import { InviteForm } from './invite-form.tsx'
import { LimitsForm } from './limits-form.tsx'
import { ProposeDialog, ProposedLine, sayReceived } from './propose-form.tsx'

/** LONGEST_WORD of core/protocol/limits.ts; the receiver checks it, too. */
const LONGEST_LABEL = 40

type Sender = NonNullable<AppState['receiving']>['senders'][number]

const levels: Record<NonNullable<Sender['level']>, HealthLevel> = {
  failing: 'failing',
  attention: 'attention',
  paused: 'unknown',
  working: 'ok',
  ok: 'ok',
  starting: 'unknown',
}

/** Shows a sender: when it was last seen, its last status report, and its files here. Unchanged ones are kept as drawn. */
export const SenderRow = memo(function SenderRow({
  sender,
  receive,
  isSilent,
  day,
}: {
  sender: Sender
  receive: Receive
  /** The files received in the last 24 hours (see useReceivedDays); null: unknown. */
  day: string | null
  /** It has an incident, because it was not connected for long. */
  isSilent: boolean
}) {
  const { t, say, format } = useWords()
  const { name, folder, files, bytes, level, statusAt, spaceBytes, version, waitingFiles } = sender
  const sentence = sender.sentence === null ? null : sayReceived(sender.words, sender.sentence, { say })
  return (
    <section className="destination-row" aria-label={name}>
      <div className="spread">
        <span className="card-name breakable">{name}</span>
        <SenderMenu sender={sender} receive={receive} />
      </div>
      <div className="spread">
        <Seen sender={sender} isSilent={isSilent} />
        {day !== null && <DayStrip day={day} label="window.receiving.day" />}
      </div>
      {sentence !== null && (
        <p className="row sender-status">
          <HealthMark level={level === null ? 'unknown' : levels[level]} />
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
      <ProposedLine sender={sender} />
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

function Seen({ sender: { connected, seenAt }, isSilent }: { sender: Sender; isSilent: boolean }) {
  const { t } = useWords()
  if (!isSilent && (connected || seenAt === null)) {
    const level = connected ? 'ok' : 'unknown'
    return (
      <span className="health" data-level={level}>
        <HealthMark level={level} />
        <span className="health-word">
          {t(connected ? 'window.connection.connected' : 'window.receiving.never')}
        </span>
      </span>
    )
  }
  const level = isSilent ? 'failing' : 'unknown'
  return (
    <span className="health" data-level={level}>
      <HealthMark level={level} />
      <span className="health-word">{t(isSilent ? 'kind.sender-silent' : 'window.receiving.seen')}</span>
      <span className="dimmed">{seenAt === null ? t('window.receiving.never') : <Ago at={seenAt} />}</span>
    </span>
  )
}

type Opened = 'rename' | 'label' | 'limits' | 'propose' | 'replace' | 'revoke' | null

function SenderMenu({ sender, receive }: { sender: Sender; receive: Receive }) {
  const { fingerprint, name, folder, label } = sender
  const { t } = useWords()
  const { ask, run } = useCommands()
  const [opened, setOpened] = useState<Opened>(null)
  const close = () => setOpened(null)
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
