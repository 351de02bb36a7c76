export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/**
 * Returns the window's position: centred on the tray icon, inside the work area, on the side that has room. null if the
 * desktop does not report the icon's position (StatusNotifier does not): the window manager then chooses.
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

/** The part of a window's top that must be on a screen, in pixels, so that the user can drag it. */
const GRIP = { width: 100, height: 30 }

/** True if the user can still drag a window with these bounds: its screen may have been disconnected. */
export function isReachable(bounds: Rectangle, workAreas: readonly Rectangle[]): boolean {
  const common = (start: number, length: number, otherStart: number, otherLength: number) =>
    Math.min(start + length, otherStart + otherLength) - Math.max(start, otherStart)
  return workAreas.some(
    (area) =>
      common(bounds.x, bounds.width, area.x, area.width) >= GRIP.width &&
      common(bounds.y, GRIP.height, area.y, area.height) >= GRIP.height,
  )
}

/** The window's state when it was last visible. */
export interface SeenWindow {
  bounds: Rectangle
  /** It has a position, stored or from having been shown. */
  isPlaced: boolean
  /** Maximized or full screen: its window manager keeps it on a screen. */
  fillsScreen: boolean
}

/**
 * Returns where to show the window; null if it stays in place, or the window manager chooses its first place. Its
 * screen may have been disconnected since it was hidden.
 * @param near the work area of the screen on which it was requested.
 */
export function placeToShow(
  { bounds, isPlaced, fillsScreen }: SeenWindow,
  tray: Rectangle | null,
  near: Rectangle,
  workAreas: readonly Rectangle[],
): { x: number; y: number } | null {
  if (fillsScreen || (isPlaced && isReachable(bounds, workAreas))) return null
  // A window manager may keep an earlier position.
  return placeNear(tray, bounds, near) ?? (isPlaced ? centredIn(near, bounds) : null)
}

function centredIn(workArea: Rectangle, window: Rectangle): { x: number; y: number } {
  return {
    x: workArea.x + Math.max(0, Math.round((workArea.width - window.width) / 2)),
    y: workArea.y + Math.max(0, Math.round((workArea.height - window.height) / 2)),
  }
}

/** Fits the bounds into the work area: reduces the size and moves the window inside. */
export function fitBounds(bounds: Rectangle, workArea: Rectangle): Rectangle {
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
