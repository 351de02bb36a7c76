import path from 'node:path'
import { Menu, nativeImage, Tray } from 'electron'
import type { AppState, StatusLevel } from '../../core/agent/state/schema.ts'
import { statusLevels } from '../../core/agent/state/schema.ts'
import type { Words } from '../../core/words/words.ts'
import { createMenuPace, menuFacts, menuOf, type TrayActions } from './tray-menu.ts'

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
  let latest: { state: AppState; words: Words } | null = null
  tray.on('click', () => actions()?.open())
  const pace = createMenuPace(() => {
    const now = actions()
    if (latest === null || now === null) return
    const { state, words } = latest
    tray.setContextMenu(Menu.buildFromTemplate(menuOf(menuFacts(state, words).line, state, words, now)))
  })
  return {
    tray,
    show: (state, words) => {
      latest = { state, words }
      pace.show(menuFacts(state, words))
      const { level, sentence } = state.status
      const tooltip = `Holdfast: ${words(sentence)}`
      const key = JSON.stringify([level, tooltip])
      if (key === shown) return
      shown = key
      tray.setImage(images[level])
      tray.setToolTip(tooltip)
    },
    destroy: () => {
      pace.stop()
      tray.destroy()
    },
  }
}
