import type { MenuItemConstructorOptions } from 'electron'
import { getNamesById, minutesUntilTomorrow } from '../../core/agent/state/derived.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { namedSubjects } from '../../core/alerts/kinds.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { joinSentences, type Words } from '../../core/lib/i18n/words.ts'

export interface TrayActions {
  open(): void
  /** Handles a click on the icon, on desktops that report clicks. */
  toggle(): void
  /** Opens the window and shows an incident. */
  openIncident(incident: string): void
  addDirectory(): void
  /** Minutes; null until resumed. */
  pause(minutes: number | null): void
  /** Asks in the window for the duration. */
  pauseOther(): void
  /** Opens a source's directory in the file manager. */
  openFolder(source: string): void
  resume(): void
  checkNow(): void
  quit(): void
  /** Called when the window is closed for the first time; false if the hint could not be shown. */
  hintAtClose(): boolean
}

/** Minimum interval between rebuilds of the menu for changed texts alone. */
const WORDS_EVERY_MS = 60_000

/** The menu shows the first few only; the window has all of them. */
const MOST_INCIDENTS = 5
const MOST_FOLDERS = 10

/** The content of a menu: it is rebuilt at once for another structure, and after a delay for another first line. */
export interface MenuContent {
  structure: string
  /** The whole status, for the tooltip. */
  line: string
}

export function getMenuContent({ status, settings, incidents }: AppState, words: Words): MenuContent {
  const { level, sentence, detail, more = [] } = status
  const language = words(message('menu.open'))
  // The age of the last file is left out.
  const isLeftOut = detail === null || detail.key.startsWith('status.lastFile')
  const said = [sentence, ...(isLeftOut ? [] : [detail]), ...more]
  // Left out while working: the sentence alternates each second, with and without a time left.
  const about = level === 'working' ? null : said.map(({ key }) => key)
  return {
    structure: JSON.stringify([
      ...[level, about, settings.pause, language],
      incidents.slice(0, MOST_INCIDENTS).map(({ id, endedAt }) => [id, endedAt === null]),
      settings.sources.slice(0, MOST_FOLDERS).map(({ id, name }) => [id, name]),
    ]),
    line: joinSentences(said, words),
  }
}

/**
 * Delays rebuilding the menu. A desktop reports a click by the item's id: after a rebuild the ids of an open menu are
 * invalid, and the click has no effect.
 */
export function createMenuPace(build: () => void): { show(content: MenuContent): void; stop(): void } {
  let built: MenuContent | null = null
  let builtAt = 0
  let wanted: MenuContent | null = null
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
    show: (content) => {
      wanted = content
      if (content.structure !== built?.structure) buildNow()
      else if (content.line === built.line) stop()
      else timer ??= setTimeout(buildNow, Math.max(0, builtAt + WORDS_EVERY_MS - performance.now()))
    },
    stop,
  }
}

export function buildMenu(state: AppState, words: Words, actions: TrayActions): MenuItemConstructorOptions[] {
  const isPaused = state.settings.pause !== null
  return [
    { label: narrow(words(state.status.sentence)), enabled: false },
    { type: 'separator' },
    { label: words(message('menu.open')), click: actions.open },
    { label: words(message('menu.add')), click: actions.addDirectory },
    ...buildFolderItems(state, words, actions),
    ...buildIncidentItems(state, words, actions),
    isPaused
      ? { label: words(message('menu.resume')), click: actions.resume }
      : buildPauseItem(words, actions),
    { label: words(message('menu.checkNow')), click: actions.checkNow },
    { type: 'separator' },
    { label: words(message('menu.quit')), click: actions.quit },
  ]
}

function buildPauseItem(words: Words, actions: TrayActions): MenuItemConstructorOptions {
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

function buildFolderItems(
  { settings: { sources } }: AppState,
  words: Words,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  if (sources.length === 0) return []
  const submenu = sources
    .slice(0, MOST_FOLDERS)
    .map(({ id, name }) => ({ label: narrow(name), click: () => actions.openFolder(id) }))
  return [{ label: words(message('menu.folders')), submenu }]
}

function buildIncidentItems(
  { incidents, settings }: AppState,
  words: Words,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  if (incidents.length === 0) return []
  const names = getNamesById(settings)
  const submenu = incidents.slice(0, MOST_INCIDENTS).map((incident) => {
    const [first = incident.group, ...others] = namedSubjects(incident, names)
    const where =
      others.length > 0 ? words(message('notify.others', { path: first, count: others.length })) : first
    const kind = words(message(`kind.${incident.kind}`))
    const title = words(message('window.alerts.title', { kind, where }))
    const label = incident.endedAt === null ? title : words(message('menu.incidentOver', { title }))
    return { label: narrow(label), click: () => actions.openIncident(incident.id) }
  })
  return [{ label: words(message('menu.incidents')), submenu }]
}

/** A menu is as wide as its longest label. So many letters are about 300 pixels. */
const WIDEST_LABEL = 45
/** Chinese characters and other wide ones. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/

/** Cuts a label so that the menu stays narrow, and escapes "&", which marks an item's access key. */
function narrow(text: string): string {
  let width = 0
  const characters = [...text]
  const end = characters.findIndex((one) => {
    width += WIDE.test(one) ? 2 : 1
    return width > WIDEST_LABEL
  })
  const cut = end === -1 ? text : `${characters.slice(0, end - 1).join('')}…`
  return cut.replaceAll('&', '&&')
}
