import path from 'node:path'
import { Menu, type MenuItemConstructorOptions, nativeImage, Tray } from 'electron'
import type { AppState, StatusLevel } from '../../core/agent/state/schema.ts'
import { statusLevels } from '../../core/agent/state/schema.ts'
import { minutesUntilTomorrow } from '../../core/settings/until-tomorrow.ts'
import { message } from '../../core/words/message.ts'
import type { Words } from '../../core/words/words.ts'

export interface TrayActions {
  open(): void
  /** Opens the window where failures are explained. */
  openAlerts(): void
  addDirectory(): void
  /** Minutes; null: until resumed. */
  pause(minutes: number | null): void
  resume(): void
  checkNow(): void
  quit(): void
}

export interface StatusTray {
  readonly tray: Tray
  show(state: AppState, words: Words): void
  destroy(): void
}

/**
 * The icon, its one-sentence tooltip and its menu; redrawn only when one of them changes. It is there before
 * the agent is: until the first `show` it has no menu, and `actions` may give null.
 */
export function createTray(imageDirectory: string, actions: () => TrayActions | null): StatusTray {
  const images = Object.fromEntries(
    statusLevels.map((level) => [
      level,
      nativeImage.createFromPath(path.join(imageDirectory, `${level}.png`)),
    ]),
  ) as Record<StatusLevel, Electron.NativeImage>
  const tray = new Tray(images.starting)
  let shown = ''
  tray.on('click', () => actions()?.open())
  return {
    tray,
    show: (state, words) => {
      const { level, sentence } = state.status
      const text = words(sentence)
      const key = JSON.stringify([level, text, state.settings.pause, words(message('menu.open'))])
      if (key === shown) return
      shown = key
      tray.setImage(images[level])
      tray.setToolTip(`Holdfast: ${text}`)
      const now = actions()
      if (now !== null) tray.setContextMenu(Menu.buildFromTemplate(menuOf(text, state, words, now)))
    },
    destroy: () => tray.destroy(),
  }
}

function menuOf(
  status: string,
  state: AppState,
  words: Words,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  const isPaused = state.settings.pause !== null
  const pause: MenuItemConstructorOptions = {
    label: words(message('menu.pause')),
    submenu: [
      { label: words(message('menu.pause15')), click: () => actions.pause(15) },
      { label: words(message('menu.pause60')), click: () => actions.pause(60) },
      {
        label: words(message('menu.pauseTomorrow')),
        click: () => actions.pause(minutesUntilTomorrow(new Date())),
      },
    ],
  }
  return [
    { label: status, enabled: false },
    { type: 'separator' },
    { label: words(message('menu.open')), click: actions.open },
    { label: words(message('menu.add')), click: actions.addDirectory },
    isPaused ? { label: words(message('menu.resume')), click: actions.resume } : pause,
    { label: words(message('menu.checkNow')), click: actions.checkNow },
    { type: 'separator' },
    { label: words(message('menu.quit')), click: actions.quit },
  ]
}
