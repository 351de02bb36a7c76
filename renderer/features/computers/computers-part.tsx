import { Menu, UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import type { ComputerState } from '../../../core/agent/state/schema.ts'
import { senderConditions } from '../../../core/receive/senders/fleet.ts'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { IconTrash } from '../../ui/icons.ts'
import { Since } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { describeStations } from '../receiving/sender-list.tsx'

const levels: Record<NonNullable<ComputerState['status']>['level'], HealthLevel> = {
  failing: 'failing',
  attention: 'attention',
  paused: 'unknown',
  working: 'ok',
  partial: 'attention',
  ok: 'ok',
  starting: 'unknown',
}
/** The worst first. */
const ORDER: readonly HealthLevel[] = ['failing', 'attention', 'unknown', 'ok']

/** Returns the level and the sentence of a computer: its own, or why there is no connection to it. */
function describeComputer({ connection, status }: ComputerState) {
  if (connection.state === 'connected' && status !== null)
    return { level: levels[status.level], sentence: status.sentence }
  const level: HealthLevel = connection.problem === null ? 'unknown' : 'attention'
  return { level, sentence: connection.problem }
}

/** Shows the other computers that are watched, the worst first. */
export function ComputersPart({ computers }: { computers: readonly ComputerState[] }) {
  const { t } = useWords()
  if (computers.length === 0) return null
  const rank = (computer: ComputerState) => ORDER.indexOf(describeComputer(computer).level)
  const sorted = [...computers].sort((a, b) => rank(a) - rank(b))
  return (
    <section className="card rows" aria-label={t('window.computers.title')}>
      <h2>{t('window.computers.title')}</h2>
      {sorted.map((computer) => (
        <ComputerRow key={computer.id} computer={computer} />
      ))}
    </section>
  )
}

function ComputerRow({ computer }: { computer: ComputerState }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  const [removing, setRemoving] = useState(false)
  const { id, name, connection, status } = computer
  const { level, sentence } = describeComputer(computer)
  const isConnected = connection.state === 'connected'
  return (
    <section className="destination-row" aria-label={name}>
      <div className="spread">
        <OpenLink computer={computer} />
        <ActionsMenu name={name}>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setRemoving(true)}>
            {t('window.computers.remove')}
          </Menu.Item>
        </ActionsMenu>
      </div>
      <p className="row sender-status">
        <HealthMark level={level} />
        <span className="row-words">
          <span className="breakable selectable">
            {sentence === null ? t('window.connection.connecting') : say(sentence)}
          </span>
          {!isConnected && (
            <span className="dimmed">
              <Since at={connection.since} />
            </span>
          )}
        </span>
      </p>
      {isConnected && status?.senders != null && <Senders counts={status.senders} />}
      <Confirm
        opened={removing}
        title={t('window.computers.removeTitle', { name })}
        consequences={[t('window.computers.removeEffect')]}
        action={t('window.computers.removeAction')}
        dangerous
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeComputer', { id }, 'window.computers.removed')}
      />
    </section>
  )
}

/** Opens the computer's own window: signed in on a desktop; in a browser its page in another tab. */
function OpenLink({ computer: { id, name, address } }: { computer: ComputerState }) {
  const { t } = useWords()
  const { run } = useCommands()
  const isPage = useIsPage()
  const shown = { className: 'card-name opens breakable', title: t('window.computers.open'), children: name }
  return isPage ? (
    <UnstyledButton {...shown} component="a" href={address} target="_blank" rel="noopener noreferrer" />
  ) : (
    <UnstyledButton {...shown} onClick={() => run('openComputer', { id })} />
  )
}

function Senders({ counts }: { counts: NonNullable<NonNullable<ComputerState['status']>['senders']> }) {
  const { t } = useWords()
  const known = senderConditions.map((condition) => [condition, counts[condition] ?? 0] as const)
  const some = known.filter(([, count]) => count > 0)
  if (some.length === 0) return null
  return <span className="dimmed figures-line">{describeStations(some, t)}</span>
}
