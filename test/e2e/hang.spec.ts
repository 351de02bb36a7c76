import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'

const INTERVAL_MS = 1_000

test('a frozen file system freezes neither the window nor the checks of the others', async ({ desktop }) => {
  const frozen = await desktop.ext4()
  const well = await desktop.ext4()
  const [frozenSource, wellSource] = [path.join(frozen.point, 'frozen'), path.join(well.point, 'well')]
  await Promise.all([mkdir(frozenSource), mkdir(wellSource)])
  const { page, state } = await desktop.start({
    settings: { check: { intervalSeconds: INTERVAL_MS / 1000 } },
    args: [frozenSource, wellSource],
  })
  const verdictOf = async (name: string) =>
    (await state()).sources.find(({ settings }) => settings.name === name)?.checked
  await until('both sources to be well', async () => {
    const verdicts = [await verdictOf('frozen'), await verdictOf('well')]
    return verdicts.every((checked) => checked?.overall.kind === 'ok')
  })

  await frozen.freeze()
  try {
    await desktop.notifications.waitFor('the hang', ({ body, summary }) =>
      `${summary} ${body}`.includes(frozenSource),
    )
    const ticks: number[] = []
    const answers: number[] = []
    await until(
      'ten checks of the other source',
      async () => {
        const asked = performance.now()
        const checked = await verdictOf('well')
        await page.getByRole('tab', { name: 'Alerts' }).click()
        await page.getByRole('tab', { name: 'Overview' }).click()
        answers.push(performance.now() - asked)
        expect(checked?.overall.kind).toBe('ok')
        if (checked && ticks.at(-1) !== checked.at) ticks.push(checked.at)
        return ticks.length === 10
      },
      30_000,
    )
    const gaps = ticks.slice(1).map((tick, index) => tick - (ticks[index] ?? 0))
    console.log(
      `gaps between checks: ${gaps.join(' ')} ms; slowest answer ${Math.max(...answers).toFixed(0)} ms`,
    )
    // A state patch may be seen late by up to its own pace, so that a tick may be missed here, never moved.
    for (const gap of gaps)
      expect(Math.abs(gap - Math.round(gap / INTERVAL_MS) * INTERVAL_MS)).toBeLessThan(100)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * INTERVAL_MS + 100)
    expect(Math.max(...answers)).toBeLessThan(1_500)
  } finally {
    await frozen.thaw()
  }
  await desktop.notifications.waitFor('the recovery', ({ summary }) => /recovered/i.test(summary))
})
