import { ActionIcon, Button, Menu } from '@mantine/core'
import { lazy, memo, Suspense, useEffect, useState } from 'react'
import { minutesUntilTomorrow } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useSignOut } from '../../page/page-session.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { useOfNow } from '../../state/now.ts'
import { copyText } from '../../ui/copy.ts'
import {
  IconCopy,
  IconDots,
  IconDownload,
  IconEyeOff,
  IconHeartbeat,
  IconHelp,
  IconLogout,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconTerminal,
} from '../../ui/icons.ts'
import { useMenuFocus } from '../../ui/menu-focus.ts'
import { StatusIcon } from '../../ui/status-icon.tsx'
import { useWords } from '../../words/context.tsx'
import { joinSentences } from '../../words/dictionaries.ts'
import { statusDetails } from '../help/details.ts'
import { useSaveDiagnostics } from '../help/use-save-diagnostics.ts'
import { findHeaderAction, type HeaderAction } from './header-action.ts'
import { useOpenPage } from './pages.ts'
import { getTopic } from './topic.ts'

const HelpDialog = lazy(() => import('../help/help-dialog.tsx'))
const LogDialog = lazy(() => import('../help/log-dialog.tsx'))
const PauseDialog = lazy(() => import('./pause-dialog.tsx'))

interface HeaderProps {
  state: AppState | null
  /** Why the agent does not answer; null while it does. */
  unreachable: Message | null
}

/**
 * Shows the overall status in a headline and a detail of a few lines, the action that it calls for, and the two menus
 * that are always available. Its height never changes: longer texts are cut, and shown in full on hover and in the
 * menu. A change of the page does not render it again.
 */
export const Header = memo(function Header({ state, unreachable }: HeaderProps) {
  const { t, say, language } = useWords()
  const silent = unreachable !== null
  const level = silent ? 'attention' : (state?.status.level ?? 'starting')
  const sentence = silent
    ? t('window.agent.unreachable')
    : state === null
      ? t('window.starting')
      : say(state.status.sentence)
  const detail = silent
    ? t('window.agent.unreachableDetail', { reason: say(unreachable) })
    : describeDetail(state?.status, say)
  const words = detail === null ? sentence : t('window.sentences', { first: sentence, second: detail })
  const topic = [
    language,
    level,
    ...(silent || state === null ? [silent] : getTopic(state.status.sentence, state.status.detail)),
  ].join()
  const bridge = useBridge()
  const [asking, setAsking] = useState(false)
  const [hasAsked, setAsked] = useState(false)
  if (asking && !hasAsked) setAsked(true)
  useEffect(() => bridge.on('askPause', () => setAsking(true)), [bridge])
  const [spoken, setSpoken] = useState({ topic, words })
  if (spoken.topic !== topic) setSpoken({ topic, words })

  return (
    <header className="header" data-level={level}>
      <StatusIcon level={level} size={30} />
      {/* A change of numbers alone is not read out. */}
      <div className="header-words" role="status" aria-live={spoken.words === words ? 'polite' : 'off'}>
        <h1 title={sentence}>{sentence}</h1>
        {detail !== null && <p title={detail}>{detail}</p>}
      </div>
      {state !== null && (
        <div className="header-menus">
          {!silent && <ActionButton action={findHeaderAction(state)} />}
          <PauseMenu state={state} onOther={() => setAsking(true)} />
          <MoreMenu state={state} status={words} />
          <Suspense fallback={null}>
            {hasAsked && <PauseDialog opened={asking} onClose={() => setAsking(false)} />}
          </Suspense>
        </div>
      )}
    </header>
  )
})

function describeDetail(
  status: AppState['status'] | undefined,
  say: (one: Message) => string,
): string | null {
  if (status === undefined) return null
  const all = [...(status.detail === null ? [] : [status.detail]), ...(status.more ?? [])]
  return all.length === 0 ? null : joinSentences(all, say)
}

/** Shows the action that the status calls for. */
function ActionButton({ action }: { action: HeaderAction | null }) {
  const { t } = useWords()
  const { run } = useCommands()
  const openPage = useOpenPage()
  if (action === null) return null
  const word = t(`window.header.${action.kind}`)
  const act = () => {
    if (action.kind === 'retry') void run('retryParked', { id: null }, 'window.parked.retried')
    else if (action.kind === 'resume') void run('resume', {})
    else if (action.kind === 'addDestination') openPage('destinations', { kind: 'pair' })
    else if (action.kind === 'destinations') openPage('destinations')
    else openPage('alerts', action.incident === null ? undefined : { kind: 'incident', id: action.incident })
  }
  return (
    <Button size="compact-sm" variant="default" className="header-action" title={word} onClick={act}>
      {word}
    </Button>
  )
}

