// Reads the tray icon as the panel does: org.kde.StatusNotifierItem, and its menu over com.canonical.dbusmenu.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { until } from '../until.ts'
import { anyInteger, call, type MessageBus, properties, unwrapped } from './bus.ts'

const ITEM = 'org.kde.StatusNotifierItem'
const WATCHER = 'org.kde.StatusNotifierWatcher'
const MENU = 'com.canonical.dbusmenu'

/** Where an item is on the bus. */
export interface TrayAddress {
  destination: string
  path: string
}

export interface TrayItem extends TrayAddress {
  id: string
  title: string
  /** "Active", "Passive" or "NeedsAttention". */
  status: string
  tooltip: string
  /** A digest of the picture: another one means that the icon has changed. */
  icon: string
  menuPath: string
}

export interface MenuEntry {
  id: number
  label: string
  enabled: boolean
  visible: boolean
  separator: boolean
  checked: boolean
  children: MenuEntry[]
}

/** Every item that is registered with the panel. */
export async function trayAddresses(bus: MessageBus): Promise<TrayAddress[]> {
  const { RegisteredStatusNotifierItems: items } = await properties(
    bus,
    WATCHER,
    '/StatusNotifierWatcher',
    WATCHER,
  )
  return (items as string[]).map((item) => {
    const slash = item.indexOf('/')
    return slash < 0
      ? { destination: item, path: '/StatusNotifierItem' }
      : { destination: item.slice(0, slash), path: item.slice(slash) }
  })
}

/** The process that an item belongs to. */
export async function trayProcess(bus: MessageBus, { destination }: TrayAddress): Promise<number> {
  const [pid] = await call(bus, {
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
    member: 'GetConnectionUnixProcessID',
    signature: 's',
    body: [destination],
  })
  return Number(pid)
}

export async function readTray(bus: MessageBus, address: TrayAddress): Promise<TrayItem> {
  const item = await properties(bus, address.destination, address.path, ITEM)
  return {
    ...address,
    id: String(item.Id ?? ''),
    title: String(item.Title ?? ''),
    status: String(item.Status ?? ''),
    tooltip: tooltipText(item.ToolTip),
    icon: iconDigest(item),
    menuPath: String(item.Menu ?? '/MenuBar'),
  }
}

/** Waits for the one item of a process (default: the only item there is) and reads it. */
export async function waitForTray(
  bus: MessageBus,
  { pid, withinMs = 60_000 }: { pid?: number; withinMs?: number } = {},
) {
  return until(
    'a tray item',
    async () => {
      for (const address of await trayAddresses(bus)) {
        if (pid === undefined || (await trayProcess(bus, address)) === pid) return readTray(bus, address)
      }
      return null
    },
    withinMs,
  )
}

/** ToolTip is (icon name, pixmaps, title, text); hosts show title and text. */
function tooltipText(tooltip: unknown): string {
  if (!Array.isArray(tooltip)) return ''
  return [tooltip[2], tooltip[3]].filter((part) => typeof part === 'string' && part !== '').join('\n')
}

/** Electron gives pixels or, on some desktops, the name of a file below a theme path of its own. */
function iconDigest(item: Record<string, unknown>): string {
  const hash = createHash('sha256')
  for (const pixmap of (item.IconPixmap as [number, number, Buffer][] | undefined) ?? []) {
    hash.update(`${pixmap[0]}x${pixmap[1]}:`).update(Buffer.from(pixmap[2]))
  }
  const name = String(item.IconName ?? '')
  hash.update(name)
  const file = path.isAbsolute(name) ? name : path.join(String(item.IconThemePath ?? ''), `${name}.png`)
  try {
    hash.update(readFileSync(file))
  } catch {
    // The name is of the desktop's own theme, or there is none.
  }
  return hash.digest('hex')
}

/** The menu as it would open now. */
export async function readMenu(bus: MessageBus, { destination, menuPath }: TrayItem): Promise<MenuEntry[]> {
  const menu = { destination, path: menuPath, interface: MENU }
  // Electron refuses this for a menu that has no need to be brought up to date.
  await call(bus, { ...menu, member: 'AboutToShow', signature: 'i', body: [0] }).catch(() => undefined)
  const [, root] = await call(bus, { ...menu, member: 'GetLayout', signature: 'iias', body: [0, -1, []] })
  return menuEntry(unwrapped(root)).children
}

function menuEntry(layout: unknown): MenuEntry {
  const [id, properties, children] = layout as [number, Record<string, unknown>, unknown[]]
  return {
    id,
    // An underscore marks the access key; a doubled one is an underscore.
    label: String(properties.label ?? '').replace(/_(.)/g, '$1'),
    enabled: properties.enabled !== false,
    visible: properties.visible !== false,
    separator: properties.type === 'separator',
    checked: properties['toggle-state'] === 1,
    children: children.map(menuEntry),
  }
}

/** Activates the entry with these labels, from the menu's top down: ['Pause', 'For 15 min']. */
export async function clickMenu(bus: MessageBus, item: TrayItem, ...labels: string[]): Promise<void> {
  // The icon is there before its menu is.
  const menu = await until('a menu', async () => {
    const read = await readMenu(bus, item)
    return read.length > 0 && read
  })
  let entries = menu
  let entry: MenuEntry | undefined
  for (const label of labels) {
    entry = entries.find((candidate) => candidate.label === label)
    entries = entry?.children ?? []
  }
  if (entry === undefined || !entry.enabled || !entry.visible) {
    throw new Error(
      `no entry "${labels.join(' > ')}" that can be clicked in the menu: ${JSON.stringify(menu)}`,
    )
  }
  const timestamp = Math.floor(Date.now() / 1000)
  await call(bus, {
    destination: item.destination,
    path: item.menuPath,
    interface: MENU,
    member: 'Event',
    signature: 'isvu',
    body: [entry.id, 'clicked', anyInteger(0), timestamp],
  })
}

/** A click on the icon itself. */
export async function activateTray(bus: MessageBus, { destination, path }: TrayItem): Promise<void> {
  await call(bus, { destination, path, interface: ITEM, member: 'Activate', signature: 'ii', body: [0, 0] })
}
