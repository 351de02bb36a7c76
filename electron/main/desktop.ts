import { hostname } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { app, nativeTheme, powerMonitor, type Tray } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import { type OpenAgent, openAgent } from '../../core/agent/open.ts'
import type { Actor } from '../../core/agent/parts/changes/contract.ts'
import { recordCommands } from '../../core/agent/recording.ts'
import type { AgentHost } from '../../core/agent/services.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { nameBuild } from '../../core/lib/build-name.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { createWords, nearestLanguage, type Words } from '../../core/lib/i18n/words.ts'
import { getUserName } from '../../core/platform/user-name.ts'
import { closeOtherComputers } from './computer-window.ts'
import { desktopHandlers } from './desktop-commands.ts'
import { sendEvent, serveWindow, type WindowHandlers } from './ipc.ts'
import type { LaterStarts } from './later-starts.ts'
import { createNotifier, type Notifier } from './notifications.ts'
import type { LoadingPage } from './page.ts'
import { isPairingCode } from './pairing-links.ts'
import { askingFirst, createQuit } from './quit.ts'
import { createTray, type StatusTray } from './tray.ts'
import { trayActions } from './tray-actions.ts'
import type { TrayActions } from './tray-menu.ts'
import { utilityWorkerStarter } from './utility-starter.ts'
import { desktopVault } from './vault.ts'
import { TrayWindow } from './window.ts'

/**
 * The composition root of the desktop: one agent, its tray icon and its window. If the start fails, it stops all
 * workers and throws the error.
 */
export async function runDesktop(start: {
  dataDirectory: string
  directories: string[]
  laterStarts: LaterStarts
  page: LoadingPage
  icon: Tray
  /** The directory of the icon's images. */
  images: string
  /** Starts without showing the window, as at login. */
  isQuiet: boolean
}): Promise<void> {
  const { dataDirectory, directories, laterStarts } = start
  const bundle = path.resolve(app.getAppPath(), 'out')
  const icon = path.resolve(app.getAppPath(), 'assets/icons/256x256.png')
  let actions: TrayActions | null = null
  const tray = createTray(start.icon, start.images, () => actions)
  const window = new TrayWindow(start.page, dataDirectory, () => actions?.hintAtClose() ?? false)
  const handlers = Promise.withResolvers<WindowHandlers>()
  serveWindow(handlers.promise)
  const notifier = createNotifier({
    icon,
    clicked: (incident) => actions?.openIncident(incident),
  })
  const host = desktopHost(path.join(bundle, 'main'), notifier)
  // On few processors, starting the workers would delay the page's first paint.
  await window.drawn()
  const open = await openAgent(dataDirectory, host)
  try {
    const { come } = present(open, { window, tray, notifier, laterStarts }, (made, answers) => {
      actions = made
      handlers.resolve(answers)
    })
    if (!start.isQuiet) void come()
    laterStarts.answer((others, link) => {
      void come()
      // The user decides in the window what to do with the code.
      if (link !== null && isPairingCode(link)) window.tell('show', { page: 'destinations', code: link })
      void open.protect(others)
    })
    await open.protect(directories)
  } catch (thrown) {
    // Stop the workers: without a tray icon the user could not.
    await open.close().catch(ignoreError('the error of the start itself is thrown'))
    throw thrown
  }
}

/** Connects the command handlers, the window and the tray icon. */
function present(
  open: OpenAgent,
  desk: { window: TrayWindow; tray: StatusTray; notifier: Notifier; laterStarts: LaterStarts },
  begin: (actions: TrayActions, handlers: WindowHandlers) => void,
): { come(): Promise<void> } {
  const { window, tray, notifier, laterStarts } = desk
  const { agent } = open
  const by: Actor = { via: 'window', name: getUserName() }
  const handlers = open.createHandlers(by)
  const words = (): Words => createWords(agent.language, 'window')
  const trayBounds = () => tray.tray.getBounds()
  const come = async () => {
    // The window may be requested while the application quits.
    if (!tray.tray.isDestroyed()) await window.show(trayBounds())
  }
  const quit = createQuit(open, laterStarts, window.browser, () => {
    unfollow()
    const kept = window.release()
    notifier.withdrawAll()
    tray.destroy()
    return kept
  })
  const asked = askingFirst(() => agent.store.state, words, quit)
  const ofDesktop = desktopHandlers({ agent, handlers, window, words, quit: asked })
  const all = { ...handlers, ...recordCommands(ofDesktop, agent.createRecorder(by)) }
  const hint = () =>
    agent.settings.get().notifications &&
    notifier.hint(words()(message('hint.inTray.title')), words()(message('hint.inTray.body')))
  begin(trayActions({ agent, handlers: all, window, words, come, trayBounds, quit: asked, hint }), all)
  const unfollow = followState(agent, tray, window, words)
  app.on('activate', () => void come())
  return { come }
}

function desktopHost(workers: string, notifier: Notifier): AgentHost {
  return {
    kind: 'desktop',
    version: nameBuild(app.getVersion()),
    systemLanguage: nearestLanguage(app.getLocale()),
    computerName: hostname(),
    starter: utilityWorkerStarter(workers),
    alertStoreThread: pathToFileURL(path.join(workers, 'workers/alert-store-thread.js')),
    eventThread: pathToFileURL(path.join(workers, 'workers/event-thread.js')),
    reportThread: pathToFileURL(path.join(workers, 'workers/report-thread.js')),
    vault: desktopVault,
    page: () => path.join(app.getAppPath(), 'out/renderer'),
    onBattery: () => powerMonitor.onBatteryPower,
    notify: notifier.show,
    withdraw: notifier.withdraw,
  }
}

/**
 * Updates the tray icon with each change, and sends it to the window while it is visible. Returns a function that stops
 * this.
 */
function followState(agent: Agent, tray: StatusTray, window: TrayWindow, words: () => Words): () => void {
  const unfollow = agent.store.subscribe((patch) => {
    const { theme, computers } = agent.settings.get()
    nativeTheme.themeSource = theme
    if (patch.changes.settings !== undefined) closeOtherComputers(computers)
    tray.show(agent.store.state, words())
    if (window.browser.isVisible()) sendEvent(window.browser, 'patch', patch)
  })
  // The revision alone shows a page that it missed patches: it then requests a snapshot.
  window.browser.on('show', () => {
    const { revision } = agent.store.snapshot()
    sendEvent(window.browser, 'patch', { base: revision, revision, changes: {} })
  })
  nativeTheme.themeSource = agent.settings.get().theme
  tray.show(agent.store.snapshot().state, words())
  return unfollow
}
