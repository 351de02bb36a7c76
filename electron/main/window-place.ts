export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/**
 * Where the window goes: centred on the tray icon, inside the work area, on the side where there is room.
 * null where the desktop does not tell where the icon is (StatusNotifier does not): the window manager decides.
 */
export function placeNear(
  tray: Rectangle | null,
  window: Rectangle,
  workArea: Rectangle,
): { x: number; y: number } | null {
  if (tray === null || tray.width === 0 || tray.height === 0) return null
  const clamp = (value: number, low: number, high: number) =>
    Math.min(Math.max(value, low), Math.max(low, high))
  const isTop = tray.y < workArea.y + workArea.height / 2
  const x = tray.x + Math.round((tray.width - window.width) / 2)
  const y = isTop ? tray.y + tray.height : tray.y - window.height
  return {
    x: clamp(x, workArea.x, workArea.x + workArea.width - window.width),
    y: clamp(y, workArea.y, workArea.y + workArea.height - window.height),
  }
}

/** How much of a window's top must be on a screen, in pixels, for a hand to take hold of it there. */
const GRIP = { width: 100, height: 30 }

/** Whether somebody can still take hold of a window with these bounds: the screen that it was on may be gone. */
export function isReachable(bounds: Rectangle, workAreas: readonly Rectangle[]): boolean {
  const common = (start: number, length: number, otherStart: number, otherLength: number) =>
    Math.min(start + length, otherStart + otherLength) - Math.max(start, otherStart)
  return workAreas.some(
    (area) =>
      common(bounds.x, bounds.width, area.x, area.width) >= GRIP.width &&
      common(bounds.y, GRIP.height, area.y, area.height) >= GRIP.height,
  )
}

/** The window as it was last seen. */
export interface SeenWindow {
  bounds: Rectangle
  /** It has a place, from before or by being shown. */
  isPlaced: boolean
  /** Maximised, or in full screen: its window manager keeps it on a screen. */
  fillsScreen: boolean
}

/**
 * Where the window goes when it is shown; null: it stays where it is, or the window manager chooses its first place.
 * The screen that it was on may have gone since it was hidden.
 * @param near the work area of the screen that it is asked for on.
 */
export function placeToShow(
  { bounds, isPlaced, fillsScreen }: SeenWindow,
  tray: Rectangle | null,
  near: Rectangle,
  workAreas: readonly Rectangle[],
): { x: number; y: number } | null {
  if (fillsScreen || (isPlaced && isReachable(bounds, workAreas))) return null
  // A window manager may keep a place that it was once given.
  return placeNear(tray, bounds, near) ?? (isPlaced ? centredIn(near, bounds) : null)
}

function centredIn(workArea: Rectangle, window: Rectangle): { x: number; y: number } {
  return {
    x: workArea.x + Math.max(0, Math.round((workArea.width - window.width) / 2)),
    y: workArea.y + Math.max(0, Math.round((workArea.height - window.height) / 2)),
  }
}

/** No larger than the work area, and as far inside of it as it was not. */
export function fitted(bounds: Rectangle, workArea: Rectangle): Rectangle {
  const width = Math.min(bounds.width, workArea.width)
  const height = Math.min(bounds.height, workArea.height)
  const within = (at: number, start: number, room: number) => Math.min(Math.max(at, start), start + room)
  if (width === bounds.width && height === bounds.height) return bounds
  return {
    x: within(bounds.x, workArea.x, workArea.width - width),
    y: within(bounds.y, workArea.y, workArea.height - height),
    width,
    height,
  }
}
