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
