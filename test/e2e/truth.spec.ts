import { readTray, type TrayAddress, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { type Desktop, expect } from './desktop.ts'
import { readPlaces, watchPlaces } from './places.ts'
import { alertsTab, test } from './telling.ts'
import { buildRows, type Row } from './truth-rows.ts'
import { startWorld, type World } from './truth-world.ts'

// One truth: of each fault the icon, its tooltip, the headline, the card, the Alerts page and the notification say the same
// within an interval and two seconds, and none of them speaks of it so soon after it is repaired.

const SAID_WITHIN_MS = 2_000

interface Screen {
  icon: string
  tooltip: string
  level: string | null
  sentence: string
  card: string
  /** The level of the row. */
  row: string | null
}

/** The desktop with the application in it. */
interface Seen {
  world: World
  desktop: Desktop
  tray: TrayAddress
}

/** Everything that a person sees beside the Alerts page. */
async function readScreen({ world, desktop, tray }: Seen, source: string): Promise<Screen> {
  const { icon, tooltip } = await readTray(desktop.bus, tray)
  const shown = await world.running.page.evaluate((name) => {
    const header = document.querySelector('.header')
    const card = document.querySelector(`article[aria-label="${name}"]`)
    const titles = [...(card?.querySelectorAll('[title]') ?? [])].map((one) => one.getAttribute('title'))
    return {
      level: header?.getAttribute('data-level') ?? null,
      sentence: [...(header?.querySelectorAll('h1, p') ?? [])].map((one) => one.textContent).join(' '),
      card: [card?.textContent, ...titles].join(' '),
      row: card?.getAttribute('data-level') ?? null,
    }
  }, source)
  return { icon, tooltip, ...shown }
}

/** The names of what the Alerts page has as failing now. */
const readOngoing = ({ world }: Seen) =>
  world.running.page.evaluate(() =>
    [...document.querySelectorAll('[aria-label="Failing now"] [data-incident]')].map((one) =>
      one.getAttribute('aria-label'),
    ),
  )

/** What all of them are to say, from one moment on. */
interface Wanted {
  row: Row
  isBroken: boolean
  since: number
  withinMs: number
  /** null: whatever it is. */
  icon: string | null
  /** Notifications that came before. */
  before: number
}

/** Of a row that a person is told of, that its notification comes. Nobody is told who looks at the Alerts page. */
async function hears({ desktop }: Seen, { row, isBroken, before }: Wanted, leftMs: number): Promise<void> {
  const { incident, isTold } = row
  const told = () => desktop.notifications.all.slice(before).map(({ summary }) => summary)
  if (!isTold || incident === null) return expect(told(), row.fault).toEqual([])
  const summary = `${isBroken ? incident.kind : 'Recovered'}: ${incident.where}`
  await until(summary, () => told().includes(summary), leftMs).catch((error) => {
    throw new Error(`${row.fault}: ${error}; there were: ${told().join(' | ')}`)
  })
}

async function agree(seen: Seen, wanted: Wanted): Promise<Screen> {
  const { row, isBroken, since, withinMs, icon } = wanted
  const { page } = seen.world.running
  const left = () => Math.max(1, since + withinMs - Date.now())
  let last: unknown = null
  const orSeen = (error: unknown) => {
    throw new Error(`${row.fault}, ${isBroken ? 'broken' : 'repaired'}: ${error}: ${JSON.stringify(last)}`)
  }
  const look = async () => {
    const now = await readScreen(seen, row.source)
    last = now
    const speaks = [row.says.test(now.tooltip), row.says.test(now.sentence), row.card.test(now.card)]
    // A row has no levels but these.
    const isRowRight = !['failing', 'attention'].includes(row.level) || now.row === row.level
    const isRight =
      !isBroken || (isRowRight && now.level === row.level && (icon === null || now.icon === icon))
    return speaks.every((one) => one === isBroken) && isRight ? now : null
  }
  const screen = await until('icon, tooltip, headline and card to agree', look, left()).catch(orSeen)
  await hears(seen, wanted, left())
  await alertsTab(page).click()
  const title = row.incident === null ? '' : `${row.incident.where} · ${row.incident.kind}`
  const alerts = async () => {
    const lasting = await readOngoing(seen)
    last = lasting
    return lasting.includes(title) === (isBroken && row.incident !== null)
  }
  await until('the Alerts page to agree', alerts, left()).catch(orSeen)
  await page.getByRole('tab', { name: /Overview/ }).click()
  return screen
}

test('status: for each fault tray, headline, card, Alerts page and notification agree in time, clear after repair, and nothing moves', async ({
  desktop,
  receiver,
}) => {
  const world = await startWorld(desktop, receiver)
  const tray = await waitForTray(desktop.bus, { pid: world.running.holdfast.pid })
  const seen = { world, desktop, tray }
  const well = await readScreen(seen, 'lane')
  await watchPlaces(world.running.page)
  const placed = await readPlaces(world.running.page)
  expect(placed.rows).toHaveLength(1)
  const icons = new Map<string, string>([['partial', well.icon]])
  for (const row of buildRows(world)) {
    await test.step(row.fault, async () => {
      const before = desktop.notifications.all.length
      await row.break()
      const since = Date.now()
      const withinMs = row.everySeconds * 1000 + SAID_WITHIN_MS
      const icon = icons.get(row.level) ?? null
      const broken = { row, isBroken: true, since, withinMs, icon, before }
      try {
        const screen = await agree(seen, broken)
        icons.set(row.level, screen.icon)
        console.log(`${row.fault}: all agree after ${Date.now() - since} ms`)
        await row.meanwhile?.()
      } finally {
        // Nothing can end while a file system is frozen.
        await row.repair()
      }
      const again = Date.now()
      const overMs = (row.afterSeconds ?? row.everySeconds) * 1000 + SAID_WITHIN_MS
      const over = { row, isBroken: false, since: again, withinMs: overMs, icon: null, before }
      await agree(seen, over)
      expect(await readPlaces(world.running.page), row.fault).toEqual(placed)
      console.log(`${row.fault}: none speaks of it ${Date.now() - again} ms after its repair`)
    })
    await until(`all to be well after ${row.fault}`, world.isWell)
    expect((await readScreen(seen, row.source)).icon, row.fault).toBe(well.icon)
  }
  // Each level has a picture of its own.
  expect(new Set(icons.values()).size).toBe(icons.size)
})
