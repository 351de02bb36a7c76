import { Button, Menu, Switch } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { missingSecrets } from '../../../core/alerts/channels/catalog.ts'
import { useCommands } from '../../state/commands.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { IconArrowDown, IconArrowUp, IconPencil, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import { Confirmation } from '../destinations/test-result.tsx'
import { ChannelDialog } from './channel-dialog.tsx'
import { type Channel, moveId } from './channel-draft.ts'
import { ChannelHealth, ChannelSays } from './channel-health.tsx'
import { type ChannelState, fieldWord, typeWord } from './channel-words.ts'
import { useChannelTest } from './use-channel-test.ts'

interface ChannelRowProps {
  channel: Channel
  /** undefined if not known yet. */
  now: ChannelState | undefined
  state: AppState
}

/** Shows a channel: its purpose, its state and its actions. */
export function ChannelRow({ channel, now, state }: ChannelRowProps) {
  const words = useWords()
  const { t } = words
  const { run } = useCommands()
  const [editing, setEditing] = useState(false)
  const [removing, setRemoving] = useState(false)
  const { id, name, type, enabled, options } = channel
  const ids = state.settings.alerts.channels.map((one) => one.id)
  const move = (by: -1 | 1) => run('orderChannels', { ids: moveId(ids, id, by) })
  const missing = now === undefined ? [] : missingSecrets(channel, now.secrets)
  const waiting = now?.waiting ?? 0
  const shown = now?.sentence?.params.fingerprint
  const certificate = enabled && typeof shown === 'string' && shown !== '' ? shown : null

  return (
    <Row
      id={id}
      name={name}
      about={describeChannel(channel, state, words)}
      on={enabled}
      onSwitch={(next) => run('changeChannel', { channel: { ...channel, enabled: next }, secrets: {} })}
      now={now}
      menu={
        <ActionsMenu name={name}>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setEditing(true)}>
            {t('window.channel.edit')}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconArrowUp size={16} />}
            disabled={ids[0] === id}
            onClick={() => move(-1)}
          >
            {t('window.channel.up')}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconArrowDown size={16} />}
            disabled={ids.at(-1) === id}
            onClick={() => move(1)}
          >
            {t('window.channel.down')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setRemoving(true)}>
            {t('window.channel.remove')}
          </Menu.Item>
        </ActionsMenu>
      }
    >
      {certificate !== null && (
        <Confirmation
          isChanged={(options.certificate ?? '') !== ''}
          words="certificate"
          before={options.certificate ?? ''}
          found={certificate}
          onConfirm={() =>
            run('changeChannel', {
              channel: { ...channel, options: { ...options, certificate } },
              secrets: {},
            })
          }
        />
      )}
      {missing.length > 0 && (
        <p className="card-problem">
          {t('window.channel.lostSecret', {
            fields: missing.map((field) => fieldWord(t, type, field)).join(t('window.list.separator')),
          })}
        </p>
      )}
      <ChannelDialog
        opened={editing}
        channel={channel}
        stored={now?.secrets ?? []}
        state={state}
        onClose={() => setEditing(false)}
      />
      <Confirm
        opened={removing}
        title={t('window.channel.removeTitle', { name })}
        consequences={[
          t('window.channel.removeEffect'),
          ...(waiting > 0 ? [t('window.channel.removeWaiting', { count: waiting })] : []),
        ]}
        action={t('window.channel.removeAction')}
        dangerous
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeChannel', { id }, 'window.channel.removed')}
      />
    </Row>
  )
}

/** Shows the desktop's notifications: always present and first, with a switch as the only action. */
export function NativeRow({ id, on, now }: { id: string; on: boolean; now: ChannelState | undefined }) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <Row
      id={id}
      name={t('setting.notifications')}
      about={t('setting.notifications.hint')}
      on={on}
      onSwitch={(notifications) => run('changeSettings', { notifications })}
      now={now}
      menu={null}
    />
  )
}

/** Describes a channel's type, and its severity, sources and standby where they restrict it. */
function describeChannel(
  { type, severity, sources, standby }: Channel,
  { settings }: AppState,
  words: Words,
): string {
  const { t } = words
  const names = settings.sources.filter(({ id }) => sources?.includes(id)).map(({ name }) => name)
  return [
    typeWord(t, type),
    ...(severity === 'critical' ? [t('window.channel.onlyCritical')] : []),
    ...(sources === null
      ? []
      : [names.length === 0 ? t('window.channel.noSource') : namesInLine(names, words)]),
    ...(standby ? [t('window.channel.isStandby')] : []),
  ].join(' · ')
}

interface RowProps {
  id: string
  name: string
  about: string
  on: boolean
  onSwitch: (on: boolean) => void
  now: ChannelState | undefined
  menu: ReactNode
  children?: ReactNode
}

function Row({ id, name, about, on, onSwitch, now, menu, children }: RowProps) {
  const { t } = useWords()
  const { send, isSending, tested } = useChannelTest(id)
  return (
    <section className="channel-row" aria-label={name}>
      <div className="spread">
        <span className="channel-name breakable">{name}</span>
        <span className="channel-controls">
          <Switch
            size="sm"
            aria-label={t('window.channel.use', { name })}
            checked={on}
            onChange={(event) => onSwitch(event.currentTarget.checked)}
          />
          {menu}
        </span>
      </div>
      <p className="dimmed breakable">{about}</p>
      <div className="channel-line">
        <ChannelHealth now={now} on={on} />
        <Button size="compact-xs" variant="default" disabled={!on} loading={isSending} onClick={send}>
          {t('window.channel.test')}
        </Button>
      </div>
      <ChannelSays now={now} on={on} tested={tested} />
      {children}
    </section>
  )
}
