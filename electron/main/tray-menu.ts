import type { MenuItemConstructorOptions } from 'electron'
import type { AppState } from '../../core/agent/state/schema.ts'
import { minutesUntilTomorrow } from '../../core/settings/until-tomorrow.ts'
import type { Message } from '../../core/words/message.ts'
import { message } from '../../core/words/message.ts'
import type { Words } from '../../core/words/words.ts'

export interface TrayActions {
  open(): void
  /** What a click on the icon does, where the desktop tells of clicks. */
  toggle(): void
  /** Opens the window at an incident. */
  openIncident(incident: string): void
  addDirectory(): void
  /** Minutes; null: until resumed. */
  pause(minutes: number | null): void
  resume(): void
  checkNow(): void
  quit(): void
}

/** How often the words of the first line alone make the menu anew. */
export const WORDS_EVERY_MS = 60_000

/** Durations in sentences of the status. */
const DURATIONS = ['age', 'away', 'left'] as const

/** What a menu is made of: another structure is another menu at once, other words before long. */
export interface MenuFacts {
  structure: string
  /** The first line. */
  line: string
}

export function menuFacts({ status, settings }: AppState, words: Words): MenuFacts {
  const { level, sentence } = status
  const language = words(message('menu.open'))
  // Whether a time to go is known changes by the second.
  const about = level === 'working' ? null : sentence.key
  return {
    structure: JSON.stringify([level, about, settings.pause, language]),
    line: words(inMinutes(sentence)),
  }
}

/** The line stands for a minute: what has lasted for less counts as one. */
function inMinutes({ key, params }: Message): Message {
  const rounded = DURATIONS.flatMap((name) => {
    const value = params[name]
    return typeof value === 'number' && value < WORDS_EVERY_MS ? [[name, WORDS_EVERY_MS] as const] : []
  })
  return { key, params: { ...params, ...Object.fromEntries(rounded) } }
}

/**
 * Desktops draw a menu from what they were told of it, and name what is clicked by its item's id: with another menu
 * those of one that is open are gone, and a click does nothing.
 */
export function createMenuPace(build: () => void): { show(facts: MenuFacts): void; stop(): void } {
  let built: MenuFacts | null = null
  let builtAt = 0
  let wanted: MenuFacts | null = null
  let timer: NodeJS.Timeout | null = null
  const stop = () => {
    if (timer !== null) clearTimeout(timer)
    timer = null
  }
  const buildNow = () => {
    stop()
    built = wanted
    builtAt = performance.now()
    build()
  }
  return {
    show: (facts) => {
      wanted = facts
      if (facts.structure !== built?.structure) buildNow()
      else if (facts.line === built.line) stop()
      else timer ??= setTimeout(buildNow, Math.max(0, builtAt + WORDS_EVERY_MS - performance.now()))
    },
    stop,
  }
}

export function menuOf(
  line: string,
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
    { label: line, enabled: false },
    { type: 'separator' },
    { label: words(message('menu.open')), click: actions.open },
    { label: words(message('menu.add')), click: actions.addDirectory },
    isPaused ? { label: words(message('menu.resume')), click: actions.resume } : pause,
    { label: words(message('menu.checkNow')), click: actions.checkNow },
    { type: 'separator' },
    { label: words(message('menu.quit')), click: actions.quit },
  ]
}
