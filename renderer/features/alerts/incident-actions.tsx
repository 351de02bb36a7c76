import { Button, Menu } from '@mantine/core'
import { useState } from 'react'
import { minutesUntilTomorrow } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { EVERYTHING, isDiskKind } from '../../../core/alerts/kinds.ts'
import { ignoreError } from '../../../core/dropped-errors.ts'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useNow } from '../../state/now.ts'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { copyText } from '../../ui/copy.ts'
import { IconBellOff } from '../../ui/icons.ts'
import { Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { type IncidentPlace, useOpenPage, useOpenRestore } from '../frame/pages.ts'
import { incidentDetails } from '../help/details.ts'
import { IncidentRow } from './incident-row.tsx'
import {
  findConcerned,
  findMuted,
  formatTitle,
  type Incident,
  isAboutChannel,
  type Known,
  lastEnd,
  namesInLine,
} from './incidents.ts'

const HOUR_MS = 3_600_000

interface Action {
  word: WordKey
  run: () => unknown
}

interface OngoingRowsProps {
  incidents: readonly Incident[]
  state: AppState
  /** The request to show an incident; null: there is none. */
  marked?: IncidentPlace | null
}

/**
 * Lists ongoing incidents, a line each. The details of the first, of the marked one, and of those that ask for a decision
 * open by themselves.
 */
export function OngoingRows({ incidents, state, marked = null }: OngoingRowsProps) {
  return (
    <div className="things">
      {incidents.map((incident, index) => (
        <OngoingRow
          key={incident.id}
          incident={incident}
          state={state}
          marked={incident.id === marked?.id ? marked : null}
          isFirst={index === 0}
        />
      ))}
    </div>
  )
}

interface OngoingRowProps {
  incident: Incident
  state: AppState
  marked: IncidentPlace | null
  isFirst: boolean
}

/** Shows an ongoing incident with its next step, and all other actions in a menu. */
function OngoingRow({ incident, state, marked, isFirst }: OngoingRowProps) {
  const words = useWords()
  const { t } = words
  const { run } = useCommands()
  const now = useNow()
  const decisions = useDecisions(incident, state)
  const copyDetails = useCopyDetails(incident, state)
  // A line that was closed stays closed while others begin and end before it.
  const [wasFirst, setWasFirst] = useState(isFirst)
  if (isFirst && !wasFirst) setWasFirst(true)
  const openPage = useOpenPage()
  const openChannels = () => openPage('settings', { kind: 'setting', id: 'channels' })
  const { id, acknowledged, snoozedUntil } = incident
  const isSnoozed = acknowledged === null && snoozedUntil !== null && snoozedUntil > now
  const about = findConcerned(incident, state)
  const muted = findMuted(about, state.settings, now, words)
  const audible = about.filter((one) => !muted.some(({ id }) => id === one.id || id === EVERYTHING))
  const isSilenced = muted.length > 0 && audible.length === 0
  const snooze = (minutes: number | null) => run('snooze', { id, minutes })
  const unmute = async () => {
    for (const one of muted) if (!(await run('unmute', { id: one.id }))) return
  }

  // The first is the next step.
  const actions: Action[] = [...decisions]
  if (isSilenced) actions.push({ word: 'window.alerts.unmute', run: unmute })
  if (isSnoozed) actions.push({ word: 'window.alerts.wake', run: () => snooze(null) })
  if (isAboutChannel(incident)) actions.push({ word: 'window.alerts.channels', run: openChannels })
  if (acknowledged === null)
    actions.push({ word: 'window.alerts.acknowledge', run: () => run('acknowledge', { id }) })
  actions.push({ word: 'window.details.copy', run: copyDetails })
  const [next, ...others] = actions

  const menu = (
    <ActionsMenu name={formatTitle(incident, words, state.settings)}>
      {others.map((action) => (
        <Menu.Item key={action.word} onClick={() => void action.run()}>
          {t(action.word)}
        </Menu.Item>
      ))}
      {acknowledged === null && !isSnoozed && (
        <>
          <Menu.Label className="menu-note">{t('window.alerts.snoozeHint')}</Menu.Label>
          {[1, 4].map((hours) => (
            <Menu.Item key={hours} onClick={() => snooze(hours * 60)}>
              {t('window.alerts.snoozeFor', { hours })}
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => snooze(minutesUntilTomorrow(new Date()))}>
            {t('window.alerts.untilTomorrow')}
          </Menu.Item>
        </>
      )}
      {audible.length > 0 && <MuteItems about={audible} />}
    </ActionsMenu>
  )
  return (
    <IncidentRow
      incident={incident}
      settings={state.settings}
      figure={<Elapsed at={incident.startedAt} />}
      menu={menu}
      isMarked={marked !== null}
      opens={marked ?? (wasFirst || decisions.length > 0)}
    >
      <Told incident={incident} isSnoozed={isSnoozed} muted={muted} isSilenced={isSilenced} />
      {next !== undefined && (
        <Button
          size="compact-xs"
          mt={3}
          variant={decisions.length > 0 ? 'filled' : 'default'}
          onClick={() => void next.run()}
        >
          {t(next.word)}
        </Button>
      )}
    </IncidentRow>
  )
}

/** Returns a function that copies the incident's details, for a support request. */
function useCopyDetails(incident: Incident, { version }: AppState) {
  const { say } = useWords()
  const { tell } = useCommands()
  const bridge = useBridge()
  return async () => {
    const none = { evidence: null }
    const { evidence } = isDiskKind(incident.kind)
      ? await bridge
          .call('evidence', { id: incident.id })
          .catch(ignoreError('the rest of the details is copied', none))
      : none
    const text = incidentDetails(incident, version, say, evidence?.files)
    if (await copyText(text)) tell('done', message('window.details.copied'))
  }
}

/** Returns the choices where a person has to decide about files; the more careful one first. */
function useDecisions({ kind, sources: [id = ''] }: Incident, { sources }: AppState): Action[] {
  const { run } = useCommands()
  const openRestore = useOpenRestore()
  const source = sources.find(({ settings }) => settings.id === id)
  if (kind === 'emptied')
    return [
      { word: 'window.emptied.bringBack', run: () => run('bringBack', { id }, 'window.emptied.coming') },
      { word: 'window.emptied.send', run: () => run('sendAsItIs', { id }, 'window.emptied.sending') },
    ]
  if (kind === 'deleted')
    return [
      { word: 'window.deleted.putBack', run: () => source !== undefined && openRestore(source, true) },
      { word: 'window.deleted.accept', run: () => run('acceptDeleted', { id }, 'window.deleted.accepted') },
    ]
  if (kind !== 'marked') return []
  return [
    {
      word: 'window.marked.send',
      run: () => run('answerMarked', { id, answer: 'send' }, 'window.marked.sending'),
    },
    {
      word: 'window.marked.confirm',
      run: () => run('answerMarked', { id, answer: 'confirm' }, 'window.marked.confirmed'),
    },
  ]
}

interface ToldProps {
  incident: Incident
  isSnoozed: boolean
  muted: ReturnType<typeof findMuted>
  /** All paths of the incident are muted. */
  isSilenced: boolean
}

/** Shows why no further notifications are sent. */
function Told({ incident: { acknowledged, snoozedUntil }, isSnoozed, muted, isSilenced }: ToldProps) {
  const words = useWords()
  const { t, format } = words
  const now = useNow()
  if (isSilenced) {
    const end = lastEnd(muted)
    return (
      <p className="told">
        {end === null
          ? t('window.alerts.mutedForGood')
          : t('window.alerts.mutedUntil', { time: format.moment(end, now) })}
      </p>
    )
  }
  const names = namesInLine(
    muted.map(({ name }) => name),
    words,
  )
  return (
    <>
      {acknowledged !== null && (
        <p className="told breakable">
          {t('window.alerts.acknowledged', {
            time: format.moment(acknowledged.at, now),
            by: acknowledged.by,
          })}
        </p>
      )}
      {isSnoozed && (
        <p className="told">{t('window.alerts.snoozed', { time: format.moment(snoozedUntil ?? 0, now) })}</p>
      )}
      {muted.length > 0 && <p className="told breakable">{t('window.alerts.partlyMuted', { names })}</p>}
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

/** Mutes all notifications for a time. */
export function MuteEverything() {
  const { t } = useWords()
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button size="compact-xs" variant="default" leftSection={<IconBellOff size={14} />}>
          {t('window.alerts.muteAll')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <MuteItems about={[{ id: EVERYTHING, name: t('window.alerts.everything') }]} />
      </Menu.Dropdown>
    </Menu>
  )
}

/** Mutes these for a time or, other than everything, until they are unmuted. */
function MuteItems({ about }: { about: readonly Known[] }) {
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
    <>
      <Menu.Label className="menu-note breakable">
        {isAll ? t('window.alerts.muteAllHint') : t('window.alerts.muteHint', { names })}
      </Menu.Label>
      {[1, 8, 24].map((hours) => (
        <Menu.Item key={hours} onClick={() => mute(hours)}>
          {t('window.alerts.muteFor', { hours })}
        </Menu.Item>
      ))}
      {!isAll && <Menu.Item onClick={() => mute(null)}>{t('window.alerts.untilUnmuted')}</Menu.Item>}
    </>
  )
}
