import path from 'node:path'
import { Menu, nativeImage, type Tray } from 'electron'
import { type AppState, type StatusLevel, statusLevels } from '../../core/agent/state/schema.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { trayImage } from './systems.ts'
import { buildMenu, createMenuPace, getMenuContent, type TrayActions } from './tray-menu.ts'

export interface StatusTray {
  readonly tray: Tray
  show(state: AppState, words: Words): void
  destroy(): void
}

/** On Linux Chromium rebuilds the menu with each new tooltip (StatusIconLinuxDbus::SetToolTip). */
const isTooltipOfMenu = process.platform === 'linux'

/**
 * Keeps the icon, its tooltip and its menu up to date; each is updated only if it changed. The icon exists before the
 * agent: until the first `show` it has no menu, and `actions` may return null.
 */
export function createTray(
  tray: Tray,
  imageDirectory: string,
  actions: () => TrayActions | null,
): StatusTray {
  const images = Object.fromEntries(
    statusLevels.map((level) => [
      level,
      nativeImage.createFromPath(path.join(imageDirectory, trayImage(level))),
    ]),
  ) as Record<StatusLevel, Electron.NativeImage>
  let level: StatusLevel | null = null
  let said = ''
  let latest: { state: AppState; words: Words } | null = null
  // On macOS a click opens the menu, whose first action opens the window.
  if (process.platform !== 'darwin') tray.on('click', () => actions()?.toggle())
  const say = (sentence: string) => {
    if (sentence !== said) tray.setToolTip(`Holdfast: ${sentence}`)
    said = sentence
  }
  const pace = createMenuPace(() => {
    const now = actions()
    if (latest === null || now === null) return
    const { state, words } = latest
    const { line } = getMenuContent(state, words)
    tray.setContextMenu(Menu.buildFromTemplate(buildMenu(state, words, now)))
    if (isTooltipOfMenu) say(line)
  })
  return {
    tray,
    show: (state, words) => {
      latest = { state, words }
      pace.show(getMenuContent(state, words))
      if (!isTooltipOfMenu) say(words(state.status.sentence))
      if (level === state.status.level) return
      level = state.status.level
      tray.setImage(images[level])
    },
    destroy: () => {
      pace.stop()
      tray.destroy()
    },
  }
}
