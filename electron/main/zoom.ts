import type { Input, WebContents } from 'electron'

/** Zoom factors are 1.2 to the power of a level, as in browsers; from half to three times the size. */
const STEP = 0.5
const LEAST = -3.5
const MOST = 6

/** Returns the level after a key; null if it does not zoom. Ctrl (on macOS Command) with +, − or 0. */
export function zoomAfter(
  input: Pick<Input, 'type' | 'key' | 'control' | 'meta' | 'alt'>,
  level: number,
): number | null {
  const { type, key, control, meta, alt } = input
  if (type !== 'keyDown' || alt || !(control || meta)) return null
  if (key === '0') return 0
  if (key === '+' || key === '=') return Math.min(MOST, level + STEP)
  if (key === '-' || key === '_') return Math.max(LEAST, level - STEP)
  return null
}

/** Lets keys and the mouse wheel zoom the page; Chromium stores the level. */
export function letZoom(contents: WebContents): void {
  contents.on('before-input-event', (event, input) => {
    const level = zoomAfter(input, contents.zoomLevel)
    if (level === null) return
    event.preventDefault()
    contents.zoomLevel = level
  })
  contents.on('zoom-changed', (_event, direction) => {
    const key = direction === 'in' ? '+' : '-'
    const wheel = { type: 'keyDown', key, control: true, meta: false, alt: false } as const
    contents.zoomLevel = zoomAfter(wheel, contents.zoomLevel) ?? 0
  })
}
