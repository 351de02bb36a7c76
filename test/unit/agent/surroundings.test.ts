import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isMetered, isOnBattery, SurroundingsWatch } from '../../../core/agent/parts/pause/power-network.ts'
import type { Surroundings } from '../../../core/agent/state/schema.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { fakeBusctl } from '../../support/faults/fake-busctl.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const mains = (online: number) => ({ type: 'Mains', online })
const battery = (status: string) => ({ type: 'Battery', status })
const mouse = { type: 'Battery', scope: 'Device', status: 'Discharging' }

/** A /sys/class/power_supply. */
function supplies(all: Record<string, Record<string, string | number>>): string {
  const directory = temporaryDirectory('supplies')
  for (const [name, facts] of Object.entries(all)) {
    mkdirSync(path.join(directory, name))
    for (const [fact, value] of Object.entries(facts))
      writeFileSync(path.join(directory, name, fact), `${value}\n`)
  }
  return directory
}

function busctl() {
  const fake = fakeBusctl(temporaryDirectory('busctl'))
  vi.stubEnv('PATH', fake.env.PATH)
  onTestFinished(() => void vi.unstubAllEnvs())
  return fake
}

test.each([
  ['an unplugged laptop is on battery', { AC: mains(0), BAT0: battery('Discharging') }, true],
  ['a plugged-in laptop is not on battery', { AC: mains(1), BAT0: battery('Charging') }, false],
  [
    'a laptop that discharges on a weak supply is not on battery',
    { usb: { type: 'USB', online: 1 }, BAT0: battery('Discharging') },
    false,
  ],
  [
    'a computer with one of two batteries discharging is on battery',
    { BAT0: battery('Unknown'), BAT1: battery('Discharging') },
    true,
  ],
  ['the battery of a mouse does not count', { mouse }, false],
  ['a computer without power supplies is not on battery', {}, false],
])('battery power: %s', async (_, all, is) => {
  expect(await isOnBattery(supplies(all))).toBe(is)
})

test('battery power: a kernel without a list of power supplies is not on battery', async () => {
  expect(await isOnBattery(path.join(temporaryDirectory('none'), 'none'))).toBe(false)
})

describe.skipIf(process.platform !== 'linux')('metered network', () => {
  test('the answer of NetworkManager or its guess is used, and is unknown without it', async () => {
    const { says } = busctl()
    expect(await isMetered()).toBe('unknown')
    const answers = []
    for (const metered of [0, 1, 2, 3, 4]) {
      says(metered)
      answers.push(await isMetered())
    }
    expect(answers).toEqual(['unknown', 'yes', 'no', 'yes', 'no'])
  })

  /** A watch on a metered network, and what it tells; its clock stands still. */
  function watching() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { says } = busctl()
    says(1)
    const told: Surroundings[] = []
    const watch = new SurroundingsWatch(undefined, (now) => told.push(now))
    onTestFinished(() => watch.stop())
    const hears = (count: number) =>
      vi.waitFor(() => expect(told).toHaveLength(count), { timeout: 30_000, interval: 20 })
    return { says, told, watch, hears }
  }

  test('NetworkManager is queried at once and every 30 seconds, until no setting needs it', async () => {
    const { says, told, watch, hears } = watching()
    const settings = { ...defaultSettings.send, pauseOnMetered: true }
    const both = { ...settings, pauseOnBattery: true }
    expect(watch.configure(settings)).toEqual({ battery: 'unasked', metered: 'unasked' })
    await hears(1)
    expect(told).toEqual([{ battery: 'unasked', metered: 'yes' }])
    says(2)
    vi.advanceTimersByTime(30_000)
    await hears(2)
    expect(told[1]).toEqual({ battery: 'unasked', metered: 'no' })
    // What is known already is not forgotten meanwhile.
    expect(watch.configure(both)).toEqual({ battery: 'unasked', metered: 'no' })
    await hears(3)
    // Other files of this process may have timers, too.
    const before = vi.getTimerCount()
    expect(watch.configure(defaultSettings.send)).toEqual({ battery: 'unasked', metered: 'unasked' })
    expect(vi.getTimerCount()).toBe(before - 1)
  })

  test('the network stays metered after one query without an answer, not after two', async () => {
    const { says, told, watch, hears } = watching()
    watch.configure({ ...defaultSettings.send, pauseOnMetered: true })
    for (let count = 1; count <= 3; count += 1) {
      await hears(count)
      says(0)
      vi.advanceTimersByTime(30_000)
    }
    expect(told.map(({ metered }) => metered)).toEqual(['yes', 'yes', 'unknown'])
  })
})