function PauseMenu({ state, onOther }: { state: AppState; onOther: () => void }) {
  const { t, format } = useWords()
  const { run } = useCommands()
  const pause = state.settings.pause
  const paused = useOfNow((now) => pause !== null && (pause.until === null || pause.until > now))
  const pauseFor = (minutes: number) => run('pause', { minutes })
  const { target, menu } = useMenuFocus()

  return (
    <Menu {...menu}>
      <Menu.Target>
        <ActionIcon
          ref={target}
          variant={paused ? 'light' : 'subtle'}
          color={paused ? 'harbour' : 'gray'}
          size={30}
          aria-label={t(paused ? 'window.pause.resumeMenu' : 'window.pause.menu')}
          title={t(paused ? 'window.pause.resumeMenu' : 'window.pause.menu')}
        >
          {paused ? <IconPlayerPlay size={18} /> : <IconPlayerPause size={18} />}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {paused && (
          <>
            <Menu.Label>
              {pause === null || pause.until === null
                ? t('window.pause.untilResumed')
                : t('window.pause.until', { time: format.moment(pause.until, Date.now()) })}
            </Menu.Label>
            <Menu.Item leftSection={<IconPlayerPlay size={16} />} onClick={() => run('resume', {})}>
              {t('window.resume')}
            </Menu.Item>
            <Menu.Divider />
          </>
        )}
        <Menu.Label>{t('window.pause.label')}</Menu.Label>
        <Menu.Item onClick={() => pauseFor(15)}>{t('window.pause.quarter')}</Menu.Item>
        <Menu.Item onClick={() => pauseFor(60)}>{t('window.pause.hour')}</Menu.Item>
        <Menu.Item onClick={() => pauseFor(minutesUntilTomorrow(new Date()))}>
          {t('window.pause.tomorrow')}
        </Menu.Item>
        <Menu.Item onClick={() => run('pause', { minutes: null })}>{t('window.pause.untilResume')}</Menu.Item>
        <Menu.Item onClick={onOther}>{t('window.pause.other')}</Menu.Item>
        <Menu.Label className="menu-note">{t('window.pause.note')}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  )
}

function MoreMenu({ state, status }: { state: AppState; status: string }) {
  const { t, say } = useWords()
  const { run, tell } = useCommands()
  const [isLogOpen, setLogOpen] = useState(false)
  const [hasLog, setHasLog] = useState(false)
  if (isLogOpen && !hasLog) setHasLog(true)
  const [isHelpOpen, setHelpOpen] = useState(false)
  const [hasHelp, setHasHelp] = useState(false)
  if (isHelpOpen && !hasHelp) setHasHelp(true)
  const { target, menu } = useMenuFocus()
  const save = useSaveDiagnostics()
  const signOut = useSignOut()
  const copy = async () => {
    if (await copyText(statusDetails(state, say))) tell('done', message('window.details.copied'))
  }
  return (
    <>
      <Menu {...menu}>
        <Menu.Target>
          <ActionIcon
            ref={target}
            variant="subtle"
            color="gray"
            size={30}
            aria-label={t('window.more')}
            title={t('window.more')}
          >
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label className="menu-note breakable">{status}</Menu.Label>
          <Menu.Item
            leftSection={<IconHeartbeat size={16} />}
            onClick={() => run('checkNow', {}, 'window.checkNow.done')}
          >
            {t('window.checkNow')}
          </Menu.Item>
          <DesktopOnly>
            <Menu.Item leftSection={<IconEyeOff size={16} />} onClick={() => run('hideWindow', {})}>
              {t('window.hide')}
            </Menu.Item>
          </DesktopOnly>
          <Menu.Divider />
          <Menu.Item leftSection={<IconTerminal size={16} />} onClick={() => setLogOpen(true)}>
            {t('window.log')}
          </Menu.Item>
          <Menu.Item leftSection={<IconCopy size={16} />} onClick={copy}>
            {t('window.details.copy')}
          </Menu.Item>
          <Menu.Item leftSection={<IconDownload size={16} />} onClick={save}>
            {t('window.diagnostics')}
          </Menu.Item>
          <Menu.Item leftSection={<IconHelp size={16} />} onClick={() => setHelpOpen(true)}>
            {t('window.help.menu')}
          </Menu.Item>
          <Menu.Divider />
          <DesktopOnly>
            <Menu.Item leftSection={<IconPower size={16} />} onClick={() => run('quit', {})}>
              {t('window.quit')}
            </Menu.Item>
          </DesktopOnly>
          {signOut !== null && (
            <Menu.Item leftSection={<IconLogout size={16} />} onClick={signOut}>
              {t('page.signOut')}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Suspense fallback={null}>
        {hasLog && <LogDialog opened={isLogOpen} onClose={() => setLogOpen(false)} />}
        {hasHelp && (
          <HelpDialog version={state.version} opened={isHelpOpen} onClose={() => setHelpOpen(false)} />
        )}
      </Suspense>
    </>
  )
}
