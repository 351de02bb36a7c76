import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { ignoreError } from '../../../dropped-errors.ts'
import type { Settings } from '../../../settings/schema.ts'
import type { Surroundings, SurroundingsAnswer } from '../../state/schema.ts'

// Watches the power supply and metered networks, for which sending may have to wait.

/** Poll interval while a setting needs it. */
const POLL_EVERY_MS = 30_000
/** Time limit for a reply. The bus, or the service on it, may never give one. */
const BUS_TIMEOUT_MS = 5_000
const isLinux = process.platform === 'linux'
const SUPPLIES = '/sys/class/power_supply'
/** Values of NetworkManager's Metered: yes, and guess-yes, for example a phone's hotspot. */
const METERED: ReadonlySet<string> = new Set(['u 1', 'u 3'])
const NOT_METERED: ReadonlySet<string> = new Set(['u 2', 'u 4'])

const readText = (file: string): Promise<string> =>
  readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )

/**
 * True if the kernel lists a discharging battery of this computer and no other supply that is online. Batteries of
 * mice and phones do not count (Documentation/ABI/testing/sysfs-class-power).
 */
export async function isOnBattery(directory = SUPPLIES): Promise<boolean> {
  const names = await readdir(directory).catch(
    ignoreError('a system without a list of supplies has no battery', []),
  )
  const supplies = await Promise.all(
    names.map(async (name) => {
      const [scope, online, status] = await Promise.all(
        ['scope', 'online', 'status'].map((fact) => readText(path.join(directory, name, fact))),
      )
      const isBattery = (await readText(path.join(directory, name, 'type'))) === 'Battery'
      return { isOwn: scope !== 'Device', isBattery, online, status }
    }),
  )
  const own = supplies.filter(({ isOwn }) => isOwn)
  const isPluggedIn = own.some(({ isBattery, online }) => !isBattery && online === '1')
  return !isPluggedIn && own.some(({ isBattery, status }) => isBattery && status === 'Discharging')
}

/** Asks NetworkManager, if it runs, about the network in use. */
export async function isMetered(): Promise<SurroundingsAnswer> {
  const place = ['org.freedesktop.NetworkManager', '/org/freedesktop/NetworkManager']
  const parameters = [
    '--system',
    '--auto-start=no',
    'get-property',
    ...place,
    'org.freedesktop.NetworkManager',
    'Metered',
  ]
  const options = { timeout: BUS_TIMEOUT_MS, killSignal: 'SIGKILL' } as const
  const reply = await promisify(execFile)('busctl', parameters, options).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
  if (METERED.has(reply)) return 'yes'
  return NOT_METERED.has(reply) ? 'no' : 'unknown'
}

type Wanted = { [Name in keyof Surroundings]: boolean }
const NOTHING: Wanted = { battery: false, metered: false }

/** Polls as long as a setting needs it. */
export class SurroundingsWatch {
  readonly #onChange: (now: Surroundings) => void
  readonly #onBattery: (() => boolean) | undefined
  readonly #unasked: Surroundings
  #now: Surroundings
  #wanted = NOTHING
  #isSilent = false
  #timer: NodeJS.Timeout | null = null

  /** @param onBattery the host's function, for systems without a kernel file for it */
  constructor(onBattery: (() => boolean) | undefined, onChange: (now: Surroundings) => void) {
    this.#onChange = onChange
    this.#onBattery = onBattery
    this.#unasked = {
      battery: isLinux || onBattery !== undefined ? 'unasked' : 'unsupported',
      metered: isLinux ? 'unasked' : 'unsupported',
    }
    this.#now = this.#unasked
  }

  /** Returns the current values. Later changes go to the callback. */
  configure({ pauseOnBattery, pauseOnMetered }: Settings['send']): Surroundings {
    const [before, unasked] = [this.#wanted, this.#unasked]
    const wanted = {
      battery: pauseOnBattery && unasked.battery !== 'unsupported',
      metered: pauseOnMetered && unasked.metered !== 'unsupported',
    }
    if (wanted.battery === before.battery && wanted.metered === before.metered) return this.#now
    this.stop()
    this.#wanted = wanted
    this.#now = {
      battery: wanted.battery && before.battery ? this.#now.battery : unasked.battery,
      metered: wanted.metered && before.metered ? this.#now.metered : unasked.metered,
    }
    if (wanted.battery || wanted.metered) void this.#poll(wanted)
    return this.#now
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#wanted = NOTHING
  }

  async #poll(wanted: Wanted): Promise<void> {
    const [battery, metered] = await Promise.all([
      wanted.battery ? this.#battery() : this.#unasked.battery,
      wanted.metered ? isMetered() : this.#unasked.metered,
    ])
    // The settings have changed meanwhile.
    if (this.#wanted !== wanted) return
    this.#timer = setTimeout(() => void this.#poll(wanted), POLL_EVERY_MS)
    // The bus may fail for a moment, for example after a sleep. A single missing reply changes nothing.
    const isSilent = metered === 'unknown'
    const isFirstSilence = isSilent && !this.#isSilent && this.#now.metered === 'yes'
    this.#isSilent = isSilent
    this.#now = { battery, metered: isFirstSilence ? 'yes' : metered }
    this.#onChange(this.#now)
  }

  async #battery(): Promise<SurroundingsAnswer> {
    const onBattery = isLinux ? await isOnBattery() : this.#onBattery?.()
    return onBattery ? 'yes' : 'no'
  }
}
