import type { MenuItemConstructorOptions } from 'electron'
import { namesOf } from '../../core/agent/state/derived.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { namedSubjects } from '../../core/alerts/kinds.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import { minutesUntilTomorrow } from '../../core/settings/until-tomorrow.ts'

export interface TrayActions {
  open(): void
  /** What a click on the icon does, where the desktop tells of clicks. */
  toggle(): void
  /** Opens the window at an incident. */
  openIncident(incident: string): void
  addDirectory(): void
  /** Minutes; null: until resumed. */
  pause(minutes: number | null): void
  /** Asks in the window for how long. */
  pauseOther(): void
  /** Opens a source's directory in the file manager. */
  openFolder(source: string): void
  resume(): void
  checkNow(): void
  quit(): void
  /** The window was closed for the first time; false: the person could not be told that it goes on. */
  hintAtClose(): boolean
}

/** How often the words of the first line alone make the menu anew. */
export const WORDS_EVERY_MS = 60_000

/** A menu is no list: the window has all of them. */
const MOST_INCIDENTS = 5
const MOST_FOLDERS = 10

/** Durations in sentences of the status. */
const DURATIONS = ['age', 'away', 'left'] as const

/** What a menu is made of: another structure is another menu at once, other words before long. */
export interface MenuFacts {
  structure: string
  /** The first line. */
  line: string
}

export function menuFacts({ status, settings, incidents }: AppState, words: Words): MenuFacts {
  const { level, sentence } = status
  const language = words(message('menu.open'))
  // Whether a time to go is known changes by the second.
  const about = level === 'working' ? null : sentence.key
  return {
    structure: JSON.stringify([
      ...[level, about, settings.pause, language],
      incidents.slice(0, MOST_INCIDENTS).map(({ id, endedAt }) => [id, endedAt === null]),
      settings.sources.slice(0, MOST_FOLDERS).map(({ id, name }) => [id, name]),
    ]),
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
  return [
    { label: line, enabled: false },
    { type: 'separator' },
    { label: words(message('menu.open')), click: actions.open },
    { label: words(message('menu.add')), click: actions.addDirectory },
    ...foldersOf(state, words, actions),
    ...incidentsOf(state, words, actions),
    isPaused ? { label: words(message('menu.resume')), click: actions.resume } : pauseOf(words, actions),
    { label: words(message('menu.checkNow')), click: actions.checkNow },
    { type: 'separator' },
    { label: words(message('menu.quit')), click: actions.quit },
  ]
}

function pauseOf(words: Words, actions: TrayActions): MenuItemConstructorOptions {
  return {
    label: words(message('menu.pause')),
    submenu: [
      { label: words(message('menu.pause15')), click: () => actions.pause(15) },
      { label: words(message('menu.pause60')), click: () => actions.pause(60) },
      {
        label: words(message('menu.pauseTomorrow')),
        click: () => actions.pause(minutesUntilTomorrow(new Date())),
      },
      { label: words(message('menu.pauseUntilResumed')), click: () => actions.pause(null) },
      { label: words(message('menu.pauseOther')), click: actions.pauseOther },
    ],
  }
}

function foldersOf(
  { settings: { sources } }: AppState,
  words: Words,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  if (sources.length === 0) return []
  const submenu = sources
    .slice(0, MOST_FOLDERS)
    .map(({ id, name }) => ({ label: literal(name), click: () => actions.openFolder(id) }))
  return [{ label: words(message('menu.folders')), submenu }]
}

function incidentsOf(
  { incidents, settings }: AppState,
  words: Words,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  if (incidents.length === 0) return []
  const names = namesOf(settings)
  const submenu = incidents.slice(0, MOST_INCIDENTS).map((incident) => {
    const [first = incident.group, ...others] = namedSubjects(incident, names)
    const where =
      others.length > 0 ? words(message('notify.others', { path: first, count: others.length })) : first
    const kind = words(message(`kind.${incident.kind}`))
    const title = words(message('window.alerts.title', { kind, where }))
    const label = incident.endedAt === null ? title : words(message('menu.incidentOver', { title }))
    return { label: literal(label), click: () => actions.openIncident(incident.id) }
  })
  return [{ label: words(message('menu.incidents')), submenu }]
}

/** "&" marks the key of a menu's item. */
const literal = (text: string) => text.replaceAll('&', '&&')
