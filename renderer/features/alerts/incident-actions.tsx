import { Button, Group, Menu } from '@mantine/core'
import { minutesUntilTomorrow } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { EVERYTHING, isDiskKind } from '../../../core/alerts/kinds.ts'
import { ignoreError } from '../../../core/dropped-errors.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { useBridge, useView } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useNow } from '../../state/now.ts'
import { copyText } from '../../ui/copy.ts'
import { IconBellOff, IconCheck, IconClockPause, IconCopy } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { useOpenRestore } from '../frame/pages.ts'
import { incidentDetails } from '../help/details.ts'
import { LinkChoice } from '../overview/link-part.tsx'
import { findConcerned, findMuted, type Incident, type Known, lastEnd, namesInLine } from './incidents.ts'

const HOUR_MS = 3_600_000

interface IncidentActionsProps {
  incident: Incident
  state: AppState
}

/** Shows the actions on an ongoing incident, and past actions with a way to undo them. */
export function IncidentActions({ incident, state }: IncidentActionsProps) {
  const words = useWords()
  const { t } = words
  const { run } = useCommands()
  const now = useNow()
  const { id, acknowledged, snoozedUntil } = incident
  const isSnoozed = snoozedUntil !== null && snoozedUntil > now
  const about = findConcerned(incident, state)
  const muted = findMuted(about, state.settings, now, words)
  const audible = about.filter((one) => !muted.some(({ id }) => id === one.id || id === EVERYTHING))

  return (
    <>
      <Told incident={incident} isSnoozed={isSnoozed} muted={muted} isSilenced={audible.length === 0} />
      {incident.kind === 'marked' && <MarkedActions source={incident.sources[0] ?? ''} />}
      {incident.kind === 'deleted' && <DeletedActions source={incident.sources[0] ?? ''} />}
      {incident.kind === 'emptied' && <EmptiedActions source={incident.sources[0] ?? ''} />}
      <Group gap={6} mt={3}>
        {acknowledged === null && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconCheck size={14} />}
            onClick={() => run('acknowledge', { id })}
          >
            {t('window.alerts.acknowledge')}
          </Button>
        )}
        {acknowledged === null && !isSnoozed && <SnoozeMenu id={id} />}
        {audible.length > 0 && <MuteMenu about={audible} />}
        <CopyDetails incident={incident} />
      </Group>
    </>
  )
}

/** Copies the incident's details, for a support request. */
function CopyDetails({ incident }: { incident: Incident }) {
  const { t, say } = useWords()
  const { tell } = useCommands()
  const { snapshot } = useView()
  const bridge = useBridge()
  const copy = async () => {
    const none = { evidence: null }
    const { evidence } = isDiskKind(incident.kind)
      ? await bridge
          .call('evidence', { id: incident.id })
          .catch(ignoreError('the rest of the details is copied', none))
      : none
    const text = incidentDetails(incident, snapshot?.state.version ?? '', say, evidence?.files)
    if (await copyText(text)) tell('done', message('window.details.copied'))
  }
  return (
    <Button size="compact-xs" variant="default" leftSection={<IconCopy size={14} />} onClick={copy}>
      {t('window.details.copy')}
    </Button>
  )
}

/** Shows the choices for a source many of whose files lost their content. */
function EmptiedActions({ source: id }: { source: string }) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <Group gap={6} mt={3}>
      <Button size="compact-xs" onClick={() => run('bringBack', { id }, 'window.emptied.coming')}>
        {t('window.emptied.bringBack')}
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => run('sendAsItIs', { id }, 'window.emptied.sending')}
      >
        {t('window.emptied.send')}
      </Button>
    </Group>
  )
}

/** Shows the choices for a source many of whose files were deleted. */
function DeletedActions({ source: id }: { source: string }) {
  const { t } = useWords()
  const { run } = useCommands()
  const { snapshot } = useView()
  const openRestore = useOpenRestore()
  const source = snapshot?.state.sources.find(({ settings }) => settings.id === id)
  return (
    <Group gap={6} mt={3}>
      <Button size="compact-xs" onClick={() => source !== undefined && openRestore(source, true)}>
        {t('window.deleted.putBack')}
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => run('acceptDeleted', { id }, 'window.deleted.accepted')}
      >
        {t('window.deleted.accept')}
      </Button>
    </Group>
  )
}

/** Shows the decisions about files with isocket's mark that Holdfast did not send. */
function MarkedActions({ source: id }: { source: string }) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <Group gap={6} mt={3}>
      <Button
        size="compact-xs"
        onClick={() => run('answerMarked', { id, answer: 'send' }, 'window.marked.sending')}
      >
        {t('window.marked.send')}
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => run('answerMarked', { id, answer: 'confirm' }, 'window.marked.confirmed')}
      >
        {t('window.marked.confirm')}
      </Button>
    </Group>
  )
}

