import { ActionIcon } from '@mantine/core'
import { memo, useState } from 'react'
import { movedLink } from '../../../core/agent/state/derived.ts'
import type { AppState, CheckedPathState, ThingFailure } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { IconChevronDown, IconChevronRight, IconX } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { RovingList } from '../../ui/roving-list.tsx'
import { useWords } from '../../words/context.tsx'
import { DelayHistory } from './delay-history.tsx'
import { useRowDisks } from './disk-part.tsx'
import { HealthLine } from './health-line.tsx'
import { LinkPart } from './link-part.tsx'

/** Shows the paths that are checked but not sent. */
export function CheckedPaths({ paths, state }: { paths: CheckedPathState[]; state: AppState }) {
  const { t } = useWords()
  const rowDisks = useRowDisks(state)
  if (paths.length === 0) return null
  return (
    <section className="card rows" aria-label={t('window.checked.title')}>
      <h2>{t('window.checked.title')}</h2>
      <RovingList className="stack-inner" entry=".row">
        {paths.map((path) => (
          <CheckedPathRow
            key={path.id}
            checkedPath={path}
            intervalSeconds={state.settings.check.intervalSeconds}
            disk={rowDisks(path.id).finding}
            disks={rowDisks(path.id).lines}
            level={state.failures[path.id]?.level}
          />
        ))}
      </RovingList>
    </section>
  )
}

const CheckedPathRow = memo(function CheckedPathRow(props: {
  checkedPath: CheckedPathState
  intervalSeconds: number
  /** The findings about its disk; null: none. */
  disk: string | null
  /** The health of each of its disks, a line each. */
  disks: string
  /** The level of its gravest failure; undefined: it is well. */
  level: ThingFailure['level'] | undefined
}) {
  const { id, path, link = null, checked } = props.checkedPath
  const { t, say } = useWords()
  const { run } = useCommands()
  const [removing, setRemoving] = useState(false)
  const [opened, setOpened] = useState(false)
  const failure = checked === null || checked.overall.kind === 'ok' ? null : say(checked.overall.sentence)
  const hasMoved = movedLink({ path, link }, checked) !== null
  return (
    <div className="row">
      <div className="row-words">
        <PathText path={path} />
        <div className="checked-line">
          <HealthLine
            checked={checked}
            intervalSeconds={props.intervalSeconds}
            hasDelay={opened}
            failing={props.level}
          />
          {failure !== null && !opened && (
            <span className="clip dimmed" title={failure}>
              {failure}
            </span>
          )}
        </div>
        {failure === null && !opened && props.disk !== null && (
          <p className="card-problem warn breakable">{props.disk}</p>
        )}
        {opened && (
          <p className="dimmed breakable selectable" style={{ whiteSpace: 'pre-line' }}>
            {props.disks}
          </p>
        )}
        {failure !== null && opened && <p className="breakable selectable">{failure}</p>}
        {(opened || hasMoved) && <LinkPart settings={{ id, path, link }} checked={checked} />}
        {opened && checked !== null && (
          <DelayHistory id={id} intervalSeconds={props.intervalSeconds} lastCheckAt={checked.at} />
        )}
      </div>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="md"
        aria-label={t('window.checked.delays', { path })}
        aria-expanded={opened}
        onClick={() => setOpened(!opened)}
      >
        {opened ? <IconChevronDown size={15} /> : <IconChevronRight size={15} />}
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="md"
        aria-label={t('window.checked.remove', { path })}
        onClick={() => setRemoving(true)}
      >
        <IconX size={15} />
      </ActionIcon>
      <Confirm
        opened={removing}
        title={t('window.checked.removeTitle')}
        consequences={[t('window.checked.removeEffect', { path })]}
        action={t('window.checked.removeAction')}
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeCheckedPath', { id }, 'window.checked.removed')}
      />
    </div>
  )
})
