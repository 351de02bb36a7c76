import type { Page } from '@playwright/test'

declare global {
  /** In the page: the different places that were seen, as text. */
  var places: { frame: Set<string>; rows: Set<number> } | undefined
}

/** From now on the places of the header and the tabs, and the heights of the source rows, are noted ten times a second. */
export async function watchPlaces(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen = { frame: new Set<string>(), rows: new Set<number>() }
    globalThis.places = seen
    const look = () => {
      const list = (selector: string) =>
        [...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect())
      const frame = [...list('.header'), ...list('[role="tab"]')]
      seen.frame.add(frame.map(({ x, y, width, height }) => [x, y, width, height].join()).join(' | '))
      for (const { height } of list('.source')) if (height > 0) seen.rows.add(height)
    }
    look()
    setInterval(look, 100)
  })
}

/** Returns the different places seen so far: one each in a window that stands still. */
export function readPlaces(page: Page): Promise<{ frame: string[]; rows: number[] }> {
  return page.evaluate(() => ({
    frame: [...(globalThis.places?.frame ?? [])],
    rows: [...(globalThis.places?.rows ?? [])],
  }))
}