/** Shows the choice between the two places of a link that leads elsewhere now; nothing for other incidents. */
export function LinkActions({ incident: { paths, sentence } }: { incident: Incident }) {
  if (!sentence.key.startsWith('condition.link')) return null
  const id = (Object.keys(paths)[0] ?? '').replace(/^link:/, '')
  const { now, path } = sentence.params
  return <LinkChoice id={id} path={String(path)} now={now === undefined ? null : String(now)} />
}

interface ToldProps {
  incident: Incident
  isSnoozed: boolean
  muted: ReturnType<typeof findMuted>
  /** All paths of the incident are muted. */
  isSilenced: boolean
}

/** Shows why no further notifications are sent, with the button that resumes them. */
function Told({ incident: { id, acknowledged, snoozedUntil }, isSnoozed, muted, isSilenced }: ToldProps) {
  const words = useWords()
  const { t, format } = words
  const { run } = useCommands()
  const now = useNow()
  const names = namesInLine(
    muted.map(({ name }) => name),
    words,
  )
  const end = lastEnd(muted)
  return (
    <>
      {acknowledged !== null && !isSilenced && (
        <p className="told breakable">
          {t('window.alerts.acknowledged', {
            time: format.moment(acknowledged.at, now),
            by: acknowledged.by,
          })}
        </p>
      )}
      {acknowledged === null && isSnoozed && (
        <p className="told">
          {t('window.alerts.snoozed', { time: format.moment(snoozedUntil ?? 0, now) })}{' '}
          <Undo word={t('window.alerts.wake')} onClick={() => run('snooze', { id, minutes: null })} />
        </p>
      )}
      {muted.length > 0 && !isSilenced && (
        <p className="told breakable">{t('window.alerts.partlyMuted', { names })}</p>
      )}
      {muted.length > 0 && isSilenced && (
        <p className="told">
          {end === null
            ? t('window.alerts.mutedForGood')
            : t('window.alerts.mutedUntil', { time: format.moment(end, now) })}{' '}
          <Undo
            word={t('window.alerts.unmute')}
            onClick={async () => {
              for (const one of muted) if (!(await run('unmute', { id: one.id }))) return
            }}
          />
        </p>
      )}
    </>
  )
}

export function Undo({ word, label, onClick }: { word: string; label?: string; onClick: () => unknown }) {
  return (
    <Button size="compact-xs" variant="subtle" aria-label={label} onClick={() => void onClick()}>
      {word}
    </Button>
  )
}

function SnoozeMenu({ id }: { id: string }) {
  const { t } = useWords()
  const { run } = useCommands()
  const snooze = (minutes: number) => run('snooze', { id, minutes })
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="compact-xs" variant="default" leftSection={<IconClockPause size={14} />}>
          {t('window.alerts.snooze')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className="menu-note">{t('window.alerts.snoozeHint')}</Menu.Label>
        <Menu.Item onClick={() => snooze(60)}>{t('window.alerts.for', { hours: 1 })}</Menu.Item>
        <Menu.Item onClick={() => snooze(4 * 60)}>{t('window.alerts.for', { hours: 4 })}</Menu.Item>
        <Menu.Item onClick={() => snooze(minutesUntilTomorrow(new Date()))}>
          {t('window.alerts.untilTomorrow')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

/** Mutes these for a time or, other than everything, until they are unmuted. */
export function MuteMenu({ about }: { about: readonly Known[] }) {
  const words = useWords()
  const { t } = words
  const { run } = useCommands()
  const mute = async (hours: number | null) => {
    const until = hours === null ? null : Date.now() + hours * HOUR_MS
    for (const { id } of about) if (!(await run('mute', { id, until }))) return
  }
  const names = namesInLine(
    about.map(({ name }) => name),
    words,
  )
  const isAll = about.some(({ id }) => id === EVERYTHING)
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="compact-xs" variant="default" leftSection={<IconBellOff size={14} />}>
          {t(isAll ? 'window.alerts.muteAll' : 'window.alerts.mute')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className="menu-note breakable">
          {isAll ? t('window.alerts.muteAllHint') : t('window.alerts.muteHint', { names })}
        </Menu.Label>
        {[1, 8, 24].map((hours) => (
          <Menu.Item key={hours} onClick={() => mute(hours)}>
            {t('window.alerts.for', { hours })}
          </Menu.Item>
        ))}
        {!isAll && <Menu.Item onClick={() => mute(null)}>{t('window.alerts.untilUnmuted')}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  )
}
